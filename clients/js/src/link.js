/**
 * The way to the service: which connection there is, and when to seek another.
 *
 * A state machine over connections (`idle`, `connecting`, `connected`,
 * `waiting`, `closed`), with a reason for every transition. It knows endpoints,
 * tokens and backoff, and nothing of channels.
 *
 * The invariant: at most one connection lives, and the owner hears
 * `connected` and `disconnected` in turn, never one of them twice.
 */

import { fullJitter } from "./backoff.js";
import { Connection } from "./connection.js";
import { closed, disconnected, SorlError } from "./error.js";
import { SUBPROTOCOL, TOKEN_SUBPROTOCOL } from "./protocol.js";
import { renewalDelay } from "./renewal.js";

/**
 * @typedef {"idle" | "connecting" | "connected" | "waiting" | "closed"} State
 * @typedef {{ state: State, previous: State, reason: string, region: string | null }} Transition
 * @typedef {{ region: string, url: string }} Endpoint
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
 * @property {LinkTiming & import("./connection.js").Timing} timing
 */

/**
 * @typedef {object} LinkTiming
 * @property {number} connect ms that an attempt may take, endpoints and token included
 * @property {number} stable ms after which a connection proves that things work again
 * @property {import("./backoff.js").BackoffOptions} backoff
 */

/**
 * What the owner of a link is told.
 *
 * @typedef {object} LinkOwner
 * @property {(transition: Transition) => void} changed
 * @property {(connection: Connection, token: string) => void} connected
 * @property {() => void} disconnected
 * @property {(frame: import("./protocol.js").PushFrame) => void} pushed
 * @property {(error: SorlError) => void} failed
 */

export class Link {
  #options;
  #owner;
  #backoff;
  /** @type {State} */
  #state = "idle";
  /** The connection that is being opened or is open. @type {Connection | null} */
  #connection = null;
  /** The region sought now. @type {string | undefined} */
  #region;
  /** Failures in a row, without a connection that lasted between them. */
  #failures = 0;
  #since = 0;
  /** Grows with each attempt, so that the answers of a given-up one are known. */
  #attempt = 0;
  /** Of the one timer there is: an attempt's, a wait's, or a connection's. */
  #cancelTimer = () => {};
  /** Where to turn when the present region fails. @type {string | undefined} */
  #next;
  /** Who waits for a connection. @type {Set<Waiter>} */
  #waiting = new Set();

  /**
   * @param {LinkOptions} options
   * @param {LinkOwner} owner
   */
  constructor(options, owner) {
    this.#options = options;
    this.#owner = owner;
    this.#region = options.region;
    this.#backoff = fullJitter({ random: options.random, ...options.timing.backoff });
  }

  get state() {
    return this.#state;
  }

  /** The region that this link is connected to, or seeks; null before it knows one. */
  get region() {
    return this.#connection?.region ?? this.#region ?? null;
  }

  /** Begins to seek a connection, unless that was begun before. */
  open() {
    if (this.#state === "idle") this.#connect("requested");
  }

  /** Moves to another region. @param {string} region */
  use(region) {
    this.#region = region;
    if (this.#state === "idle" || this.#state === "closed") return;
    if (this.#connection?.region !== region) this.#replace("moved");
  }

  /** The device woke up or is online again: wait no longer, and see who still is there. */
  wake() {
    if (this.#state === "waiting") this.#connect("woken");
    else if (this.#state === "connected") this.#connection?.wake();
  }

  /** Ends it for good. @param {string} reason */
  close(reason) {
    if (this.#state === "closed") return;
    this.#cancelTimer();
    this.#drop(reason);
    this.#become("closed", reason);
    this.#answerWaiting(null);
  }

  /**
   * The connection, as soon as there is one.
   *
   * @param {number} ms to wait for it at most
   * @returns {Promise<Connection>}
   */
  connection(ms) {
    if (this.#state === "closed") return Promise.reject(closed());
    if (this.#state === "connected" && this.#connection) return Promise.resolve(this.#connection);
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

  /** @param {string} reason */
  #connect(reason) {
    this.#cancelTimer();
    this.#become("connecting", reason);
    const attempt = ++this.#attempt;
    const { clock, timing } = this.#options;
    this.#cancelTimer = clock.after(timing.connect, () => {
      if (this.#connection) this.#connection.close("timeout");
      else this.#failed(new SorlError("failed", "endpoints or token took too long"));
    });
    this.#prepare().then(
      (way) => attempt === this.#attempt && this.#dial(way),
      (cause) => attempt === this.#attempt && this.#failed(failure("no endpoint or token", cause)),
    );
  }

  async #prepare() {
    const { endpoints, token } = this.#options;
    const list = typeof endpoints === "function" ? await endpoints() : endpoints;
    const endpoint = list.find(({ region }) => region === this.#region) ?? list[0];
    if (!endpoint) throw new Error("the list of endpoints is empty");
    const next = list[(list.indexOf(endpoint) + 1) % list.length]?.region;
    return { ...endpoint, next, token: typeof token === "function" ? await token() : token };
  }

  /** @param {Endpoint & { next: string | undefined, token: string }} way */
  #dial({ region, url, next, token }) {
    const { WebSocket, clock, timing } = this.#options;
    this.#region = region;
    this.#next = next;
    let socket;
    try {
      socket = new WebSocket(url, [SUBPROTOCOL, TOKEN_SUBPROTOCOL + token]);
    } catch (cause) {
      return this.#failed(failure("no WebSocket could be made", cause));
    }
    const attempt = this.#attempt;
    /** @type {import("./connection.js").Owner} */
    const owner = {
      opened: () => this.#opened(token),
      pushed: (frame) => {
        this.#owner.pushed(frame);
        if (frame.type === "bye" && attempt === this.#attempt) this.#bye(frame);
      },
      complained: (error) => this.#owner.failed(error),
      expired: () => attempt === this.#attempt && this.#restart("expired"),
      ended: (why) => attempt === this.#attempt && this.#ended(why),
    };
    this.#connection = new Connection({ socket, region, clock, timing, owner });
  }

  /** @param {string} token */
  #opened(token) {
    const connection = /** @type {Connection} */ (this.#connection);
    const { clock, random } = this.#options;
    this.#cancelTimer();
    this.#since = clock.now();
    const delay = renewalDelay(token, this.#since, random);
    this.#cancelTimer = clock.after(delay, () => this.#replace("renewed"));
    this.#become("connected", "opened");
    this.#owner.connected(connection, token);
    this.#answerWaiting(connection);
  }

  /** @param {Connection | null} connection null when there will be none */
  #answerWaiting(connection) {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const waiter of waiting) waiter(connection);
  }

  /** @param {import("./protocol.js").ByeFrame} frame */
  #bye({ code, reconnect }) {
    if (!reconnect) return this.close(`bye: ${code}`);
    // A region that shuts down is one to leave; the other codes are about this client.
    if (code === "shutdown") this.#region = this.#next;
    this.#restart(`bye: ${code}`);
  }

  /** The connection ended by itself. @param {import("./connection.js").Ending} why */
  #ended({ reason, detail }) {
    const { region } = /** @type {Connection} */ (this.#connection);
    if (this.#state === "connecting") {
      this.#region = this.#next;
      return this.#failed(failure(`no connection to ${region}: ${detail ?? reason}`));
    }
    this.#restart(reason);
  }

  /** An attempt failed. @param {SorlError} error */
  #failed(error) {
    this.#owner.failed(error);
    this.#restart("failed");
  }

  /** Leaves what there is for the next connection at once. @param {string} reason */
  #replace(reason) {
    this.#drop(reason);
    this.#connect(reason);
  }

  /** Gives up what there is and connects again after a while. @param {string} reason */
  #restart(reason) {
    if (this.#state === "closed") return;
    const { clock, timing } = this.#options;
    const lasted = this.#state === "connected" && clock.now() - this.#since >= timing.stable;
    if (lasted) this.#failures = 0;
    this.#cancelTimer();
    this.#drop(reason);
    this.#become("waiting", reason);
    this.#cancelTimer = clock.after(this.#backoff(this.#failures++), () => this.#connect("retry"));
  }

  /** Lets go of the connection or the attempt at one. @param {string} reason */
  #drop(reason) {
    this.#attempt++;
    const connection = this.#connection;
    this.#connection = null;
    if (this.#state === "connected") this.#owner.disconnected();
    connection?.close(reason);
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

/**
 * @param {string} message
 * @param {unknown} [cause]
 */
function failure(message, cause) {
  const whole = cause instanceof Error ? `${message}: ${cause.message}` : message;
  return new SorlError("failed", whole, { temporary: true, cause });
}
