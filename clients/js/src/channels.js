/**
 * The channels of one client: which there are, and which frame is for which.
 *
 * Connections come and go underneath; `connected` and `disconnected` pass that
 * on. The personal channel is kept apart, because its name is the user's and
 * so unknown until the first token was had.
 *
 * The invariant: at most `ENTERING_MAX` channels enter or recover at a time, so
 * that a client of many channels is no stampede when it comes back.
 */

import { Channel } from "./channel.js";
import { Emitter } from "./emitter.js";
import { Membership } from "./membership.js";

/**
 * @typedef {Emitter<import("./channel.js").ChannelEvents>} Events
 * @typedef {import("./connection.js").Connection} Connection
 * @typedef {import("./membership.js").SubscribeOptions} SubscribeOptions
 */

/**
 * @typedef {object} Joined
 * @property {Channel} channel
 * @property {Membership} membership
 * @property {Events} events
 */

/** Enough to hide the round trips, few enough for one Lambda's worth of work each. */
const ENTERING_MAX = 32;

export class Channels {
  #surroundings;
  #released;
  #service;
  /** @type {Map<string, Joined>} */
  #joined = new Map();
  /** @type {Joined | null} */
  #personal = null;
  /** @type {Connection | null} */
  #connection = null;
  /** Who is to enter over the connection. @type {Set<Membership>} */
  #due = new Set();
  /** Who is entering. @type {Set<Membership>} */
  #entering = new Set();
  /** The name of the personal channel; empty while it is unknown. */
  #personalName = "";

  /**
   * @param {Omit<import("./membership.js").Surroundings, "settled">} surroundings
   * @param {import("./channel.js").Service} service that the channels publish with and ask
   * @param {() => void} released the current connection owes no channel anything
   */
  constructor(surroundings, service, released) {
    this.#surroundings = {
      ...surroundings,
      settled: (/** @type {Membership} */ membership) => this.#settled(membership),
    };
    this.#service = service;
    this.#released = released;
  }

  /**
   * The channel of that name, joined unless it was.
   *
   * @param {string} name
   * @param {SubscribeOptions} [options]
   */
  join(name, options) {
    const known = this.#joined.get(name);
    if (known?.membership.wanted) return known.channel;
    const joined = known ? this.#again(known, options) : this.#anew(name, options);
    this.#joined.set(name, joined);
    return joined.channel;
  }

  /** The personal channel, joined unless it was. */
  personal() {
    if (this.#personal) return this.#personal.channel;
    /** @type {Events} */
    const events = new Emitter();
    const membership = new Membership({
      channel: this.#personalName,
      personal: true,
      surroundings: this.#surroundings,
      events,
      over: () => {
        this.#personal = null;
      },
    });
    this.#personal = this.#held(membership, events);
    this.#enter(membership);
    return this.#personal.channel;
  }

  /** All channels enter over this connection, and leave the former one behind. @param {Connection} connection */
  connected(connection) {
    this.#connection = connection;
    this.#entering.clear();
    this.#name(connection.user === null ? "" : `@${connection.user}`);
    for (const { membership } of this.#all()) this.#due.add(membership);
    this.#admit();
  }

  /** @param {Connection} connection */
  disconnected(connection) {
    if (connection === this.#connection) {
      this.#connection = null;
      this.#due.clear();
      this.#entering.clear();
    }
    for (const { membership } of this.#all()) {
      if (membership.disconnected(connection)) this.#enter(membership);
    }
  }

  closed() {
    for (const { membership } of this.#all()) membership.closed();
  }

  /**
   * @param {Connection} connection
   * @param {Exclude<import("./protocol.js").PushFrame, { type: "bye" }>} frame
   */
  pushed(connection, frame) {
    if (frame.type === "messages") {
      for (const message of frame.messages) this.#find(message.channel)?.live(message, connection);
    } else if (frame.type === "presence") {
      for (const event of frame.events) this.#find(frame.channel)?.presence(event, connection);
    } else {
      this.#find(frame.channel)?.evicted(connection);
    }
  }

  /** @param {string} name @param {SubscribeOptions} [options] @returns {Joined} */
  #anew(name, options) {
    /** @type {Events} */
    const events = new Emitter();
    const membership = new Membership({
      channel: name,
      options,
      surroundings: this.#surroundings,
      events,
      over: () => {
        this.#joined.delete(name);
      },
    });
    this.#enter(membership);
    return this.#held(membership, events);
  }

  /** While it was leaving. @param {Joined} joined @param {SubscribeOptions} [options] */
  #again({ membership }, options) {
    /** @type {Events} */
    const events = new Emitter();
    membership.rejoin(options, events);
    return this.#held(membership, events);
  }

  /** As the application holds it, until it is over. @param {Membership} membership @param {Events} events @returns {Joined} */
  #held(membership, events) {
    const { clock } = this.#surroundings;
    const channel = new Channel({ membership, service: this.#service, events, clock });
    return { membership, channel, events };
  }

  /** @param {Membership} membership */
  #enter(membership) {
    this.#due.add(membership);
    this.#admit();
  }

  /** Lets those enter who are due, as many as may. */
  #admit() {
    for (const membership of this.#due) {
      if (!this.#connection || this.#entering.size >= ENTERING_MAX) return;
      this.#due.delete(membership);
      if (membership.channel === "") continue;
      this.#entering.add(membership);
      membership.connected(this.#connection);
    }
    if (this.#connection && !this.#entering.size) this.#released();
  }

  /** @param {Membership} membership */
  #settled(membership) {
    this.#due.delete(membership);
    if (this.#entering.delete(membership)) this.#admit();
  }

  /** Another user has another personal channel, with nothing to recover. @param {string} name */
  #name(name) {
    const former = this.#personalName;
    this.#personalName = name;
    if (!this.#personal) return;
    const { membership, events } = this.#personal;
    membership.channel = name;
    if (former !== "" && former !== name) membership.rejoin(undefined, events);
  }

  #all() {
    const joined = [...this.#joined.values()];
    return this.#personal ? [this.#personal, ...joined] : joined;
  }

  /** @param {string} channel */
  #find(channel) {
    const personal = this.#personal?.membership;
    return personal?.channel === channel ? personal : this.#joined.get(channel)?.membership;
  }
}
