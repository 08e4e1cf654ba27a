/**
 * The time and the timers that everything here uses, so that tests can bring
 * their own. Not a scheduler: one call, one timer.
 */

/**
 * @typedef {object} Clock
 * @property {() => number} now ms since the epoch
 * @property {(ms: number, run: () => void) => () => void} after
 * runs once after `ms`; the function returned cancels it
 */

/** @type {Clock} */
export const systemClock = {
  now: () => Date.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
};
