/**
 * What becomes of the messages that come to a member: each is shown once, and
 * in the order of their ids where that was asked for.
 *
 * The invariant: of the messages with one tail the first is shown and no other,
 * and of a recovery nothing from before the member came.
 */

import { Order } from "./order.js";
import { Seen } from "./seen.js";

/**
 * @typedef {import("./protocol.js").Message} Message
 * @typedef {import("./channel.js").Meta} Meta
 */

export class Showing {
  #seen = new Seen();
  #cursor;
  #clock;
  #emit;
  #order;

  /**
   * @param {{ ordered?: boolean | { wait?: number }, cursor: import("./cursor.js").Cursor,
   *   clock: import("./clock.js").Clock, emit: (message: Message, meta: Meta) => void }} parts
   */
  constructor({ ordered, cursor, clock, emit }) {
    this.#cursor = cursor;
    this.#clock = clock;
    this.#emit = emit;
    this.#order = ordered ? new Order({
      ...(ordered === true ? {} : ordered),
      clock,
      owed: () => cursor.owed,
      show: emit,
    }) : null;
  }

  /**
   * @param {Message} message
   * @param {Meta} meta
   * @returns {boolean} whether it was the first of its tail
   */
  show(message, meta) {
    if (meta.recovered && !this.#cursor.owes(message.id)) return false;
    const first = this.#seen.first(message.id, this.#clock.now());
    if (first && this.#order) this.#order.add(message, meta);
    else if (first) this.#emit(message, meta);
    return first;
  }

  /**
   * The cursor moved: what no recovery brings again need not be remembered. One
   * that is under way began before the cursor, which may have moved since.
   */
  forget() {
    const { owed, since } = this.#cursor;
    this.#seen.forget(owed ? null : since, this.#clock.now());
  }

  /** No recovery owes anything: what is held back may be shown. */
  proceed() {
    this.#order?.proceed();
  }

  /** It is over. @param {boolean} rest whether what is held back is shown first */
  end(rest) {
    if (rest) this.#order?.flush();
    this.#order?.clear();
  }
}
