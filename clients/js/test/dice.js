/**
 * Whole numbers below `n`, the same ones for the same seed: so a run that fails
 * is one that can be had again.
 *
 * @param {number} seed
 */
export function dice(seed) {
  let state = seed + 1;
  return (/** @type {number} */ n) => {
    state = (state * 48_271) % 0x7fffffff;
    return state % n;
  };
}
