/**
 * One attempt to open a connection: it asks for endpoints and a token, dials,
 * and ends in one connection or in one error. It does not try again.
 *
 * Without a region to go to it races: it dials the endpoints one after another,
 * a moment apart, and keeps the first that opens. A near region opens before a
 * far one even if it was dialled later, so that measures latency with what has
 * to be done anyway. It is cheap in billed connects: a first endpoint that is
 * near is the only one dialled, and a client races once in its life, because
 * afterwards it knows a region.
 *
 * The invariant: its owner hears `opened` or `failed` once, and neither after
 * `cancel`; the connections that lost the race are closed.
 */

import { Connection } from "./connection.js";
import { SorlError } from "./error.js";
import { SUBPROTOCOL, TOKEN_SUBPROTOCOL } from "./protocol.js";
import { userOf } from "./token.js";

/**
 * @typedef {import("./route.js").Endpoint} Endpoint
 */

/**
 * @typedef {object} AttemptOwner
 * @property {(connection: Connection, token: string) => void} opened
 * @property {(error: SorlError, next?: string) => void} failed with the region to turn to
 */

/** Less than the handshakes of a near and a far region differ by: these take four round trips. */
const STAGGER_MS = 100;

export class Attempt {
  #options;
  #route;
  #owner;
  /** What a connection tells once it is the one. */
  #heir;
  #token = "";
  /** Endpoints that were not dialled yet. @type {Endpoint[]} */
  #rest = [];
  /** @type {Set<Connection>} */
  #dialling = new Set();
  #over = false;
  #cancelTimeout;
  #cancelStagger = () => {};

  /**
   * @param {import("./link.js").LinkOptions} options
   * @param {import("./route.js").Route} route
   * @param {string | undefined} region the only one to dial, if it is there
   * @param {AttemptOwner} owner
   * @param {import("./connection.js").Owner} heir who owns the connection that opens
   */
  constructor(options, route, region, owner, heir) {
    this.#options = options;
    this.#route = route;
    this.#owner = owner;
    this.#heir = heir;
    const { clock, timing } = options;
    this.#cancelTimeout = clock.after(timing.connect, () => this.#timeout());
    this.#prepare(region).then(
      () => this.#dial(),
      (cause) => this.#fail(failure("no endpoint or token", cause)),
    );
  }

  /** Gives it up; the owner hears nothing any more. */
  cancel() {
    this.#over = true;
    this.#cancelTimeout();
    this.#cancelStagger();
    for (const connection of this.#dialling) connection.close("given up");
  }

  /** @param {string | undefined} region */
  async #prepare(region) {
    const { endpoints, token } = this.#options;
    const list = typeof endpoints === "function" ? await endpoints() : endpoints;
    if (!list.length) throw new Error("there is none");
    this.#route.know(list);
    const one = list.find((endpoint) => endpoint.region === region);
    this.#rest = one ? [one] : this.#route.order();
    this.#token = typeof token === "function" ? await token() : token;
  }

  /** Dials the next endpoint, and the one after it unless this one opens soon. */
  #dial() {
    this.#cancelStagger();
    const endpoint = this.#rest.shift();
    if (this.#over || !endpoint) return;
    const { region, url } = endpoint;
    const { WebSocket, clock, timing } = this.#options;
    let socket;
    try {
      socket = new WebSocket(url, [SUBPROTOCOL, TOKEN_SUBPROTOCOL + this.#token]);
    } catch (cause) {
      // That tells of this place, and nothing of the region.
      return this.#lost(failure(`no WebSocket to ${region}`, cause));
    }
    const began = clock.now();
    const connection = new Connection({
      socket,
      region,
      user: userOf(this.#token),
      clock,
      timing,
      owner: {
        ...this.#heir,
        opened: () => this.#opened(connection, began),
        ended: (_, { reason, detail }) => {
          this.#dialling.delete(connection);
          if (!this.#over) this.#lost(failure(`no connection to ${region}: ${detail ?? reason}`), region);
        },
      },
    });
    this.#dialling.add(connection);
    if (this.#rest.length) this.#cancelStagger = clock.after(STAGGER_MS, () => this.#dial());
  }

  /** @param {Connection} connection @param {number} began */
  #opened(connection, began) {
    const { clock, region } = this.#options;
    this.#route.opened(connection.region, region ? undefined : clock.now() - began);
    connection.owner = this.#heir;
    this.#dialling.delete(connection);
    this.cancel();
    this.#owner.opened(connection, this.#token);
  }

  #timeout() {
    this.#rest = [];
    const dialling = [...this.#dialling];
    if (!dialling.length) this.#fail(failure("endpoints or token took too long"));
    for (const connection of dialling) connection.close("timeout");
  }

  /** One endpoint failed; another one may still open. @param {SorlError} error @param {string} [region] */
  #lost(error, region) {
    const next = region && this.#route.failed(region);
    if (this.#rest.length) this.#dial();
    else if (!this.#dialling.size) this.#fail(error, next);
  }

  /** @param {SorlError} error @param {string} [next] */
  #fail(error, next) {
    if (this.#over) return;
    this.cancel();
    this.#owner.failed(error, next);
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
