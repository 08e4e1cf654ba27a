/**
 * The latency of a pane's latest live messages: how long after its acceptance
 * each was here, by this machine's clock.
 */

import { duration } from "./transcript.js";

const KEPT = 200;

export class Latency {
  /** @type {number[]} */
  #latest = [];
  #shown;

  /** @param {HTMLElement} shown */
  constructor(shown) {
    this.#shown = shown;
  }

  /** @param {number} ms */
  took(ms) {
    this.#latest = [...this.#latest, ms].slice(-KEPT);
    const median = duration(this.#at(0.5));
    const slowest = duration(this.#at(1));
    this.#shown.textContent = `median ${median} · max ${slowest}`;
  }

  clear() {
    this.#latest = [];
    this.#shown.textContent = "";
  }

  /** @param {number} share of the messages that were no slower */
  #at(share) {
    const sorted = [...this.#latest].sort((a, b) => a - b);
    return sorted[Math.floor((sorted.length - 1) * share)] ?? 0;
  }
}
