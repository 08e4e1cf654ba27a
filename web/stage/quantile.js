/**
 * Latencies from a histogram's buckets, over the last while.
 *
 * As Prometheus does: within a bucket values are taken to lie evenly, so a
 * figure is as exact as its bucket is narrow.
 */

/** How many readings back a figure looks: a minute. */
const READINGS = 60;

const BUCKETS = "sorl_delivery_seconds_bucket";

/** The latencies from one region to another. */
export class Latencies {
  #labels;
  /** Cumulative counts of the latest readings. @type {Map<number, number>[]} */
  #readings = [];

  /** @param {string} origin @param {string} region */
  constructor(origin, region) {
    this.#labels = { origin, region };
  }

  /** @param {import("./feed.js").Tick} tick */
  read(tick) {
    const buckets = tick.samples.of(BUCKETS, this.#labels);
    const counts = new Map(buckets.map(({ labels, value }) => [bound(labels.le ?? ""), value]));
    this.#readings.push(counts);
    if (this.#readings.length > READINGS) this.#readings.shift();
  }

  /** Messages in the last while; before anything came, those since the service began. */
  get count() {
    return this.#grown().at(-1)?.[1] ?? 0;
  }

  /** @param {number} share @returns {number | null} ms that this share took at most; null without any */
  quantile(share) {
    const grown = this.#grown();
    const wanted = (grown.at(-1)?.[1] ?? 0) * share;
    if (wanted === 0) return null;
    let [from, below] = [0, 0];
    for (const [upTo, count] of grown) {
      if (count >= wanted) {
        const width = Number.isFinite(upTo) ? upTo - from : 0;
        return (from + width * ((wanted - below) / Math.max(1, count - below))) * 1_000;
      }
      [from, below] = [upTo, count];
    }
    return null;
  }

  /** Each bucket's bound and how many were no slower, by bound. @returns {[number, number][]} */
  #grown() {
    const [latest, first] = [this.#readings.at(-1) ?? new Map(), this.#readings[0] ?? new Map()];
    const since = [...latest].map(([upTo, count]) => /** @type {[number, number]} */ ([
      upTo,
      Math.max(0, count - (first.get(upTo) ?? 0)),
    ]));
    const isQuiet = since.every(([, count]) => count === 0);
    const counts = isQuiet ? /** @type {[number, number][]} */ ([...latest]) : since;
    return counts.sort(([a], [b]) => a - b);
  }
}

/** @param {string} le */
const bound = (le) => (le === "+Inf" ? Infinity : Number(le));
