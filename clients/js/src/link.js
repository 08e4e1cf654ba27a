/**
 * The way to the service: which connection there is, and when to seek another.
 *
 * A state machine (`idle`, `connecting`, `connected`, `waiting`, `closed`) with
 * a reason for every transition; the README has it as a table. It knows regions
 * and backoff, and nothing of channels. While a connection lives, the next one
 * is sought beside it, and takes over once it is open; the one it replaces
 * delivers until the owner releases it.
 *
 * The invariant: at most two connections are open. The owner hears of each
 * `connected` once and, after that, `disconnected` once, and the last one told
 * of that lives is the current one.
 */

import { Attempt } from "./attempt.js";
import { closed, disconnected } from "./error.js";
import { renewalDelay } from "./renewal.js";
import { Route } from "./route.js";

/**
 * @typedef {import("./connection.js").Connection} Connection
 * @typedef {import("./route.js").Endpoint} Endpoint
 * @typedef {import("./error.js").SorlError} SorlError
 * @typedef {"idle" | "connecting" | "connected" | "waiting" | "closed"} State
 * @typedef {{ state: State, previous: State, reason: string, region: string | null }} Transition
 * @typedef {(connection: Connection | null) => void} Waiter
 */

/**
 * @typedef {object} LinkOptions
 * @property {Endpoint[] | (() => Endpoint[] | Promise<Endpoint[]>)} endpoints
 * @property {string | (() => string | Promise<string>)} token
 * @property {string} [region] the preferred one
 * @property {new (url: string, protocols: string[]) => any} WebSocket
 * @property {import("./clock.js").Clock} clock
 * @property {() => number} random
 * @property {import("./backoff.js").Backoff} backoff
 * @property {LinkTiming & import("./connection.js").Timing} timing
 */

/**
 * @typedef {object} LinkTiming
 * @property {number} connect ms that an attempt may take, endpoints and token included
 * @property {number} stable ms after which a connection proves that things work again
 * @property {number} handover ms that a replaced connection may stay
 */

/**
 * What the owner of a link is told.
 *
 * @typedef {object} LinkOwner
 * @property {(transition: Transition) => void} changed
 * @property {(connection: Connection) => void} connected this one is the current one
 * @property {(connection: Connection) => void} disconnected
 * @property {(connection: Connection, frame: import("./protocol.js").PushFrame) => void} pushed
 * @property {(error: SorlError) => void} failed
 */

/** To leave a region that was lost counts as so many failures at least: a wait of up to 4 s. */
const MOVE = 4;

export class Link {
  #options;
  #owner;
  #route = new Route();
  /** @type {State} */
  #state = "idle";
  /** @type {Connection | null} */
  #current = null;
  /** The one that was replaced and still delivers. @type {Connection | null} */
  #leaving = null;
  /** @type {Attempt | null} */
  #attempt = null;
  /** Why the next connection is sought. */
  #reason = "";
  /** The region to be in: what was asked for, else the first that opened. @type {string | undefined} */
  #home;
  /** The region sought now. @type {string | undefined} */
  #region;
  /** Where the last connection was. @type {string | undefined} */
  #was;
  /** Failures in a row, without a connection that lasted between them. */
  #failures = 0;
  #since = 0;
  /** Of the wait before the next attempt, if there is one. @type {(() => void) | null} */
  #cancelWait = null;
  #cancelRenewal = () => {};
  #cancelHandover = () => {};
  /** Who waits for a connection. @type {Set<Waiter>} */
  #waiting = new Set();

  /**
   * @param {LinkOptions} options
   * @param {LinkOwner} owner
   */
  constructor(options, owner) {
    this.#options = options;
    this.#owner = owner;
    this.#home = this.#region = options.region;
  }

  get state() {
    return this.#state;
  }

  /** The region that this link is connected to, or seeks; null before it knows one. */
  get region() {
    return this.#current?.region ?? this.#region ?? null;
  }

  /** Begins to seek a connection, unless that was begun before. */
  open() {
    if (this.#state === "idle") this.#seek("requested");
  }

  /** Moves to another region. @param {string} region */
  use(region) {
    this.#home = this.#region = region;
    if (this.#state === "idle" || this.#state === "closed") return;
    if (this.#attempt || this.#current?.region !== region) this.#seek("moved");
  }

  /** The device woke up or is online again: wait no longer, and see who still is there. */
  wake() {
    // What failed while the device slept or had no network was not the region.
    if (!this.#current) this.#region = this.#home;
    if (this.#cancelWait) this.#seek(this.#current ? this.#reason : "woken");
    this.#current?.wake();
  }

  /** The device says that it has no network: what there was is gone, though no socket tells. */
  offline() {
    this.#leaving?.close("offline");
    this.#current?.close("offline");
  }

  /** The owner has all it needs from the current connection. */
  release() {
    this.#leaving?.finish("replaced");
  }

  /** Ends it for good. @param {string} reason */
  close(reason) {
    if (this.#state === "closed") return;
    this.#stopSeeking();
    this.#become("closed", reason);
    this.#leaving?.close(reason);
    this.#current?.close(reason);
    this.#answerWaiting(null);
  }

  /**
   * The current connection, as soon as there is one.
   *
   * @param {number} ms to wait for it at most
   * @returns {Promise<Connection>}
   */
  connection(ms) {
    if (this.#state === "closed") return Promise.reject(closed());
    if (this.#current) return Promise.resolve(this.#current);
    this.open();
    return new Promise((resolve, reject) => {
      const cancel = this.#options.clock.after(ms, () => {
        this.#waiting.delete(waiter);
        reject(disconnected());
      });
      /** @type {Waiter} */
      const waiter = (connection) => {
        cancel();
        if (connection) resolve(connection);
        else reject(closed());
      };
      this.#waiting.add(waiter);
    });
  }

  /** Begins an attempt, in place of the one under way. @param {string} reason */
  #seek(reason) {
    this.#stopSeeking();
    this.#leaving?.close("replaced");
    this.#reason = reason;
    if (!this.#current) this.#become("connecting", reason);
    /** @type {import("./connection.js").Owner} */
    const heir = {
      pushed: (connection, frame) => {
        this.#owner.pushed(connection, frame);
        if (frame.type === "bye") this.#bye(connection, frame);
      },
      complained: (error) => this.#owner.failed(error),
      // Nothing comes over it any more, so there is nothing to keep.
      expired: (connection) => connection.close("expired"),
      ended: (connection, { reason: why }) => this.#ended(connection, why),
    };
    this.#attempt = new Attempt(this.#options, this.#route, this.#region, {
      opened: (connection, token) => this.#opened(connection, token),
      failed: (error, next) => this.#failed(error, next),
    }, heir);
  }

  #stopSeeking() {
    this.#attempt?.cancel();
    this.#attempt = null;
    this.#cancelWait?.();
    this.#cancelWait = null;
    this.#cancelRenewal();
  }

  /** Seeks again after a while. */
  #seekLater() {
    this.#stopSeeking();
    // All who lost a region look for the same next one, which takes 500 handshakes a second (API Gateway's quota).
    this.#cancelWait = this.#options.clock.after(
      this.#options.backoff(
        Math.max(this.#failures++, this.#current || !this.#was || this.#was === this.#region ? 0 : MOVE),
      ),
      () => this.#seek(this.#current ? this.#reason : "retry"),
    );
  }

  /** @param {Connection} connection @param {string} token */
  #opened(connection, token) {
    const { clock, random, timing } = this.#options;
    this.#attempt = null;
    this.#leaving = this.#current;
    this.#current = connection;
    this.#home ??= connection.region;
    this.#region = this.#was = connection.region;
    this.#since = clock.now();
    this.#cancelRenewal = clock.after(renewalDelay(token, this.#since, random), () => {
      this.#region = this.#home;
      this.#seek("renewed");
    });
    const left = this.#leaving;
    this.#become("connected", left ? this.#reason : "opened");
    if (left) this.#cancelHandover = clock.after(timing.handover, () => left.close("replaced"));
    // Another user has no business with what the former one is sent.
    if (left?.user !== connection.user) left?.close("replaced");
    this.#owner.connected(connection);
    this.#answerWaiting(connection);
  }

  /** @param {Connection | null} connection null when there will be none */
  #answerWaiting(connection) {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const waiter of waiting) waiter(connection);
  }

  /** @param {Connection} connection @param {import("./protocol.js").ByeFrame} frame */
  #bye(connection, { code, reconnect }) {
    if (!reconnect) return this.close(`bye: ${code}`);
    if (connection !== this.#current || this.#attempt || this.#cancelWait) return;
    // A region that shuts down is one to leave; the other codes are about this client.
    if (code === "shutdown") this.#region = this.#route.failed(connection.region);
    this.#reason = `bye: ${code}`;
    this.#forgive();
    this.#seekLater();
  }

  /** A connection that lasted proves that things work again. */
  #forgive() {
    if (this.#options.clock.now() - this.#since >= this.#options.timing.stable) this.#failures = 0;
  }

  /** A connection ended, by itself or by us. @param {Connection} connection @param {string} reason */
  #ended(connection, reason) {
    if (connection === this.#leaving) this.#forgetLeaving();
    if (connection === this.#current) this.#current = null;
    this.#owner.disconnected(connection);
    if (this.#current || this.#state === "closed") return;
    this.#forgive();
    if (this.#leaving && !this.#leaving.finishing) return this.#return(this.#leaving, reason);
    if (this.#attempt) return this.#become("connecting", reason);
    if (!this.#cancelWait) this.#seekLater();
    this.#become("waiting", reason);
  }

  #forgetLeaving() {
    this.#leaving = null;
    this.#cancelHandover();
  }

  /** The one before still lives, so it is kept until a next one lasts. @param {Connection} former @param {string} reason */
  #return(former, reason) {
    this.#forgetLeaving();
    this.#current = former;
    this.#seekLater();
    this.#become("connected", reason);
    this.#owner.connected(former);
  }

  /** An attempt failed. @param {SorlError} error @param {string} [next] */
  #failed(error, next) {
    this.#attempt = null;
    if (next) this.#region = next;
    this.#seekLater();
    if (!this.#current) this.#become("waiting", "failed");
    this.#owner.failed(error);
  }

  /**
   * The owner is told a moment later, so that whatever it does then, such as
   * closing this link, meets a transition that is complete.
   *
   * @param {State} state
   * @param {string} reason
   */
  #become(state, reason) {
    const transition = { state, previous: this.#state, reason, region: this.region };
    this.#state = state;
    queueMicrotask(() => this.#owner.changed(transition));
  }
}
