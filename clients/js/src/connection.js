/**
 * One WebSocket, from the dialling to its end: requests and their replies,
 * pushed frames, pings. It does not reconnect and knows no channel.
 *
 * The invariant: every request is answered exactly once, by a reply, an error,
 * `unknown` after 30 s, or `disconnected`; and the owner hears of the end
 * exactly once, before the requests that the end leaves unanswered do.
 */

import { disconnected, SorlError } from "./error.js";
import { MAX_FRAME_BYTES, readFrame } from "./protocol.js";

/**
 * The part of a WebSocket that is used: the browsers', Node's and `ws` have it.
 *
 * @typedef {object} SocketLike
 * @property {(text: string) => void} send
 * @property {(code?: number, reason?: string) => void} close
 * @property {((event: any) => void) | null} onopen
 * @property {((event: any) => void) | null} onmessage
 * @property {((event: any) => void) | null} onerror
 * @property {((event: any) => void) | null} onclose
 */

/**
 * @typedef {object} Timing
 * @property {number} reply ms until a missing reply counts as unknown
 * @property {number} ping ms without traffic until a ping
 */

/**
 * What the owner of a connection is told, the connection first.
 *
 * @typedef {object} Owner
 * @property {() => void} [opened]
 * @property {(connection: Connection, frame: import("./protocol.js").PushFrame) => void} pushed
 * @property {(error: SorlError) => void} complained an error that answers no request
 * @property {(connection: Connection) => void} expired the token did, as a reply told
 * @property {(connection: Connection, why: Ending) => void} ended
 */

/**
 * @typedef {object} Ending
 * @property {string} reason the client's own, or `lost`
 * @property {string} [detail] what the socket said, for people
 */

/**
 * @typedef {(error: SorlError | null, result: any) => void} Done
 */

/** Who was heard within this time need not be asked; every ping is billed. */
const FRESH_MS = 10_000;

export class Connection {
  #socket;
  #clock;
  #timing;
  #ended = false;
  /** Why it is closed once nothing is outstanding; empty until then. */
  #finishing = "";
  /** @type {Map<number, { done: Done, cancel: () => void, awaited: boolean }>} */
  #pending = new Map();
  #lastId = 0;
  #lastTraffic;
  #lastReceived;
  #cancelPing = () => {};
  #detail = "";

  /**
   * @param {{ socket: SocketLike, region: string, user: string | null,
   *   clock: import("./clock.js").Clock, timing: Timing, owner: Owner }} parts
   */
  constructor({ socket, region, user, clock, timing, owner }) {
    /** The region this connection leads to. */
    this.region = region;
    /** Whom its token names. */
    this.user = user;
    /** Who is told; another one once it is open. */
    this.owner = owner;
    this.#socket = socket;
    this.#clock = clock;
    this.#timing = timing;
    this.#lastTraffic = this.#lastReceived = clock.now();
    socket.onopen = () => this.#opened();
    socket.onmessage = ({ data }) => this.#received(data);
    socket.onerror = ({ message }) => {
      this.#detail = message ?? "";
    };
    socket.onclose = ({ code }) => this.#end("lost", this.#detail || `closed with ${code}`);
  }

  /**
   * Sends a request. `done` is called in the order of the frames that came, so
   * that what follows a reply on the wire follows it in the program.
   *
   * @param {string} action
   * @param {Record<string, unknown>} fields
   * @param {Done} done
   * @param {boolean} [awaited] whether a connection that is finishing waits for the reply
   */
  request(action, fields, done, awaited = false) {
    if (this.#ended) return done(disconnected(), null);
    const id = ++this.#lastId;
    const frame = JSON.stringify({ action, id, ...fields });
    if (isTooLarge(frame)) {
      // The service would close the connection, and a retry would do it again.
      return done(new SorlError("too_large", "a frame over 32 KB"), null);
    }
    const sent = this.#clock.now();
    const cancel = this.#clock.after(this.#timing.reply, () => this.#unanswered(id, action, sent));
    this.#pending.set(id, { done, cancel, awaited });
    this.#socket.send(frame);
    this.#lastTraffic = sent;
  }

  /**
   * The same as a promise, whose reply is awaited.
   *
   * @param {string} action
   * @param {Record<string, unknown>} fields
   * @returns {Promise<any>}
   */
  ask(action, fields) {
    return new Promise((resolve, reject) => {
      this.request(action, fields, (error, result) => (error ? reject(error) : resolve(result)), true);
    });
  }

  /** Asks the service for a sign of life; without one the connection ends. */
  ping() {
    this.request("ping", {}, (error) => {
      if (error?.code === "unknown") this.close("silent");
    });
  }

  /** The device may have slept: unless the service was heard just now, is it still there? */
  wake() {
    if (this.#clock.now() - this.#lastReceived >= FRESH_MS) this.ping();
  }

  /** @param {string} reason */
  close(reason) {
    this.#end(reason);
  }

  /** Closes it as soon as whoever awaits a reply has it. @param {string} reason */
  finish(reason) {
    this.#finishing = reason;
    if (![...this.#pending.values()].some(({ awaited }) => awaited)) this.#end(reason);
  }

  /** Whether it only waits for its last answers. */
  get finishing() {
    return this.#finishing !== "";
  }

  #opened() {
    this.#lastTraffic = this.#lastReceived = this.#clock.now();
    this.#watch(this.#timing.ping);
    this.owner.opened?.();
  }

  /** @param {unknown} data */
  #received(data) {
    this.#lastTraffic = this.#lastReceived = this.#clock.now();
    const frame = readFrame(data);
    if (frame === null) return;
    if (frame.type === "reply") this.#settle(frame.id, null, frame.result);
    else if (frame.type === "error") this.#refused(frame);
    else this.owner.pushed(this, frame);
  }

  /** @param {import("./protocol.js").ErrorFrame} frame */
  #refused({ id, error: { code, message, temporary } }) {
    const error = new SorlError(code, message, { temporary });
    if (id === null) this.owner.complained(error);
    else this.#settle(id, error, null);
    if (code === "expired") this.owner.expired(this);
  }

  /**
   * @param {number} id
   * @param {SorlError | null} error
   * @param {unknown} result
   */
  #settle(id, error, result) {
    const request = this.#pending.get(id);
    if (!request) return;
    this.#pending.delete(id);
    request.cancel();
    request.done(error, result);
    if (this.#finishing) this.finish(this.#finishing);
  }

  /**
   * @param {number} id
   * @param {string} action
   * @param {number} sent
   */
  #unanswered(id, action, sent) {
    const message = `no reply to ${action} in time`;
    this.#settle(id, new SorlError("unknown", message, { temporary: true }), null);
    // Not a frame since: nobody is there, and further requests would wait as long.
    if (this.#lastReceived <= sent) this.close("silent");
  }

  /**
   * One timer, set anew only when it runs out: traffic costs no timers.
   *
   * @param {number} ms
   */
  #watch(ms) {
    this.#cancelPing = this.#clock.after(ms, () => {
      const left = this.#timing.ping - (this.#clock.now() - this.#lastTraffic);
      if (left <= 0) this.ping();
      this.#watch(left > 0 ? left : this.#timing.ping);
    });
  }

  /**
   * @param {string} reason
   * @param {string} [detail]
   */
  #end(reason, detail) {
    if (this.#ended) return;
    this.#ended = true;
    this.#cancelPing();
    // `onerror` stays: `ws` tells of a handshake cut short, and an error that nobody hears is thrown.
    const socket = this.#socket;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close(1000);
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    this.owner.ended(this, { reason, detail });
    for (const { done, cancel } of pending) {
      cancel();
      done(disconnected(), null);
    }
  }
}

/** @param {string} frame */
function isTooLarge(frame) {
  // UTF-8 takes one to three bytes for each unit of a JavaScript string.
  if (frame.length * 3 <= MAX_FRAME_BYTES) return false;
  return new TextEncoder().encode(frame).length > MAX_FRAME_BYTES;
}
