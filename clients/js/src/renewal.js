/**
 * When a connection is replaced by the next, before the service ends it: after
 * two hours always, or when its token expires, after which nothing comes.
 *
 * The invariant: never sooner than a minute after it opened. A clock that is
 * wrong makes a fresh token look old, and must not make a client reconnect
 * without end; the service's own word ends such a connection in time.
 */

import { expiryOf } from "./token.js";

const MINUTE = 60_000;
const AGE_MAX = 120 * MINUTE;

/** Spread over this time, so that clients that came together do not return together. */
const SPREAD = 5 * MINUTE;

/** The share of a token's life within which it is renewed, if that is less. */
const LAST_SHARE = 0.1;

/**
 * @param {string} token that the connection was opened with
 * @param {number} now ms since the epoch
 * @param {() => number} random from 0 up to 1
 * @returns {number} ms from now
 */
export function renewalDelay(token, now, random) {
  const life = Math.min(expiryOf(token) - now, AGE_MAX);
  const margin = Math.min(SPREAD, life * LAST_SHARE) * (1 + random()) / 2;
  return Math.max(life - margin, MINUTE);
}
