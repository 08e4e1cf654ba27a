/**
 * Makes many wishes for one thing into one doing of it, a moment later.
 *
 * Drawing after every message would keep a busy page from reading the next.
 */

const MOMENT_MS = 30;

/**
 * @param {() => void} run
 * @returns {() => void} asks for a run; further calls until then ask for the same one
 */
export function coalesce(run) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    setTimeout(() => {
      asked = false;
      run();
    }, MOMENT_MS);
  };
}
