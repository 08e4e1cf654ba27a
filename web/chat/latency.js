/**
 * The latency of a pane's latest live messages: how long after its acceptance
 * each was here, by this machine's clock.
 */

import { coalesce } from "../coalesce.js";
import { duration } from "../figures.js";

const KEPT = 200;

export class Latency {
  /** @type {number[]} */
  #latest = [];
  #shown;
  #draw = coalesce(() => this.#drawNow());

  /** @param {HTMLElement} shown */
  constructor(shown) {
    this.#shown = shown;
  }

  /** @param {number} ms */
  took(ms) {
    this.#latest.push(ms);
    if (this.#latest.length > KEPT) this.#latest.shift();
    this.#draw();
  }

  clear() {
    this.#latest = [];
    this.#draw();
  }

  #drawNow() {
    const [median, max] = [duration(this.#at(0.5)), duration(this.#at(1))];
    this.#shown.textContent = this.#latest.length === 0 ? "" : `median ${median} · max ${max}`;
  }

  /** @param {number} share of the messages that were no slower */
  #at(share) {
    const sorted = [...this.#latest].sort((a, b) => a - b);
    return sorted[Math.floor((sorted.length - 1) * share)] ?? 0;
  }
}
