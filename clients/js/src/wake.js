/**
 * Hears when a page wakes up: it is shown again, or the device is online again.
 *
 * A sleeping device loses its connection without being told. Where there is no
 * page, as in Node, there is nothing to hear.
 */

/**
 * @param {() => void} woke
 * @returns {() => void} stops listening
 */
export function onWaking(woke) {
  const { document, addEventListener, removeEventListener } = globalThis;
  if (!document || !addEventListener) return () => {};
  const shown = () => {
    if (document.visibilityState === "visible") woke();
  };
  addEventListener("online", woke);
  document.addEventListener("visibilitychange", shown);
  return () => {
    removeEventListener("online", woke);
    document.removeEventListener("visibilitychange", shown);
  };
}
