/**
 * Reads from a token whose it is and until when, to know the personal channel's
 * name and when to ask for the next token.
 *
 * It verifies nothing: the service does that, and a forged claim would only
 * lead to a refusal.
 */

/**
 * @param {string} token a JWT
 * @returns {string | null} its `sub`, or null where it has none that can be read
 */
export function userOf(token) {
  const { sub } = claimsOf(token);
  return typeof sub === "string" && sub !== "" ? sub : null;
}

/**
 * @param {string} token a JWT
 * @returns {number} its `exp` in ms since the epoch, or Infinity where it has none that can be read
 */
export function expiryOf(token) {
  const { exp } = claimsOf(token);
  return typeof exp === "number" ? exp * 1_000 : Infinity;
}

/**
 * @param {string} token a JWT
 * @returns {number} ms from its issue to its expiry, or Infinity where it does not tell
 */
export function lifeOf(token) {
  const { iat } = claimsOf(token);
  return typeof iat === "number" ? expiryOf(token) - iat * 1_000 : Infinity;
}

/** @param {string} token @returns {Record<string, unknown>} */
function claimsOf(token) {
  try {
    const claims = token.split(".")[1] ?? "";
    // User names are ASCII, so the bytes are the text.
    return JSON.parse(atob(claims.replaceAll("-", "+").replaceAll("_", "/"))) ?? {};
  } catch {
    return {};
  }
}
