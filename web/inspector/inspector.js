/**
 * The inspector: the latest messages, and the way of the one that was chosen.
 *
 * Unless one was chosen it follows the latest; choosing it again follows anew.
 * The list stands still while it is paused, or while somebody moves in it.
 */

import { byId, element } from "../element.js";
import { duration } from "../figures.js";
import { tint } from "../region_names.js";
import { waterfall } from "./waterfall.js";
import { Ways, wholeTime } from "./ways.js";

const SHOWN = 40;

const clock = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });

/** @typedef {import("../service.js").Way} Way */

export class Inspector {
  #regions;
  #ways = new Ways();
  #list = byId("ways", HTMLElement);
  #way = byId("way", HTMLElement);
  #filter = byId("ways-filter", HTMLInputElement);
  #pause = byId("ways-pause", HTMLButtonElement);
  #isPaused = false;
  /** Chosen by hand; none while the latest is followed. @type {string | null} */
  #chosen = null;
  #shown = "";

  /** @param {string[]} regions */
  constructor(regions) {
    this.#regions = regions;
    this.#filter.addEventListener("input", () => this.#showList());
    this.#pause.addEventListener("click", () => this.#togglePause());
    this.#list.addEventListener("keydown", (event) => this.#move(event));
    this.#showList();
    this.#showWay();
  }

  /** @param {import("../stage/feed.js").Tick} tick */
  read(tick) {
    if (tick.ways.length === 0) return;
    this.#ways.take(tick.ways);
    const isBusy = this.#isPaused || this.#list.matches(":focus-within, :hover");
    if (!isBusy) this.#showList();
    this.#showWay();
  }

  /** Shows the way of that message and goes there. @param {string} id */
  inspect(id) {
    this.#choose(id);
    byId("inspector", HTMLElement).scrollIntoView({ block: "start" });
    this.#way.focus();
  }

  /** @param {string | null} id */
  #choose(id) {
    this.#chosen = id;
    this.#mark();
    this.#showWay();
  }

  #togglePause() {
    this.#isPaused = !this.#isPaused;
    this.#pause.setAttribute("aria-pressed", String(this.#isPaused));
    if (!this.#isPaused) this.#showList();
    this.#showWay();
  }

  #showList() {
    const latest = this.#ways.latest(this.#filter.value.trim(), SHOWN);
    const items = latest.map((way) => this.#item(way));
    const text = this.#filter.value ? "No message in such a channel." : "No message yet. Write one in a chat.";
    this.#list.replaceChildren(...(items.length > 0 ? items : [element("li", { class: "none" }, text)]));
    this.#mark();
  }

  /** @param {Way} way */
  #item(way) {
    const button = element(
      "button",
      { type: "button", class: "way-item", "data-testid": "way", "data-id": way.id },
      element("span", { class: "dot" }),
      element("span", { class: "channel" }, way.channel),
      element("time", {}, clock.format(way.accepted)),
      element("b", {}, duration(wholeTime(way))),
    );
    button.addEventListener("click", () => this.#choose(way.id === this.#chosen ? null : way.id));
    return element("li", {}, tint(button, way.origin));
  }

  #mark() {
    const current = this.#current()?.id;
    for (const button of this.#list.querySelectorAll("button")) {
      button.setAttribute("aria-pressed", String(button.dataset.id === current));
    }
  }

  #current() {
    if (this.#chosen) return this.#ways.get(this.#chosen);
    if (this.#isPaused) return this.#ways.get(this.#list.querySelector("button")?.dataset.id ?? "");
    return this.#ways.latest(this.#filter.value.trim(), 1)[0];
  }

  #showWay() {
    const way = this.#current();
    const now = JSON.stringify(way ?? this.#chosen);
    if (now === this.#shown) return;
    this.#shown = now;
    const unknown = this.#chosen
      ? "This message went before anybody watched, so its way was not kept."
      : "Choose a message to see when each region had it, and how long it took.";
    const parts = way ? waterfall(way, this.#regions) : [element("p", { class: "none" }, unknown)];
    this.#way.replaceChildren(...parts);
  }

  /** Up and down go from message to message. @param {KeyboardEvent} event */
  #move(event) {
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    const buttons = [...this.#list.querySelectorAll("button")];
    const at = buttons.indexOf(/** @type {HTMLButtonElement} */ (document.activeElement));
    const next = buttons[at + (event.key === "ArrowDown" ? 1 : -1)];
    if (!next) return;
    event.preventDefault();
    next.focus();
    next.click();
  }
}
