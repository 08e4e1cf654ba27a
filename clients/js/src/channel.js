/**
 * A channel as the application holds it: listeners and the channel's requests.
 *
 * It keeps no state of its own; the membership behind it does. After
 * `unsubscribed` it is over, and `subscribe` gives a new one.
 */

import { Emitter } from "./emitter.js";

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
 * @property {number} [limit] 1 to 500; 50 unless told
 */

/**
 * What a channel can have done for it.
 *
 * @typedef {object} Service
 * @property {(channel: string, data: unknown, options?: import("./publisher.js").PublishOptions)
 *   => Promise<import("./protocol.js").Accepted>} publish
 * @property {(channel: string, options?: HistoryOptions)
 *   => Promise<import("./protocol.js").Page>} history
 * @property {(channel: string) => Promise<import("./protocol.js").Presence>} presence
 * @property {(channel: Channel) => Promise<void>} leave
 */

export class Channel {
  /** @type {Emitter<ChannelEvents>} */
  #events;
  #name;
  #service;

  /**
   * @param {() => string} name of a personal channel, it is known later
   * @param {Service} service
   * @param {Emitter<ChannelEvents>} events
   */
  constructor(name, service, events) {
    this.#name = name;
    this.#service = service;
    this.#events = events;
  }

  /** Empty for the personal channel until the first token was had. */
  get name() {
    return this.#name();
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

  /** One page of the past, ascending by id. @param {HistoryOptions} [options] */
  history(options) {
    return this.#service.history(this.name, options);
  }

  /** Who is here, over all regions. */
  presence() {
    return this.#service.presence(this.name);
  }

  /** Resolves when this client no longer is a member. */
  unsubscribe() {
    return this.#service.leave(this);
  }
}
