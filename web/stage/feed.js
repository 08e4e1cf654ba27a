/**
 * What the service tells of itself, once a second, while the page is looked at.
 *
 * It asks and hands on; what is shown of it is others' matter. A service that
 * does not answer is told as well, and asked again.
 */

import { metrics } from "../service.js";
import { Samples } from "./samples.js";

const EVERY_MS = 1_000;

/**
 * @typedef {import("./samples.js").Labels} Labels
 * @typedef {import("../service.js").Way} Way
 */

/** A reading beside the one before it. */
export class Tick {
  #now;
  #before;

  /** @param {{ at: number, now: Samples, before: Samples, seconds: number, ways: Way[] }} parts */
  constructor({ at, now, before, seconds, ways }) {
    this.#now = now;
    this.#before = before;
    /** The service's time in ms. */
    this.at = at;
    this.seconds = seconds;
    /** Those that changed. */
    this.ways = ways;
  }

  get samples() {
    return this.#now;
  }

  /** @param {string} name @param {Labels} [labels] */
  now(name, labels) {
    return this.#now.sum(name, labels);
  }

  /** How much a counter grew a second. @param {string} name @param {Labels} [labels] */
  rate(name, labels) {
    // A counter that shrank is that of a service that began anew.
    const grown = Math.max(0, this.#now.sum(name, labels) - this.#before.sum(name, labels));
    return this.seconds > 0 ? grown / this.seconds : 0;
  }
}

export class Feed {
  /** @type {((tick: Tick) => void)[]} */
  #listeners = [];
  /** @type {((error: Error) => void)[]} */
  #mourners = [];
  /** @type {{ at: number, samples: Samples } | null} */
  #last = null;
  #next = 0;

  /** @param {(tick: Tick) => void} listener */
  onTick(listener) {
    this.#listeners.push(listener);
  }

  /** @param {(error: Error) => void} listener */
  onLost(listener) {
    this.#mourners.push(listener);
  }

  start() {
    document.addEventListener("visibilitychange", () => this.#ask());
    setInterval(() => this.#ask(), EVERY_MS);
    this.#ask();
  }

  async #ask() {
    if (document.hidden) return;
    try {
      this.#heard(await metrics(this.#next));
    } catch (error) {
      const fault = error instanceof Error ? error : new Error(String(error));
      for (const mourner of this.#mourners) mourner(fault);
    }
  }

  /** @param {import("../service.js").Metrics} told */
  #heard({ at, samples, ways }) {
    const now = new Samples(samples);
    // Two answers may overtake each other; the earlier has nothing new.
    if (this.#last && at <= this.#last.at) return;
    const last = this.#last ?? { at, samples: now };
    this.#last = { at, samples: now };
    this.#next = ways.next;
    const seconds = (at - last.at) / 1_000;
    const tick = new Tick({ at, now, before: last.samples, seconds, ways: ways.messages });
    for (const listener of this.#listeners) listener(tick);
  }
}
