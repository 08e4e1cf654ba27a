/**
 * One recovery: the reply to a `subscribe` with `since` and the `history` pages
 * after it, over one connection.
 *
 * It tells the cursor how far it came and hands the messages on; it neither
 * knows what was seen nor begins by itself. It ends in `done`, in `gap` when
 * the service refuses a page for good, or in `stop` with its connection.
 */

import { SorlError } from "./error.js";
import { isMessageId } from "./message_id.js";
import { MAX_PAGE } from "./protocol.js";

/**
 * @typedef {object} Parts
 * @property {string} channel
 * @property {import("./connection.js").Connection} connection
 * @property {import("./cursor.js").Cursor} cursor
 * @property {import("./membership.js").Surroundings} surroundings
 * @property {(message: import("./protocol.js").Message) => boolean} show
 * whether it was shown, and not seen before
 * @property {() => void} shown a whole answer was shown
 * @property {(error: SorlError) => void} gap
 * @property {(messages: number) => void} done with the number of messages shown
 */

/**
 * @typedef {import("./protocol.js").Page & { region: string }} Answer
 */

export class Recovery {
  #parts;
  #shown = 0;
  #failures = 0;
  #stopped = false;
  #cancelRetry = () => {};

  /** @param {Parts} parts */
  constructor(parts) {
    this.#parts = parts;
  }

  stop() {
    this.#stopped = true;
    this.#cancelRetry();
  }

  /**
   * An answer came: the reply at first, then page after page.
   *
   * @param {Answer} answer
   */
  answered({ messages = [], cursor, more, region }) {
    if (this.#stopped) return;
    if (isMessageId(cursor)) this.#parts.cursor.answered(cursor, region, more);
    else if (!more) this.#parts.cursor.settled(region);
    for (const message of messages) {
      if (this.#parts.show(message)) this.#shown++;
    }
    this.#parts.shown();
    // A listener may have ended the membership meanwhile.
    if (this.#stopped) return;
    if (more) this.#ask(cursor);
    else this.#parts.done(this.#shown);
  }

  /** @param {string} since where the last answer ended; the cursor may lie beyond it */
  #ask(since) {
    const { channel, connection } = this.#parts;
    connection.request("history", { channel, since, limit: MAX_PAGE }, (error, page) => {
      if (this.#stopped) return;
      if (error) return this.#refused(error, since);
      if (page.more && !(page.cursor > since)) {
        return this.#refused(new SorlError("internal", "a page does not lead on"), since);
      }
      this.#failures = 0;
      this.answered({ ...page, region: connection.region });
    });
  }

  /**
   * @param {SorlError} error
   * @param {string} since
   */
  #refused(error, since) {
    // A fresh token comes with the next connection, and with it the next recovery.
    if (error.code === "expired") return;
    const { clock, backoff } = this.#parts.surroundings;
    if (error.temporary) {
      this.#cancelRetry = clock.after(backoff(this.#failures++), () => this.#ask(since));
      return;
    }
    this.#parts.cursor.settled(this.#parts.connection.region);
    this.#parts.gap(error);
  }
}
