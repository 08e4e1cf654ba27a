/**
 * When a connection is replaced by the next, before the service ends it: after
 * two hours always, or when its token expires, after which nothing comes.
 *
 * The invariant: a fresh token gets most of its life, whatever the clock here
 * says. One that is wrong makes it look old, and must not make a client
 * reconnect without end; the service's own word ends such a connection in time.
 */

import { expiryOf, lifeOf } from "./token.js";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
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
  // A minute, but of a token that was issued for seconds the half.
  const least = Math.max(Math.min(MINUTE, lifeOf(token) / 2), SECOND);
  return Math.max(life - margin, least);
}
