/**
 * A channel as the application holds it: listeners and the channel's requests.
 *
 * It keeps no state of its own; the membership behind it does. After
 * `unsubscribed` it is over, and `subscribe` gives a new one.
 */

import { Emitter } from "./emitter.js";
import { Members } from "./members.js";

/**
 * How a message came: `recovered` ones after a gap, `rewound` ones because
 * `rewind` asked for them, the others live.
 *
 * @typedef {{ recovered: boolean, rewound: boolean }} Meta
 */

/**
 * @typedef {{ region: string, recovered: boolean, resumed: boolean }} Entry
 * where it entered, whether it resumed from a cursor, and whether that was complete
 *
 * @typedef {{ error: import("./error.js").SorlError | null }} Gap
 * the error is there when a page of the recovery was refused
 *
 * @typedef {{ reason: "requested" | "operator" | "refused" | "closed", error: import("./error.js").SorlError | null }} Exit
 */

/**
 * What the application hears of a channel.
 *
 * @typedef {object} ChannelEvents
 * @property {[message: import("./protocol.js").Message, meta: Meta]} message each one once
 * @property {[event: import("./protocol.js").PresenceEvent]} presence
 * @property {[entry: Entry]} subscribed
 * @property {[gap: Gap]} gap something was missed that recovery could not bring
 * @property {[recovery: { messages: number }]} recovered the last page of a recovery came
 * @property {[exit: Exit]} unsubscribed
 */

/**
 * @typedef {object} HistoryOptions
 * @property {string} [since] only what is later than this id; not with `before`
 * @property {string} [before] only what is earlier than this id
 * @property {number} [limit] of one page, 1 to 500; 50 unless told
 */

/**
 * What a channel can have done for it.
 *
 * @typedef {Pick<import("./sorl.js").Sorl, "publish" | "history" | "presence">} Service
 */

export class Channel {
  /** @type {Emitter<ChannelEvents>} */
  #events;
  #membership;
  #service;
  #clock;

  /**
   * @param {{ membership: import("./membership.js").Membership, service: Service,
   *   events: Emitter<ChannelEvents>, clock: import("./clock.js").Clock }} parts
   */
  constructor({ membership, service, events, clock }) {
    this.#membership = membership;
    this.#service = service;
    this.#events = events;
    this.#clock = clock;
  }

  /** Empty for the personal channel until the first token was had. */
  get name() {
    return this.#membership.channel;
  }

  /**
   * Listens; the function returned stops that.
   *
   * @template {keyof ChannelEvents} Name
   * @param {Name} name
   * @param {(...args: ChannelEvents[Name]) => void} listener
   */
  on(name, listener) {
    return this.#events.on(name, listener);
  }

  /**
   * Resolves once the service has accepted the message. It is tried again
   * under one key, so it is shown once however often it was sent.
   *
   * @param {unknown} data any JSON
   * @param {import("./publisher.js").PublishOptions} [options]
   */
  publish(data, options) {
    return this.#service.publish(this.name, data, options);
  }

  /**
   * The past: one page, ascending by id, when awaited; with `for await` all
   * pages, forwards from `since`, else backwards.
   *
   * @param {HistoryOptions} [options]
   */
  history(options) {
    return this.#service.history(this.name, options);
  }

  /** Who is here now, over all regions. */
  presence() {
    return this.#service.presence(this.name);
  }

  /** The same as a list that is kept up to date until it is closed. */
  members() {
    return new Members(this, this.#clock);
  }

  /** Resolves when this client no longer is a member. */
  unsubscribe() {
    return this.#membership.leave(this.#events);
  }
}
