/**
 * What one channel has had, and so where its next `subscribe` resumes.
 *
 * No I/O and no clock: it is told what came and answers what to send.
 *
 * The invariant: `since` is the greatest id that was had, and an id counts as
 * had only when nothing before it is owed. From the loss of a connection until
 * the last page of the recovery, something before every live message is owed,
 * so live messages do not move `since`. If they did, a connection that breaks
 * in the middle of a recovery would skip what its later pages hold.
 */

import { greater, timeOf } from "./message_id.js";

/** More than clocks differ and a first subscribe takes. */
const START_TOLERANCE = 60_000;

export class Cursor {
  /** @type {string | null} */
  #since = null;
  /** @type {string | null} */
  #region = null;
  /** The first id gained: where this client came in. @type {string | null} */
  #start = null;
  #owed = false;
  /**
   * The greatest live id that came while a recovery was owed.
   * @type {string | null}
   */
  #ahead = null;

  /** The id to resume after; null until something was had. */
  get since() {
    return this.#since;
  }

  /** The region in which `since` was gained, where there is one; another one has its messages at other times. */
  get region() {
    return this.#region;
  }

  /** Whether messages before the newest live one may still be missing. */
  get owed() {
    return this.#owed;
  }

  /**
   * Whether a recovery owes this message. One begins up to 16 minutes before
   * `since`, so it also brings what was accepted before this client came.
   *
   * @param {string} id
   */
  owes(id) {
    return this.#start === null || timeOf(id) >= timeOf(this.#start) - START_TOLERANCE;
  }

  /** Something is owed from now on: the connection is gone, or a recovery is asked for. */
  owe() {
    this.#owed = this.#since !== null;
    this.#ahead = null;
  }

  /** Nothing is owed after all: the connection that owed something gave way to one that does not. */
  kept() {
    this.#owed = false;
    this.#ahead = null;
  }

  /**
   * A live message came.
   *
   * @param {string} id
   * @param {string} region of the connection it came over
   */
  live(id, region) {
    if (this.#owed) {
      this.#ahead = greater(this.#ahead, id);
    } else {
      this.gain(id, region);
    }
  }

  /**
   * An id was had, and all before it, whatever is owed elsewhere: over a
   * connection that is being replaced and owes nothing.
   *
   * @param {string} id
   * @param {string} region
   */
  gain(id, region) {
    if (id <= (this.#since ?? "")) return;
    this.#start ??= id;
    this.#since = id;
    this.#region = region;
  }

  /**
   * An answer of the recovery came: the reply to `subscribe`, or one of the
   * pages after it. Replies to other requests have no place here.
   *
   * @param {string} cursor of the answer
   * @param {string} region that answered
   * @param {boolean} more whether further pages follow
   */
  answered(cursor, region, more) {
    this.gain(cursor, region);
    if (!more) this.settled(region);
    else this.#owed = true;
  }

  /**
   * Nothing is owed any longer: the last page came, or the rest cannot be had.
   * What was shown meanwhile counts now, and all of it as gained in `region`,
   * whose log has been read up to the present.
   *
   * @param {string} region
   */
  settled(region) {
    this.#owed = false;
    this.#since = greater(this.#since, this.#ahead);
    this.#ahead = null;
    this.#region = region;
  }
}
