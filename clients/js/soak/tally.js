/**
 * Who was shown what, how often: one count for each message of each publisher.
 *
 * It keeps a number a message, so that what grows during a soak is the client.
 */

export class Tally {
  /** @type {Map<string, number[]>} */
  #counts = new Map();

  /** @param {{ publisher: string, n: number }} message */
  add({ publisher, n }) {
    const counts = this.#counts.get(publisher) ?? [];
    this.#counts.set(publisher, counts);
    counts[n] = (counts[n] ?? 0) + 1;
  }

  /** How many of the other's messages are not here. @param {Tally} other */
  missing(other) {
    let missing = 0;
    for (const [publisher, counts] of other.#counts) {
      const mine = this.#counts.get(publisher) ?? [];
      counts.forEach((_, n) => {
        if (!mine[n]) missing++;
      });
    }
    return missing;
  }

  /** How many messages are here more than once. */
  get doubled() {
    return [...this.#counts.values()].flat().filter((count) => count > 1).length;
  }

  /** How many messages are here. */
  get size() {
    return [...this.#counts.values()].flat().length;
  }
}
