/**
 * Publishing: a queue of messages, each tried under its one key until the
 * service says yes or no.
 *
 * The invariant: all tries of one publish carry one key, so the service takes
 * them for one message. That is certain for 15 minutes, so it gives up long
 * before. Tries begin in the order of the publishes, after a loss too; as the
 * service may carry out several at once, only who awaits one before the next
 * is certain of their order. The queue is bounded; what is beyond is refused.
 */

import { SorlError } from "./error.js";

/**
 * @typedef {object} PublishOptions
 * @property {string} [key] up to 64 bytes, the same for everything that is this one message
 * @property {boolean} [ephemeral] not kept in the history
 */

/**
 * @typedef {object} QueueOptions
 * @property {number} [messages] that may wait for the service's word; 1,000
 * @property {number} [bytes] that those may be in all; 1,048,576
 */

/**
 * @typedef {object} Publish
 * @property {Record<string, unknown>} message
 * @property {number} size
 * @property {number} deadline
 * @property {boolean} sent and not answered yet
 * @property {(accepted: import("./protocol.js").Accepted) => void} resolve
 * @property {(error: SorlError) => void} reject
 */

/** How many are under way at once: one after a refusal, and twice as many after each success. */
const WINDOW_MAX = 64;

export class Publisher {
  #link;
  #clock;
  #backoff;
  #patience;
  #bound;
  /** In the order of the calls. @type {Set<Publish>} */
  #queue = new Set();
  #size = 0;
  #underWay = 0;
  #window = WINDOW_MAX;
  #failures = 0;
  /** Whether something is awaited before more is sent: a connection, or a while. */
  #held = false;

  /**
   * @param {{ link: import("./link.js").Link, clock: import("./clock.js").Clock,
   *   backoff: import("./backoff.js").Backoff, patience: number, queue?: QueueOptions }} parts
   * `patience`: ms until a publish that cannot be got through is given up
   */
  constructor({ link, clock, backoff, patience, queue }) {
    this.#link = link;
    this.#clock = clock;
    this.#backoff = backoff;
    this.#patience = patience;
    this.#bound = { messages: 1_000, bytes: 2 ** 20, ...queue };
  }

  /**
   * @param {string} channel
   * @param {unknown} data any JSON
   * @param {PublishOptions} [options]
   * @returns {Promise<import("./protocol.js").Accepted>}
   */
  async publish(channel, data, { key = randomKey(), ephemeral } = {}) {
    const size = JSON.stringify(data)?.length;
    if (size === undefined) throw new SorlError("bad_request", "data must be JSON", { channel });
    const { messages, bytes } = this.#bound;
    if (this.#queue.size >= messages || this.#size + size > bytes) {
      throw new SorlError("queue_full", "too much waits", { temporary: true, channel });
    }
    return new Promise((resolve, reject) => {
      const deadline = this.#clock.now() + this.#patience;
      const message = { channel, data, key, ephemeral };
      this.#queue.add({ message, size, deadline, sent: false, resolve, reject });
      this.#size += size;
      this.#send();
    });
  }

  /** Sends what waits, in order, once there is a connection. */
  #send() {
    const next = this.#next();
    if (!next) return;
    this.#held = true;
    this.#link.connection(next.deadline - this.#clock.now()).then(
      (connection) => {
        this.#held = false;
        for (let publish = this.#next(); publish; publish = this.#next()) this.#try(publish, connection);
      },
      (error) => {
        this.#held = false;
        this.#end(next, error);
        this.#send();
      },
    );
  }

  /** The one that may be sent now, if there is one. */
  #next() {
    if (this.#held || this.#underWay >= this.#window) return;
    for (const publish of this.#queue) if (!publish.sent) return publish;
  }

  /** @param {Publish} publish @param {import("./connection.js").Connection} connection */
  #try(publish, connection) {
    publish.sent = true;
    this.#underWay++;
    connection.request("publish", publish.message, (error, accepted) => {
      publish.sent = false;
      this.#underWay--;
      if (error) this.#failed(publish, error);
      else {
        this.#failures = 0;
        this.#window = Math.min(this.#window * 2, WINDOW_MAX);
        this.#end(publish, null, accepted);
      }
      this.#send();
    }, true);
  }

  /** @param {Publish} publish @param {SorlError} error */
  #failed(publish, error) {
    // With the next connection comes the next try, and a fresh token.
    if (error.code === "disconnected" || error.code === "expired") return;
    const wait = this.#backoff(this.#failures);
    const late = this.#clock.now() + wait >= publish.deadline;
    if (!error.temporary || late) return this.#end(publish, error);
    if (this.#held) return;
    this.#held = true;
    this.#failures++;
    this.#window = 1;
    this.#clock.after(wait, () => {
      this.#held = false;
      this.#send();
    });
  }

  /** @param {Publish} publish @param {SorlError | null} error @param {any} [accepted] */
  #end(publish, error, accepted) {
    if (!this.#queue.delete(publish)) return;
    this.#size -= publish.size;
    if (error) publish.reject(error);
    else publish.resolve(accepted);
  }
}

function randomKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return btoa(String.fromCharCode(...bytes));
}
