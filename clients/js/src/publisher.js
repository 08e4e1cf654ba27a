/**
 * Publishing: one message, tried again under the same key until the service
 * says yes or no.
 *
 * The invariant: all tries of one publish carry one key, so the service takes
 * them for one message. That is certain for 15 minutes, so it gives up long
 * before. The number of publishes under way is bounded; the rest is refused.
 */

import { SorlError } from "./error.js";

/**
 * @typedef {object} PublishOptions
 * @property {string} [key] up to 64 bytes, the same for everything that is this one message
 * @property {boolean} [ephemeral] not kept in the history
 */

const MAX_UNDER_WAY = 1_000;

export class Publisher {
  #link;
  #clock;
  #backoff;
  #patience;
  #underWay = 0;

  /**
   * @param {{ link: import("./link.js").Link, clock: import("./clock.js").Clock,
   *   backoff: import("./backoff.js").Backoff, patience: number }} parts
   * `patience`: ms until a publish that cannot be got through is given up
   */
  constructor({ link, clock, backoff, patience }) {
    this.#link = link;
    this.#clock = clock;
    this.#backoff = backoff;
    this.#patience = patience;
  }

  /**
   * @param {string} channel
   * @param {unknown} data any JSON
   * @param {PublishOptions} [options]
   * @returns {Promise<import("./protocol.js").Accepted>}
   */
  async publish(channel, data, { key = randomKey(), ephemeral } = {}) {
    if (JSON.stringify(data) === undefined) {
      throw new SorlError("bad_request", "data must be JSON", { channel });
    }
    if (this.#underWay >= MAX_UNDER_WAY) {
      const message = "too many publishes are waiting for the service";
      throw new SorlError("rate_limited", message, { temporary: true, channel });
    }
    this.#underWay++;
    try {
      return await this.#persist({ channel, data, key, ephemeral });
    } finally {
      this.#underWay--;
    }
  }

  /** @param {Record<string, unknown>} message */
  async #persist(message) {
    const deadline = this.#clock.now() + this.#patience;
    for (let failures = 0; ; failures++) {
      try {
        const connection = await this.#link.connection(deadline - this.#clock.now());
        return await connection.ask("publish", message);
      } catch (error) {
        const wait = this.#backoff(failures);
        if (!mayPass(error) || this.#clock.now() + wait >= deadline) throw error;
        await new Promise((resolve) => this.#clock.after(wait, () => resolve(null)));
      }
    }
  }
}

/** An expired token is replaced with the connection. @param {unknown} error */
function mayPass(error) {
  return error instanceof SorlError && (error.temporary || error.code === "expired");
}

function randomKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return btoa(String.fromCharCode(...bytes));
}
