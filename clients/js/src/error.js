/**
 * What can go wrong, as a code from a closed list.
 *
 * Most codes are the service's own words. Five are the client's: `unknown` (no
 * reply came in time, so it may or may not have happened), `disconnected` (the
 * connection was lost first, or none came about), `failed` (a connection
 * attempt did), `queue_full` (too many publishes wait) and `closed` (this
 * client was closed).
 */

/**
 * @typedef {"bad_request" | "unknown_action" | "unauthorized" | "forbidden"
 *   | "not_subscribed" | "too_large" | "rate_limited" | "expired"
 *   | "unavailable" | "internal"} ServiceCode
 * @typedef {ServiceCode | "unknown" | "disconnected" | "failed" | "queue_full" | "closed"} Code
 */

export class SorlError extends Error {
  /**
   * @param {Code} code
   * @param {string} message
   * @param {{ temporary?: boolean, channel?: string, cause?: unknown }} [facts]
   */
  constructor(code, message, { temporary = false, channel, cause } = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "SorlError";
    this.code = code;
    /** Whether the same request may succeed later. */
    this.temporary = temporary;
    /** The channel it is about, if it is about one. */
    this.channel = channel;
  }
}

/** The same for all requests that a lost connection leaves without an answer. */
export const disconnected = () =>
  new SorlError("disconnected", "connection lost before the reply", { temporary: true });

export const closed = () => new SorlError("closed", "this client is closed");
