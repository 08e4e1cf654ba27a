/**
 * The client: one link to the service and the channels that share it.
 *
 * It wires the parts together and does nothing itself: `link.js` keeps the
 * connection, `channels.js` the channels, `publisher.js` publishes.
 */

import { fullJitter } from "./backoff.js";
import { Channels } from "./channels.js";
import { systemClock } from "./clock.js";
import { Emitter } from "./emitter.js";
import { closed, SorlError } from "./error.js";
import { history } from "./history.js";
import { Link } from "./link.js";
import { Publisher } from "./publisher.js";
import { onWaking } from "./wake.js";

/**
 * @typedef {object} SorlOptions
 * @property {import("./link.js").Endpoint[]
 *   | (() => import("./link.js").Endpoint[] | Promise<import("./link.js").Endpoint[]>)} endpoints
 * @property {string | (() => string | Promise<string>)} token a JWT; a function is asked at each connect
 * @property {string} [region] the preferred one; else the first of the endpoints
 * @property {new (url: string, protocols: string[]) => any} [WebSocket] Node 20 has none of its own
 * @property {import("./publisher.js").QueueOptions} [queue] of publishes that wait for the service
 * @property {Partial<Timing>} [timing]
 * @property {import("./clock.js").Clock} [clock]
 * @property {() => number} [random] from 0 up to 1
 */

/**
 * @typedef {object} Timing
 * @property {number} connect ms that an attempt to connect may take; 15,000
 * @property {number} reply ms until a missing reply counts as unknown; 30,000
 * @property {number} ping ms without traffic until a ping; 540,000
 * @property {number} handover ms that a replaced connection may stay; 60,000
 * @property {number} stable ms until a connection counts as a success; 5,000
 * @property {number} publish ms until a publish is given up; 120,000
 * @property {import("./backoff.js").BackoffOptions} backoff
 */

/**
 * @typedef {object} SorlEvents
 * @property {[transition: import("./link.js").Transition]} state
 * @property {[error: SorlError]} error
 * @property {[bye: import("./protocol.js").ByeFrame]} bye the service is about to close
 */

/** @type {Timing} */
const TIMING = {
  connect: 15_000,
  reply: 30_000,
  ping: 540_000,
  handover: 60_000,
  stable: 5_000,
  publish: 120_000,
  backoff: {},
};

export class Sorl {
  /** @type {Emitter<SorlEvents>} */
  #events = new Emitter();
  /** @type {string | null} */
  #user = null;
  #timing;
  #channels;
  #link;
  #publisher;
  #stopListening;

  /** @param {SorlOptions} options */
  constructor(options) {
    const { clock = systemClock, random = Math.random, WebSocket = globalThis.WebSocket } = options;
    if (!WebSocket) throw new TypeError("no WebSocket: give one as an option");
    this.#timing = { ...TIMING, ...options.timing };
    const backoff = fullJitter({ random, ...this.#timing.backoff });
    this.#channels = new Channels({ clock, backoff }, this, () => this.#link.release());
    this.#link = new Link({ ...options, clock, random, WebSocket, backoff, timing: this.#timing }, {
      changed: (transition) => this.#changed(transition),
      connected: (connection) => this.#connected(connection),
      disconnected: (connection) => this.#channels.disconnected(connection),
      pushed: (connection, frame) => this.#pushed(connection, frame),
      failed: (error) => this.#events.emit("error", error),
    });
    const patience = this.#timing.publish;
    this.#publisher = new Publisher({ link: this.#link, clock, backoff, patience, queue: options.queue });
    this.#stopListening = onWaking(() => this.wake(), () => this.#link.offline());
  }

  /** @returns {import("./link.js").State} */
  get state() {
    return this.#link.state;
  }

  /** The region connected to, or sought. */
  get region() {
    return this.#link.region;
  }

  /** The user that the last token names; null before. */
  get user() {
    return this.#user;
  }

  /**
   * The personal channel, `@` and the user's name. The service delivers it on
   * every connection; to use it is to recover it too.
   */
  get messages() {
    this.#link.open();
    return this.#channels.personal();
  }

  /**
   * Listens; the function returned stops that.
   *
   * @template {keyof SorlEvents} Name
   * @param {Name} name
   * @param {(...args: SorlEvents[Name]) => void} listener
   */
  on(name, listener) {
    return this.#events.on(name, listener);
  }

  /** Connects now rather than at the first use. */
  connect() {
    this.#link.open();
  }

  /**
   * The channel of that name, the same one until it is unsubscribed.
   *
   * @param {string} name
   * @param {import("./membership.js").SubscribeOptions} [options]
   * @returns {import("./channel.js").Channel}
   */
  subscribe(name, options) {
    if (name.startsWith("@")) {
      throw new SorlError("bad_request", "the personal channel is `messages`", { channel: name });
    }
    if (this.state === "closed") throw closed();
    this.#link.open();
    return this.#channels.join(name, options);
  }

  /**
   * @param {string} channel
   * @param {unknown} data any JSON
   * @param {import("./publisher.js").PublishOptions} [options]
   */
  publish(channel, data, options) {
    return this.#publisher.publish(channel, data, options);
  }

  /**
   * A channel's past: a page to await, all of it with `for await`. It moves no
   * cursor and is not remembered.
   *
   * @param {string} channel
   * @param {import("./channel.js").HistoryOptions} [options]
   */
  history(channel, options) {
    return history((which) => this.#ask("history", { channel, ...which }), options);
  }

  /**
   * @param {string} channel
   * @returns {Promise<import("./protocol.js").Presence>}
   */
  presence(channel) {
    return this.#ask("presence", { channel });
  }

  /** Moves to another region and resumes there. @param {string} region */
  use(region) {
    this.#link.use(region);
  }

  /**
   * Looks whether the service still is there, and waits no longer if it waits.
   * In a page this is done whenever the page is shown or online again.
   */
  wake() {
    this.#link.wake();
  }

  /** Ends everything for good. */
  close() {
    this.#link.close("requested");
  }

  /**
   * @param {string} action
   * @param {Record<string, unknown>} fields
   */
  async #ask(action, fields) {
    const connection = await this.#link.connection(this.#timing.reply);
    return connection.ask(action, fields);
  }

  /** @param {import("./link.js").Transition} transition */
  #changed(transition) {
    if (transition.state === "closed") {
      this.#stopListening();
      this.#channels.closed();
    }
    this.#events.emit("state", transition);
  }

  /** @param {import("./connection.js").Connection} connection */
  #connected(connection) {
    this.#user = connection.user;
    this.#channels.connected(connection);
  }

  /** @param {import("./connection.js").Connection} connection @param {import("./protocol.js").PushFrame} frame */
  #pushed(connection, frame) {
    if (frame.type === "bye") this.#events.emit("bye", frame);
    else this.#channels.pushed(connection, frame);
  }
}
