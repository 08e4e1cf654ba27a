/**
 * One channel's membership across connections: it enters, recovers what was
 * missed, passes messages on once each, and leaves.
 *
 * It speaks over whatever connection it is given and opens none. A connection
 * that ends takes the membership with it; the next one enters anew with the
 * cursor. So does one that is given while the former lives: then messages come
 * over both, and those move the cursor before which nothing is owed over theirs.
 *
 * The invariant: at most one `subscribe` or `unsubscribe` of the channel is
 * outstanding. Every step ends in `#next`, which compares what is wanted with
 * what is and sends the one request that closes the difference.
 */

import { Cursor } from "./cursor.js";
import { Recovery } from "./recovery.js";
import { Showing } from "./showing.js";

/**
 * @typedef {import("./protocol.js").Message} Message
 * @typedef {import("./connection.js").Connection} Connection
 * @typedef {import("./emitter.js").Emitter<import("./channel.js").ChannelEvents>} Events
 */

/**
 * @typedef {object} Surroundings
 * @property {import("./clock.js").Clock} clock
 * @property {import("./backoff.js").Backoff} backoff
 * @property {(membership: Membership) => void} settled
 * its connection owes it nothing any more, or it wants nothing of it
 */

/**
 * @typedef {object} SubscribeOptions
 * @property {number} [rewind] so many of the latest messages first; at most 100
 * @property {boolean | { wait?: number }} [ordered] hold messages back for a moment, 500 ms
 * unless told, and show them in the order of their ids
 */

const LIVE = Object.freeze({ recovered: false, rewound: false });

export class Membership {
  #surroundings;
  #personal;
  /** Told once it is over and the service knows. @type {() => void} */
  #over;
  /** @type {Events} */
  #events;
  #options;
  #cursor = new Cursor();
  #showing;
  /** @type {Connection | null} */
  #connection = null;
  /** The connection before, if it owed nothing. @type {Connection | null} */
  #former = null;
  #wanted = true;
  #entered = false;
  /** Whether the service may count it a member: also after a `subscribe` that failed for now, which may have been
   * carried out all the same. */
  #inside = false;
  #outstanding = false;
  #failures = 0;
  /** @type {Recovery | null} */
  #recovery = null;
  /** Grows when it is wanted anew, so that a reply to the former wish is known. */
  #term = 0;
  /** @type {(() => void) | null} */
  #cancelRetry = null;
  /** @type {((value?: unknown) => void)[]} */
  #leavers = [];

  /**
   * @param {{ channel: string, options?: SubscribeOptions, personal?: boolean,
   *   surroundings: Surroundings, over: () => void, events: Events }} parts
   */
  constructor({ channel, options = {}, personal = false, surroundings, over, events }) {
    /** Its name; a personal channel's is known from the first token on. */
    this.channel = channel;
    this.#personal = personal;
    this.#surroundings = surroundings;
    this.#over = over;
    this.#events = events;
    this.#options = options;
    this.#showing = this.#begin();
  }

  /** Whether it is to be a member, as opposed to one that is leaving. */
  get wanted() {
    return this.#wanted;
  }

  /** This connection is the one to be a member on. @param {Connection} connection */
  connected(connection) {
    // One that leaves ends with the connection it is on, at the latest.
    const leaves = !this.#wanted && this.#connection;
    if (leaves || connection === this.#connection) return this.#surroundings.settled(this);
    if (connection === this.#former) return this.#return(connection);
    this.#stop();
    this.#former = this.#entered && !this.#cursor.owed ? this.#connection : null;
    this.#connection = connection;
    this.#entered = this.#inside = this.#outstanding = false;
    this.#failures = 0;
    this.#next();
  }

  /**
   * @param {Connection} connection
   * @returns {boolean} whether it was a member on this one, and wants another
   */
  disconnected(connection) {
    if (this.#former === connection) this.#former = null;
    if (this.#connection !== connection) return false;
    this.#connection = null;
    this.#entered = this.#inside = this.#outstanding = false;
    this.#stop();
    this.#cursor.owe();
    this.#next();
    return this.#wanted;
  }

  /** Live messages came, in the order of their ids. @param {Message} message @param {Connection} connection */
  live(message, connection) {
    if (connection === this.#connection) this.#cursor.live(message.id, connection.region);
    else if (connection === this.#former) this.#cursor.gain(message.id, connection.region);
    // Live ones come for a moment after it was left.
    if (this.#wanted) this.#showing.show(message, LIVE);
    this.#showing.forget();
  }

  /** @param {import("./protocol.js").PresenceEvent} event @param {Connection} connection */
  presence(event, connection) {
    if (this.#wanted && connection === this.#connection) this.#events.emit("presence", event);
  }

  /** An operator took the channel away, there and in a moment everywhere. @param {Connection} connection */
  evicted(connection) {
    if (connection === this.#connection) this.#entered = this.#inside = false;
    this.#exit({ reason: "operator", error: null });
  }

  /** The client was closed; nothing is sent any more. */
  closed() {
    this.#connection = null;
    this.#entered = this.#inside = this.#outstanding = false;
    this.#exit({ reason: "closed", error: null });
  }

  /**
   * Ends it, unless it was over and began afresh. Resolves when the service no
   * longer counts it a member.
   *
   * @param {Events} events of who leaves
   * @returns {Promise<void>}
   */
  async leave(events) {
    if (events === this.#events) await new Promise((resolve) => {
      this.#leavers.push(resolve);
      this.#exit({ reason: "requested", error: null });
    });
  }

  /**
   * Begins afresh after `leave`, even while that is under way.
   *
   * @param {SubscribeOptions | undefined} options
   * @param {Events} events
   */
  rejoin(options = {}, events) {
    this.#events = events;
    this.#options = options;
    this.#cursor = new Cursor();
    this.#showing.end(false);
    this.#showing = this.#begin();
    this.#wanted = true;
    this.#entered = false;
    this.#term++;
    this.#former = null;
    this.#stop();
    this.#tellLeavers();
    this.#next();
  }

  /** The next connection ended too soon: it still is a member over this one, and nothing is owed. @param {Connection} former */
  #return(former) {
    this.#connection = former;
    this.#former = null;
    this.#entered = this.#inside = true;
    this.#cursor.kept();
    this.#settled();
    this.#next();
  }

  #begin() {
    return new Showing({
      ordered: this.#options.ordered,
      cursor: this.#cursor,
      clock: this.#surroundings.clock,
      emit: (message, meta) => this.#events.emit("message", message, meta),
    });
  }

  /** Sends the one request that brings what is closer to what is wanted. */
  #next() {
    if (this.#outstanding || this.#cancelRetry) return;
    // A personal channel cannot be unsubscribed: leaving it is not listening any more.
    const inside = this.#inside && !this.#personal;
    if (!this.#wanted && !inside) this.#finish();
    else if (!this.#connection) return;
    else if (!this.#wanted) this.#unsubscribe(this.#connection);
    else if (!this.#entered) this.#subscribe(this.#connection);
  }

  #finish() {
    this.#tellLeavers();
    this.#over();
    // Once: another membership may have the name by then.
    this.#over = () => {};
    this.#surroundings.settled(this);
  }

  /** @param {Connection} connection */
  #subscribe(connection) {
    const { since, region } = this.#cursor;
    const start = since === null ? { rewind: this.#options.rewind } : { since, region };
    const term = this.#term;
    this.#cursor.owe();
    this.#outstanding = true;
    connection.request("subscribe", { channel: this.channel, ...start }, (error, reply) => {
      // With an expired token it stays outstanding, until the next connection asks anew.
      if (this.#connection !== connection || error?.code === "expired") return;
      this.#outstanding = false;
      this.#inside = !error || error.temporary;
      if (error?.temporary) return this.#postpone(error, connection);
      // The answer to a former wish has another one's refusal, cursor and messages.
      if (term === this.#term) {
        if (error) return this.#refused(error);
        this.#enter(connection, reply, since !== null);
      }
      this.#next();
    });
  }

  /**
   * @param {Connection} connection
   * @param {import("./protocol.js").Subscribed} reply
   * @param {boolean} resumed
   */
  #enter(connection, reply, resumed) {
    this.#entered = true;
    this.#failures = 0;
    if (!this.#wanted) return;
    const { recovered, region = connection.region } = reply;
    const meta = { recovered: resumed, rewound: !resumed };
    const recovery = new Recovery({
      channel: this.channel,
      connection,
      cursor: this.#cursor,
      surroundings: this.#surroundings,
      show: (message) => this.#wanted && this.#showing.show(message, meta),
      // Not sooner: an answer begins before where it was asked from, and its cursor may lie far behind that.
      shown: () => this.#showing.forget(),
      gap: (error) => {
        this.#events.emit("gap", { error });
        this.#settled();
      },
      done: (messages) => {
        if (resumed) this.#events.emit("recovered", { messages });
        this.#settled();
      },
    });
    this.#recovery = recovery;
    this.#events.emit("subscribed", { region, recovered, resumed });
    if (resumed && !recovered) this.#events.emit("gap", { error: null });
    recovery.answered({ ...reply, region });
  }

  /** @param {Connection} connection */
  #unsubscribe(connection) {
    this.#outstanding = true;
    connection.request("unsubscribe", { channel: this.channel }, (error) => {
      if (this.#connection !== connection || error?.code === "expired") return;
      this.#outstanding = false;
      if (error?.temporary) return this.#postpone(error, connection);
      // Refused for good can only mean that there is nothing to leave.
      this.#entered = this.#inside = false;
      this.#next();
    });
  }

  /** @param {import("./error.js").SorlError} error */
  #refused(error) {
    error.channel = this.channel;
    this.#exit({ reason: "refused", error });
  }

  /**
   * @param {import("./error.js").SorlError} error
   * @param {Connection} connection
   */
  #postpone(error, connection) {
    // What got no reply may still come true; only a new connection is in a known state.
    if (error.code === "unknown") return connection.close("unknown reply");
    const { clock, backoff } = this.#surroundings;
    this.#cancelRetry = clock.after(backoff(this.#failures++), () => {
      this.#cancelRetry = null;
      this.#next();
    });
  }

  /** The connection owes nothing any more. */
  #settled() {
    this.#showing.proceed();
    this.#surroundings.settled(this);
  }

  /** @param {import("./channel.js").Exit} exit */
  #exit(exit) {
    const wanted = this.#wanted;
    this.#wanted = false;
    this.#stop();
    // Who leaves wants no more; who is sent away is shown what had come.
    this.#showing.end(exit.reason !== "requested");
    if (wanted) this.#events.emit("unsubscribed", exit);
    this.#surroundings.settled(this);
    this.#next();
  }

  #tellLeavers() {
    for (const resolve of this.#leavers.splice(0)) resolve();
  }

  /** Gives up what was to follow on this connection. */
  #stop() {
    this.#cancelRetry?.();
    this.#cancelRetry = null;
    this.#recovery?.stop();
    this.#recovery = null;
  }
}
