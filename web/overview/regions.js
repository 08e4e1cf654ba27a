/**
 * The regions in words and numbers: who is connected, what comes in and goes
 * out, what waits. What the map shows, for everybody.
 */

import { element } from "../element.js";
import { amount } from "../figures.js";
import { placeOf, tint } from "../region_names.js";

/** @typedef {{ state: HTMLElement, cells: HTMLElement[] }} Row */

const COLUMNS = /** @type {const} */ (["Connections", "In /s", "Out /s", "Waiting"]);

export class RegionTable {
  /** @type {Map<string, Row>} */
  #rows = new Map();
  /** @type {string[]} */
  #cut = [];

  /** @param {HTMLElement} box @param {string[]} regions */
  constructor(box, regions) {
    const heads = COLUMNS.map((name) => element("th", { scope: "col", class: "figure" }, name));
    const head = element("tr", {}, element("th", { scope: "col" }, "Region"), ...heads);
    const body = element("tbody", {}, ...regions.map((region) => this.#row(region)));
    box.replaceChildren(element("table", {}, element("thead", {}, head), body));
  }

  /** @param {import("../stage/feed.js").Tick} tick */
  read(tick) {
    for (const [region, { cells }] of this.#rows) {
      const figures = [
        tick.now("sorl_connections", { region }),
        tick.rate("sorl_accepted_total", { region }),
        tick.rate("sorl_delivered_total", { region }),
        tick.now("sorl_records", { region }) + tick.now("sorl_held_records", { region }),
      ];
      cells.forEach((cell, at) => {
        cell.textContent = amount(figures[at] ?? 0);
      });
    }
  }

  /** @param {string[]} cut */
  setCut(cut) {
    this.#cut = cut;
    for (const [region, { state }] of this.#rows) {
      const isCut = this.#cut.includes(region);
      state.textContent = isCut ? "cut off" : placeOf(region);
      state.classList.toggle("bad", isCut);
    }
  }

  /** @param {string} region */
  #row(region) {
    const state = element("small", { "data-testid": `region-state-${region}` }, placeOf(region));
    const name = element("a", { href: `#region=${region}`, title: `Give ${region} the page to itself` }, region);
    const head = element("th", { scope: "row" }, tint(element("i", { class: "dot" }), region), name, state);
    const cells = COLUMNS.map(() => element("td", { class: "figure" }, "0"));
    this.#rows.set(region, { state, cells });
    return element("tr", { "data-testid": `region-${region}` }, head, ...cells);
  }
}
