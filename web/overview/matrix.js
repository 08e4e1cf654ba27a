/**
 * How long messages take from each region to each: the typical one and the
 * slowest in a hundred, of the last minute.
 *
 * Colour says it at a glance and numbers say it exactly; neither needs the other.
 */

import { element } from "../element.js";
import { duration } from "../figures.js";
import { Latencies } from "../stage/quantile.js";

/** Bounds in ms of what is quick, fair, slow; beyond is bad. */
const SHADES = /** @type {const} */ ([
  ["quick", 50],
  ["fair", 250],
  ["slow", 1_000],
]);

export class Matrix {
  /** @type {{ latencies: Latencies, cell: HTMLElement }[]} */
  #cells = [];

  /** @param {HTMLElement} box @param {string[]} regions */
  constructor(box, regions) {
    const to = regions.map((region) => element("th", { scope: "col" }, region));
    const corner = element("th", { scope: "col", class: "corner" }, "from ↓  to →");
    const rows = regions.map((origin) => {
      const cells = regions.map((region) => this.#cell(origin, region));
      return element("tr", {}, element("th", { scope: "row" }, origin), ...cells);
    });
    const head = element("thead", {}, element("tr", {}, corner, ...to));
    box.replaceChildren(element("table", {}, head, element("tbody", {}, ...rows)));
  }

  /** @param {import("../stage/feed.js").Tick} tick */
  read(tick) {
    for (const { latencies, cell } of this.#cells) {
      latencies.read(tick);
      show(cell, latencies.quantile(0.5), latencies.quantile(0.99));
    }
  }

  /** @param {string} origin @param {string} region */
  #cell(origin, region) {
    const cell = element("td", { "data-testid": `latency-${origin}-${region}` });
    show(cell, null, null);
    this.#cells.push({ latencies: new Latencies(origin, region), cell });
    return cell;
  }
}

/** @param {HTMLElement} cell @param {number | null} median @param {number | null} slowest */
function show(cell, median, slowest) {
  const isKnown = median !== null && slowest !== null;
  const shade = SHADES.find(([, upTo]) => (slowest ?? 0) <= upTo)?.[0] ?? "bad";
  cell.dataset.shade = isKnown ? shade : "none";
  cell.replaceChildren(
    ...(isKnown ? [about(median), element("small", {}, `p99 ${about(slowest)}`)] : ["–"]),
  );
}

/** The histogram's first bound is a millisecond; below it nothing is known. @param {number} ms */
const about = (ms) => (ms < 1 ? "< 1 ms" : duration(ms));
