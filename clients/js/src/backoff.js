/**
 * How long to wait before trying again: exponential, with full jitter.
 *
 * Full jitter (anything from nothing to the bound) spreads the clients of a
 * region that went away, so that they do not return as one wave.
 */

/**
 * @typedef {object} BackoffOptions
 * @property {number} [base] bound of the first wait in ms; 250
 * @property {number} [cap] bound of every wait in ms; 20,000
 * @property {() => number} [random] from 0 up to 1
 */

/**
 * @typedef {(failures: number) => number} Backoff
 * the wait in ms after that many earlier failures in a row
 */

/**
 * @param {BackoffOptions} [options]
 * @returns {Backoff}
 */
export function fullJitter({ base = 250, cap = 20_000, random = Math.random } = {}) {
  // The exponent is bounded too: 2 ** 1,024 is Infinity, and Infinity * 0 is NaN.
  return (failures) => random() * Math.min(cap, base * 2 ** Math.min(failures, 30));
}
