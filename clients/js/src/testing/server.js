/**
 * A small service in one process: it accepts everyone, keeps one log for all
 * regions, and answers every action of the protocol. Rights, rates, presence
 * frames and delays are not its business; a test that needs those replaces
 * the answer.
 */

import { timeOf } from "../message_id.js";
import { TOKEN_SUBPROTOCOL } from "../protocol.js";
import { userOf } from "../token.js";
import { FakeClock } from "./clock.js";
import { FakeConnection } from "./connection.js";

/**
 * @typedef {import("../protocol.js").Message} Message
 * @typedef {import("./connection.js").Request} Request
 * @typedef {(connection: FakeConnection, request: Request, usual: () => void) => void} Handler
 * `usual` gives the answer that the service would have given
 */

const MINUTE = 60_000;

/**
 * A message id of that time; `tail` tells ids of one time apart.
 *
 * @param {number} time ms since the epoch
 * @param {number} tail
 */
export function messageId(time, tail) {
  const hex = Math.floor(time).toString(16).padStart(12, "0");
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-${tail.toString(16).padStart(12, "0")}`;
}

export class FakeServer {
  /** All connections that were tried, in order. @type {FakeConnection[]} */
  connections = [];
  /** Regions whose handshakes fail. @type {Set<string>} */
  down = new Set();
  /** How long handshakes take, in ms of the clock, by region; no time unless told. @type {Map<string, number>} */
  latency = new Map();
  /** How many messages one answer holds. */
  pageSize = 500;
  #clock;
  #regions;
  /** @type {Map<string, Message[]>} */
  #logs = new Map();
  #published = 0;
  /** @type {FakeConnection[]} */
  #opened = [];
  /** @type {((connection: FakeConnection) => void)[]} */
  #waiting = [];
  /** Answers that a test replaced. @type {Map<string, Handler | null>} */
  #replaced = new Map();
  /** @type {Map<string, (connection: FakeConnection, request: Request) => void>} */
  #usual = new Map([
    ["subscribe", (connection, request) => this.#subscribe(connection, request)],
    ["unsubscribe", (connection, request) => this.#unsubscribe(connection, request)],
    ["publish", (connection, request) => this.#publish(connection, request)],
    ["history", (connection, request) => connection.reply(request, this.#history(request))],
    ["presence", (connection, request) => this.#presence(connection, request)],
    ["ping", (connection, request) => connection.reply(request, { at: this.#clock.now() })],
  ]);

  /** @param {{ regions?: string[], clock?: import("../clock.js").Clock }} [options] */
  constructor({ regions = ["eu-north-1", "us-east-1"], clock = new FakeClock() } = {}) {
    this.#regions = regions;
    this.#clock = clock;
    const server = this;
    /** The class to give to the client. */
    this.WebSocket = class {
      /** @param {string} url @param {string[]} protocols */
      constructor(url, protocols) {
        return server.#dialled(url, protocols);
      }
    };
  }

  get endpoints() {
    return this.#regions.map((region) => ({ region, url: `fake://${region}` }));
  }

  /** Options for a client of that user. @param {string} user */
  options(user) {
    const { endpoints, WebSocket } = this;
    return { endpoints, WebSocket, token: this.token(user), clock: this.#clock, random: () => 1 };
  }

  /** A token that names the user and is signed by nobody. @param {string} user */
  token(user) {
    const part = (/** @type {object} */ value) => btoa(JSON.stringify(value)).replace(/=+$/, "");
    return `${part({ alg: "none" })}.${part({ sub: user })}.`;
  }

  /**
   * Replaces the answer to an action; null leaves it to the test.
   *
   * @param {string} action
   * @param {Handler | null} handler
   */
  on(action, handler) {
    this.#replaced.set(action, handler);
  }

  /**
   * The next connection that was opened and not handed out before; it waits for one.
   *
   * @returns {Promise<FakeConnection>}
   */
  connection() {
    const there = this.#opened.shift();
    if (there) return Promise.resolve(there);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /**
   * Accepts a message as an external publisher's and delivers it.
   *
   * @param {string} channel
   * @param {unknown} data
   * @param {Partial<Message>} [fields]
   * @returns {Message}
   */
  publish(channel, data, fields = {}) {
    const message = this.message(channel, data, fields);
    const log = this.#log(channel);
    let place = log.length;
    while (place > 0 && (log[place - 1]?.id ?? "") > message.id) place--;
    log.splice(place, 0, message);
    for (const connection of this.connections) {
      const member = connection.channels.has(channel) || channel === `@${connection.user}`;
      if (connection.open && member) connection.messages(message);
    }
    return message;
  }

  /**
   * A message that nobody gets unless the test sends it.
   *
   * @param {string} channel
   * @param {unknown} data
   * @param {Partial<Message>} [fields]
   * @returns {Message}
   */
  message(channel, data, fields = {}) {
    const at = fields.at ?? this.#clock.now();
    const id = messageId(at, ++this.#published);
    return { id, channel, data, at, region: this.#regions[0] ?? "", ...fields };
  }

  /** An id of the present, as the cursor of an answer without messages. */
  now() {
    return messageId(this.#clock.now(), 0);
  }

  /** @param {string} url @param {string[]} protocols */
  #dialled(url, protocols) {
    const region = url.replace("fake://", "");
    const token = protocols.find((protocol) => protocol.startsWith(TOKEN_SUBPROTOCOL)) ?? "";
    const user = userOf(token.slice(TOKEN_SUBPROTOCOL.length)) ?? "";
    const connection = new FakeConnection({
      region,
      protocols,
      user,
      handle: (from, request) => this.#handle(from, request),
    });
    this.connections.push(connection);
    const answer = () => {
      if (this.down.has(region)) connection.end();
      else connection.welcome(() => this.#hand(connection));
    };
    const latency = this.latency.get(region);
    if (latency === undefined) answer();
    else this.#clock.after(latency, answer);
    return connection.socket;
  }

  /** @param {FakeConnection} connection */
  #hand(connection) {
    const waiting = this.#waiting.shift();
    if (waiting) waiting(connection);
    else this.#opened.push(connection);
  }

  /** @param {FakeConnection} from @param {Request} request */
  #handle(from, request) {
    const usual = () => this.#usual.get(request.action)?.(from, request);
    const replaced = this.#replaced.get(request.action);
    if (replaced === undefined) usual();
    else replaced?.(from, request, usual);
  }

  /** @param {string} channel */
  #log(channel) {
    const log = this.#logs.get(channel) ?? [];
    this.#logs.set(channel, log);
    return log;
  }

  /** @param {FakeConnection} connection @param {Request} request */
  #subscribe(connection, request) {
    const { channel, since, rewind = 0, region } = request;
    connection.channels.add(channel);
    const result = { channel, recovered: true, region: connection.region };
    if (since === undefined) {
      const messages = rewind === 0 ? [] : this.#log(channel).slice(-rewind);
      const cursor = messages.at(-1)?.id ?? this.now();
      return connection.reply(request, { ...result, messages, more: false, cursor });
    }
    const reach = region === connection.region ? MINUTE : 16 * MINUTE;
    const start = messageId(timeOf(since) - reach, 0);
    const page = this.#after(channel, start, this.pageSize);
    connection.reply(request, { ...result, ...page, cursor: page.messages.at(-1)?.id ?? since });
  }

  /** @param {FakeConnection} connection @param {Request} request */
  #unsubscribe(connection, request) {
    const { channel } = request;
    if (!connection.channels.delete(channel)) return connection.error(request, "not_subscribed");
    connection.reply(request, { channel });
  }

  /** @param {FakeConnection} connection @param {Request} request */
  #publish(connection, request) {
    const { user, region } = connection;
    const fields = { user, region, verified: true };
    const { id, at } = this.publish(request.channel, request.data, fields);
    connection.reply(request, { message_id: id, at });
  }

  /** @param {Request} request */
  #history({ channel, since, before, limit = 50 }) {
    const most = Math.min(limit, this.pageSize);
    if (since !== undefined) return this.#after(channel, since, most);
    const log = this.#log(channel).filter(({ id }) => before === undefined || id < before);
    const messages = log.slice(-most);
    const cursor = (before === undefined ? messages.at(-1) : messages[0])?.id ?? this.now();
    return { messages, more: log.length > most, cursor };
  }

  /** @param {FakeConnection} connection @param {Request} request */
  #presence(connection, request) {
    /** @type {Map<string, FakeConnection[]>} */
    const users = new Map();
    for (const other of this.connections) {
      if (!other.open || !other.channels.has(request.channel)) continue;
      users.set(other.user, [...(users.get(other.user) ?? []), other]);
    }
    const members = [...users].map(([user, theirs]) => {
      const regions = [...new Set(theirs.map(({ region }) => region))];
      return { user, connections: theirs.length, regions };
    });
    connection.reply(request, { count: members.length, members, truncated: false });
  }

  /** @param {string} channel @param {string} since @param {number} limit */
  #after(channel, since, limit) {
    const later = this.#log(channel).filter(({ id }) => id > since);
    const messages = later.slice(0, limit);
    return { messages, more: later.length > limit, cursor: messages.at(-1)?.id ?? since };
  }
}
