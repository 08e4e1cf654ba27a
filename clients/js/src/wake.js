/**
 * Hears when a page wakes up, shown again or online again, and when its device
 * has no network any more.
 *
 * A sleeping device loses its connection without being told. Where there is no
 * page, as in Node, there is nothing to hear.
 */

/**
 * @param {() => void} woke
 * @param {() => void} lost
 * @returns {() => void} stops listening
 */
export function onWaking(woke, lost) {
  const { document, addEventListener, removeEventListener } = globalThis;
  if (!document || !addEventListener) return () => {};
  const shown = () => {
    if (document.visibilityState === "visible") woke();
  };
  addEventListener("online", woke);
  addEventListener("offline", lost);
  document.addEventListener("visibilitychange", shown);
  return () => {
    removeEventListener("online", woke);
    removeEventListener("offline", lost);
    document.removeEventListener("visibilitychange", shown);
  };
}
