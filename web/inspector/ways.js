/**
 * The ways of the latest messages, as the service told them.
 *
 * Bounded; the oldest go first. It keeps and answers, and shows nothing.
 */

const KEPT = 500;

/** @typedef {import("../service.js").Way} Way */

export class Ways {
  /** By id, which sorts by time. @type {Map<string, Way>} */
  #byId = new Map();

  /** @param {Way[]} changed */
  take(changed) {
    for (const way of changed) this.#byId.set(way.id, way);
    if (this.#byId.size <= KEPT) return;
    const oldest = [...this.#byId.keys()].sort().slice(0, this.#byId.size - KEPT);
    for (const id of oldest) this.#byId.delete(id);
  }

  /** @param {string} id */
  get(id) {
    return this.#byId.get(id);
  }

  /** The latest in channels whose names have that in them. @param {string} part @param {number} count */
  latest(part, count) {
    const wanted = [...this.#byId.values()].filter(({ channel }) => channel.includes(part));
    return wanted.sort((a, b) => (a.id < b.id ? 1 : -1)).slice(0, count);
  }
}

/** When the last region was done with it, in ms after its acceptance. @param {Way} way */
export function wholeTime({ accepted, regions }) {
  const ends = Object.values(regions).map(endOf);
  return Math.max(0, ...ends.map((end) => end - accepted));
}

/** @param {import("../service.js").Leg} leg */
export const endOf = ({ last_post, done, received }) => last_post ?? done ?? received;
