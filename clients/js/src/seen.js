/**
 * The messages of one channel that were shown already.
 *
 * No I/O and no clock. A recovery begins a while before its cursor, 16 minutes
 * in another region, and names messages that were delayed, so most of what it
 * brings was shown before.
 *
 * The invariant: a tail is kept at least as long as its id lies within 16
 * minutes of `since`, and for 16 minutes after it last came. While `since`
 * stands still, so does the memory: a quiet channel that resumes after hours is
 * sent the same messages again. The last thousand are kept whatever their
 * age: no recovery brings them, but a queue may deliver the same record again
 * hours later. The number kept is bounded; the longest unseen go first.
 */

import { tailOf, timeOf } from "./message_id.js";

const REACH = 16 * 60_000;
/** How many are kept: what 250 messages a second leave within the reach. */
const LIMIT = 250_000;
/** How many are kept whatever their age. */
const LEAST = 1000;

export class Seen {
  /**
   * By tail, the later of its id's time and its last coming; longest unseen first.
   * @type {Map<string, number>}
   */
  #tails = new Map();

  get size() {
    return this.#tails.size;
  }

  /**
   * Notes that a message came and tells whether it is the first of its tail.
   *
   * @param {string} id
   * @param {number} now ms since the epoch
   * @returns {boolean}
   */
  first(id, now) {
    const tail = tailOf(id);
    const known = this.#tails.get(tail);
    this.#tails.delete(tail);
    this.#tails.set(tail, Math.max(known ?? 0, timeOf(id), now));
    return known === undefined;
  }

  /**
   * Forgets what no recovery from `since` can bring again, but for the last.
   *
   * @param {string | null} since
   * @param {number} now ms since the epoch
   */
  forget(since, now) {
    const horizon = since === null ? 0 : Math.min(timeOf(since), now) - REACH;
    for (const [tail, time] of this.#tails) {
      if (this.#tails.size <= (time < horizon ? LEAST : LIMIT)) return;
      this.#tails.delete(tail);
    }
  }
}
