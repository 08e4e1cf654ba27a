/**
 * Which endpoint is tried next: the quickest that is not known to fail.
 *
 * No I/O: it is told how long handshakes took and which ones failed. What was
 * never measured stands between the two, in the order of the list.
 */

/**
 * @typedef {{ region: string, url: string }} Endpoint
 */

/** Ranks beyond any handshake in ms; not Infinity, which minus itself is no number. */
const UNKNOWN = 1e8;
const FAILED = 1e9;

export class Route {
  /** @type {Map<string, number>} */
  #ranks = new Map();
  /** @type {Endpoint[]} */
  #list = [];

  /** The endpoints of the present. @param {Endpoint[]} list */
  know(list) {
    this.#list = list;
  }

  /** A handshake took that long; it is left out where the order is the caller's. @param {string} region @param {number} [ms] */
  opened(region, ms = UNKNOWN) {
    this.#ranks.set(region, ms);
  }

  /** It failed, or is to be left. @param {string} region @returns {string | undefined} the region to turn to */
  failed(region) {
    this.#ranks.set(region, FAILED);
    return this.order(region)[0]?.region;
  }

  /**
   * All endpoints, the best first. Among equals it goes around, so that each
   * has its turn.
   *
   * @param {string} [last] the region tried last, which comes last among equals
   */
  order(last) {
    const at = this.#list.findIndex(({ region }) => region === last) + 1;
    const ring = [...this.#list.slice(at), ...this.#list.slice(0, at)];
    const rank = (/** @type {Endpoint} */ { region }) => this.#ranks.get(region) ?? UNKNOWN;
    return ring.sort((a, b) => rank(a) - rank(b));
  }
}
