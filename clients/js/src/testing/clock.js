/**
 * A clock that stands still until it is told to advance. Timers run in the
 * order of their times, within `advance` and nowhere else.
 */

export class FakeClock {
  #now;
  /** @type {Set<{ at: number, run: () => void }>} */
  #timers = new Set();

  /** @param {number} [now] ms since the epoch */
  constructor(now = Date.UTC(2026, 0, 1)) {
    this.#now = now;
    this.now = () => this.#now;
  }

  /** How many timers wait. */
  get waiting() {
    return this.#timers.size;
  }

  /**
   * @param {number} ms
   * @param {() => void} run
   */
  after(ms, run) {
    const timer = { at: this.#now + ms, run };
    this.#timers.add(timer);
    return () => {
      this.#timers.delete(timer);
    };
  }

  /** @param {number} ms */
  advance(ms) {
    const end = this.#now + ms;
    for (let timer = this.#due(end); timer; timer = this.#due(end)) {
      this.#timers.delete(timer);
      this.#now = Math.max(this.#now, timer.at);
      timer.run();
    }
    this.#now = end;
  }

  /** @param {number} end */
  #due(end) {
    return [...this.#timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
  }
}
