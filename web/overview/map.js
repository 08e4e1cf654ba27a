/**
 * The world with the stage's regions on it: how many are connected where, what
 * is cut off, and which way messages go just now.
 *
 * A picture of what the table beside it says in words; nothing is to be had
 * here alone.
 */

import { drawn, element } from "../element.js";
import { amount, counted } from "../figures.js";
import { tint } from "../region_names.js";
import { Flights } from "./flights.js";
import { HEIGHT, LAND, PLACES, WIDTH } from "./world.js";

/** Right of here a label stands left of its spot, so that it stays in the picture. */
const LABELS_TURN_AT = WIDTH * 0.78;

export class WorldMap {
  #regions;
  /** @type {Map<string, { spot: HTMLElement, connections: HTMLElement, at: [number, number] }>} */
  #spots = new Map();
  #flights;
  #label;

  /** @param {HTMLElement} box @param {string[]} regions */
  constructor(box, regions) {
    this.#regions = regions;
    const land = drawn("path", { class: "land", d: LAND });
    const picture = drawn("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img" }, land);
    const sky = element("div", { class: "sky", "aria-hidden": "true" });
    this.#label = picture;
    const places = new Map(regions.map((region, index) => [region, placeOf(region, index)]));
    this.#flights = new Flights({ picture, sky }, places);
    const spots = element("div", { class: "spots", "aria-hidden": "true" });
    for (const [region, at] of places) spots.append(this.#spot(region, at));
    box.replaceChildren(picture, sky, spots);
  }

  /** @param {import("../stage/feed.js").Tick} tick */
  read(tick) {
    let all = 0;
    for (const [region, { connections }] of this.#spots) {
      const open = tick.now("sorl_connections", { region });
      connections.textContent = amount(open);
      all += open;
    }
    this.#label.setAttribute(
      "aria-label",
      `World map: ${counted(this.#regions.length, "region")}, ${counted(all, "connection")}`,
    );
    this.#flights.read(tick);
  }

  /** @param {string[]} cut */
  setCut(cut) {
    for (const [region, { spot }] of this.#spots) {
      spot.classList.toggle("cut", cut.includes(region));
    }
    this.#flights.setCut(cut);
  }

  /** @param {string} region @param {[number, number]} at */
  #spot(region, at) {
    const connections = element("b", { "data-testid": `map-connections-${region}` }, "0");
    const label = element("span", { class: "label" }, element("span", {}, region), connections);
    const spot = element("div", { class: "spot", "data-testid": `map-${region}` }, label);
    spot.classList.toggle("turned", at[0] > LABELS_TURN_AT);
    spot.style.left = `${(at[0] / WIDTH) * 100}%`;
    spot.style.top = `${(at[1] / HEIGHT) * 100}%`;
    tint(spot, region);
    this.#spots.set(region, { spot, connections, at });
    return spot;
  }
}

/**
 * Where a region lies; one that AWS does not have lies in the southern sea.
 *
 * @param {string} region
 * @param {number} index
 * @returns {[number, number]}
 */
const placeOf = (region, index) => PLACES[region] ?? [430 + 60 * index, HEIGHT - 30];
