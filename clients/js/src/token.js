/**
 * Reads the user's name from a token, to know the personal channel's name.
 *
 * It verifies nothing: the service does that, and a forged name would only
 * lead to a refusal.
 */

/**
 * @param {string} token a JWT
 * @returns {string | null} its `sub`, or null where it has none that can be read
 */
export function userOf(token) {
  try {
    const claims = token.split(".")[1] ?? "";
    const bytes = atob(claims.replaceAll("-", "+").replaceAll("_", "/"));
    const { sub } = JSON.parse(bytes);
    // User names are ASCII, so the bytes are the text.
    return typeof sub === "string" && sub !== "" ? sub : null;
  } catch {
    return null;
  }
}
