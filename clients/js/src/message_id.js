/**
 * Message ids: UUIDv7 texts, which sort by the time of acceptance.
 *
 * This reads ids and never makes one; only the service does.
 * Two messages of one channel whose ids share a tail are one message,
 * whatever the rest of their ids says: a publish that was retried with its key
 * is accepted twice, at two times.
 */

const FORM = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/**
 * @param {unknown} value
 * @returns {value is string}
 */
export function isMessageId(value) {
  return typeof value === "string" && FORM.test(value);
}

/**
 * The time of acceptance in milliseconds since the epoch: the first 48 bits.
 *
 * @param {string} id
 */
export function timeOf(id) {
  return parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}

/**
 * The last two groups, by which copies of one message are known.
 *
 * @param {string} id
 */
export function tailOf(id) {
  return id.slice(19);
}

/**
 * The greater of two ids, either of which may be missing.
 *
 * @param {string | null} a
 * @param {string | null} b
 */
export function greater(a, b) {
  return (a ?? "") > (b ?? "") ? a : b;
}
