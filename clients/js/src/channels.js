/**
 * The channels of one client: which there are, and which frame is for which.
 *
 * Connections come and go underneath; `connected` and `disconnected` pass that
 * on. The personal channel is kept apart, because its name is the user's and
 * so unknown until the first token was had.
 */

import { Channel } from "./channel.js";
import { Emitter } from "./emitter.js";
import { Membership } from "./membership.js";

/**
 * @typedef {Emitter<import("./channel.js").ChannelEvents>} Events
 * @typedef {import("./connection.js").Connection} Connection
 */

/**
 * @typedef {object} Joined
 * @property {Channel} channel
 * @property {Membership} membership
 * @property {Events} events
 */

export class Channels {
  #surroundings;
  #service;
  /** @type {Map<string, Joined>} */
  #joined = new Map();
  /** @type {Joined | null} */
  #personal = null;
  /** @type {Connection | null} */
  #connection = null;
  /** The name of the personal channel; empty while it is unknown. */
  #personalName = "";

  /**
   * @param {import("./membership.js").Surroundings} surroundings
   * @param {import("./channel.js").Service} service
   */
  constructor(surroundings, service) {
    this.#surroundings = surroundings;
    this.#service = service;
  }

  /**
   * The channel of that name, joined unless it was.
   *
   * @param {string} name
   * @param {number} [rewind]
   */
  join(name, rewind) {
    const known = this.#joined.get(name);
    if (known?.membership.wanted) return known.channel;
    const joined = known ? this.#again(known, name, rewind) : this.#anew(name, rewind);
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
    const channel = new Channel(() => membership.channel, this.#service, events);
    this.#personal = { membership, channel, events };
    this.#enter(membership);
    return channel;
  }

  /** @param {Channel} channel */
  async leave(channel) {
    await this.#all().find((joined) => joined.channel === channel)?.membership.leave();
  }

  /**
   * @param {Connection} connection
   * @param {string | null} user that the connection is of
   */
  connected(connection, user) {
    this.#connection = connection;
    this.#name(user === null ? "" : `@${user}`);
    for (const { membership } of this.#all()) this.#enter(membership);
  }

  disconnected() {
    this.#connection = null;
    for (const { membership } of this.#all()) membership.disconnected();
  }

  closed() {
    this.#connection = null;
    for (const { membership } of this.#all()) membership.closed();
  }

  /** @param {Exclude<import("./protocol.js").PushFrame, { type: "bye" }>} frame */
  pushed(frame) {
    if (frame.type === "messages") {
      for (const message of frame.messages) this.#find(message.channel)?.live(message);
    } else if (frame.type === "presence") {
      for (const event of frame.events) this.#find(frame.channel)?.presence(event);
    } else {
      this.#find(frame.channel)?.evicted();
    }
  }

  /** @param {string} name @param {number} [rewind] @returns {Joined} */
  #anew(name, rewind) {
    /** @type {Events} */
    const events = new Emitter();
    const membership = new Membership({
      channel: name,
      rewind,
      surroundings: this.#surroundings,
      events,
      over: () => {
        this.#joined.delete(name);
      },
    });
    this.#enter(membership);
    return { membership, channel: new Channel(() => name, this.#service, events), events };
  }

  /** While it was leaving. @param {Joined} joined @param {string} name @param {number} [rewind] */
  #again({ membership }, name, rewind) {
    /** @type {Events} */
    const events = new Emitter();
    membership.rejoin(rewind, events);
    return { membership, channel: new Channel(() => name, this.#service, events), events };
  }

  /** @param {Membership} membership */
  #enter(membership) {
    if (this.#connection && membership.channel !== "") membership.connected(this.#connection);
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
