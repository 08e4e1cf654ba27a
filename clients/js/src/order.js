/**
 * Holds messages back for a while, to show them in the order of their ids.
 *
 * It knows neither copies nor cursors: what it is given is shown, once.
 *
 * The invariant: a message is shown when it was held for `wait`, after all held
 * ones with smaller ids, and none while a recovery owes earlier ones. What
 * comes later than that is shown in its turn too, after greater ids. What is
 * held is bounded; beyond that the smallest goes.
 */

/**
 * @typedef {import("./protocol.js").Message} Message
 * @typedef {import("./channel.js").Meta} Meta
 */

const WAIT_MS = 500;
const HELD_MAX = 10_000;

export class Order {
  #wait;
  #clock;
  #owed;
  #show;
  /** In the order of their ids. @type {{ message: Message, meta: Meta, due: number }[]} */
  #held = [];
  /** @type {(() => void) | null} */
  #cancel = null;

  /**
   * @param {{ wait?: number, clock: import("./clock.js").Clock, owed: () => boolean,
   *   show: (message: Message, meta: Meta) => void }} parts
   * `owed`: whether a recovery owes earlier messages; when that ends, `proceed` is to be called
   */
  constructor({ wait = WAIT_MS, clock, owed, show }) {
    this.#wait = wait;
    this.#clock = clock;
    this.#owed = owed;
    this.#show = show;
  }

  /** @param {Message} message @param {Meta} meta */
  add(message, meta) {
    const held = this.#held;
    let place = held.length;
    while (place > 0 && (held[place - 1]?.message.id ?? "") > message.id) place--;
    held.splice(place, 0, { message, meta, due: this.#clock.now() + this.#wait });
    if (held.length > HELD_MAX) this.#release(1);
    this.#arm();
  }

  /** Shows what is due. */
  proceed() {
    if (this.#owed()) return;
    const now = this.#clock.now();
    let count = this.#held.length;
    while (count > 0 && (this.#held[count - 1]?.due ?? 0) > now) count--;
    this.#release(count);
    this.#arm();
  }

  /** Shows all there is. */
  flush() {
    this.#release(this.#held.length);
  }

  /** Forgets all there is. */
  clear() {
    this.#held = [];
    this.#cancel?.();
    this.#cancel = null;
  }

  /** @param {number} count */
  #release(count) {
    for (const { message, meta } of this.#held.splice(0, count)) this.#show(message, meta);
  }

  #arm() {
    if (this.#cancel || !this.#held.length) return;
    const due = this.#held.reduce((least, held) => Math.min(least, held.due), Infinity);
    this.#cancel = this.#clock.after(due - this.#clock.now(), () => {
      this.#cancel = null;
      this.proceed();
    });
  }
}
