/**
 * Messages on their way over the map: an arc between each two regions, as
 * strong as what goes along it, and a spark for each message that passed.
 *
 * Sparks are bounded, and move by transforms alone, which need no painting: a
 * busy stage does not busy the page. Who wants no motion gets none: the arcs say
 * it by their strength alone.
 */

import { drawn, element } from "../element.js";
import { tint } from "../region_names.js";
import { WIDTH } from "./world.js";

const SPARKS_MAX = 30;
const FLIGHT_MS = 900;
/** A reading's sparks set out within this, in the order of their messages. */
const SPREAD_MS = 900;
/** Places that a spark passes; between them it goes straight. */
const STEPS = 24;
/** Messages a second on an arc that is drawn at its strongest. */
const STRONG = 100;

const stillness = matchMedia("(prefers-reduced-motion: reduce)");

/** @typedef {[number, number]} Point */

export class Flights {
  #arcs = drawn("g", { class: "arcs" });
  #sky;
  #places;
  /** @type {Map<string, { path: SVGPathElement, from: string, to: string }>} */
  #byPair = new Map();
  /** Flights that had their spark. @type {Set<string>} */
  #flown = new Set();
  #isFirst = true;

  /** @param {{ picture: SVGSVGElement, sky: HTMLElement }} drawings @param {Map<string, Point>} places */
  constructor({ picture, sky }, places) {
    this.#places = places;
    this.#sky = sky;
    const regions = [...places.keys()];
    regions.forEach((from, at) => {
      for (const to of regions.slice(at + 1)) this.#draw(from, to);
    });
    picture.append(this.#arcs);
  }

  /** @param {import("../stage/feed.js").Tick} tick */
  read(tick) {
    for (const { path, from, to } of this.#byPair.values()) {
      const there = tick.rate("sorl_delivery_seconds_count", { origin: from, region: to });
      const back = tick.rate("sorl_delivery_seconds_count", { origin: to, region: from });
      const strength = Math.min(1, Math.log1p(there + back) / Math.log1p(STRONG));
      path.style.setProperty("--strength", strength.toFixed(2));
    }
    const fresh = tick.ways.flatMap((way) => this.#fresh(way));
    // What went before the page was opened is not shown as if it went now.
    if (!this.#isFirst && !stillness.matches) this.#fly(fresh);
    this.#isFirst = false;
  }

  /** @param {string[]} cut */
  setCut(cut) {
    for (const { path, from, to } of this.#byPair.values()) {
      path.classList.toggle("cut", cut.includes(from) || cut.includes(to));
    }
  }

  /**
   * The flights of a message that were not shown yet.
   *
   * @param {import("../service.js").Way} way
   */
  #fresh({ id, origin, regions }) {
    const landed = Object.entries(regions).filter(([, leg]) => leg.posts > 0);
    const fresh = landed.filter(([region]) => !this.#flown.has(`${id} ${region}`));
    for (const [region] of fresh) this.#flown.add(`${id} ${region}`);
    for (const flight of this.#flown) {
      if (this.#flown.size <= 3_000) break;
      this.#flown.delete(flight);
    }
    return fresh.map(([region, leg]) => ({ from: origin, to: region, at: leg.first_post ?? leg.received }));
  }

  /** @param {{ from: string, to: string, at: number }[]} flights */
  #fly(flights) {
    const room = SPARKS_MAX - this.#sky.childElementCount;
    const shown = flights.slice(-Math.max(0, room));
    const first = Math.min(...shown.map(({ at }) => at));
    for (const { from, to, at } of shown) this.#spark(from, to, Math.min(at - first, SPREAD_MS));
  }

  /** @param {string} from @param {string} to @param {number} delay */
  #spark(from, to, delay) {
    const [start, end] = [this.#places.get(from), this.#places.get(to)];
    if (!start || !end) return;
    const spark = tint(element("i", { class: from === to ? "ripple" : "spark" }), from);
    this.#sky.append(spark);
    const scale = this.#sky.clientWidth / WIDTH;
    const frames = from === to ? rippling(start, scale) : flying(start, end, scale);
    const timing = { duration: FLIGHT_MS, delay, easing: "ease-in-out", fill: /** @type {const} */ ("both") };
    spark.animate(frames, timing).finished.then(() => spark.remove(), () => spark.remove());
  }

  /** @param {string} from @param {string} to */
  #draw(from, to) {
    const [start, end] = [this.#places.get(from), this.#places.get(to)];
    if (!start || !end) return;
    const path = drawn("path", { class: "arc", d: arc(start, end) });
    this.#arcs.append(path);
    this.#byPair.set(`${from} ${to}`, { path, from, to });
  }
}

/** The middle of a curve that bends north, as flights do on flat maps. @param {Point} from @param {Point} to @returns {Point} */
function bend([x1, y1], [x2, y2]) {
  const rise = Math.hypot(x2 - x1, y2 - y1) * 0.28;
  return [(x1 + x2) / 2, Math.max(4, (y1 + y2) / 2 - rise)];
}

/** @param {Point} from @param {Point} to */
const arc = (from, to) => `M${from}Q${bend(from, to)} ${to}`;

/** Along the arc, turned the way it goes. @param {Point} from @param {Point} to @param {number} scale @returns {Keyframe[]} */
function flying(from, to, scale) {
  const middle = bend(from, to);
  return Array.from({ length: STEPS + 1 }, (_, step) => {
    const done = step / STEPS;
    const on = (/** @type {0 | 1} */ axis) => {
      const [a, b, c] = [from[axis], middle[axis], to[axis]];
      const at = (1 - done) ** 2 * a + 2 * (1 - done) * done * b + done ** 2 * c;
      return { at: at * scale, pace: (1 - done) * (b - a) + done * (c - b) };
    };
    const [x, y] = [on(0), on(1)];
    const turned = Math.atan2(y.pace, x.pace);
    const opacity = step === 0 || step === STEPS ? 0 : 1;
    return { transform: `translate(${x.at}px, ${y.at}px) rotate(${turned}rad)`, opacity };
  });
}

/** @param {Point} at @param {number} scale @returns {Keyframe[]} */
function rippling([x, y], scale) {
  const there = `translate(${x * scale}px, ${y * scale}px)`;
  const small = `${there} scale(1)`;
  return [
    { transform: small, opacity: 0 },
    { transform: small, opacity: 0.9, offset: 0.4 },
    { transform: `${there} scale(3.2)`, opacity: 0 },
  ];
}
