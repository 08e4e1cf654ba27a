/**
 * The wire, version 1: the frames of both directions and the reading of them.
 *
 * `readFrame` is where texts become values that cannot surprise: whatever the
 * server or something between sends, it returns a frame of a known shape or
 * null, and never throws.
 */

import { isMessageId } from "./message_id.js";

export const SUBPROTOCOL = "sorl.v1";
export const TOKEN_SUBPROTOCOL = "sorl.token.";

/** The service closes a connection that sends more in one frame. */
export const MAX_FRAME_BYTES = 32 * 1024;

/** The most messages that a `history` page may be asked for. */
export const MAX_PAGE = 500;

/**
 * @typedef {object} Message
 * @property {string} id
 * @property {string} channel
 * @property {unknown} data
 * @property {string} [user] the sender
 * @property {boolean} [verified] whether a token proved the sender
 * @property {number} at time of acceptance in ms since the epoch
 * @property {string} region where it was accepted
 */

/**
 * @typedef {object} PresenceEvent
 * @property {"join" | "leave"} event
 * @property {string} user
 * @property {string} region
 */

/**
 * Results of the actions.
 *
 * @typedef {{ channel: string, messages: Message[], recovered: boolean, more: boolean,
 *   cursor: string, region: string }} Subscribed
 * @typedef {{ messages: Message[], more: boolean, cursor: string }} Page
 * @typedef {{ message_id: string, at: number }} Accepted
 * @typedef {{ user: string, connections: number, regions: string[] }} Member
 * @typedef {{ count: number, members: Member[], truncated: boolean }} Presence
 */

/**
 * Frames from the service.
 *
 * @typedef {{ type: "reply", id: number, result: any }} ReplyFrame
 * @typedef {{ code: import("./error.js").ServiceCode, message: string, temporary: boolean }} WireError
 * @typedef {{ type: "error", id: number | null, error: WireError }} ErrorFrame
 * @typedef {{ type: "messages", messages: Message[] }} MessagesFrame
 * @typedef {{ type: "unsubscribed", channel: string }} UnsubscribedFrame
 * @typedef {{ type: "presence", channel: string, events: PresenceEvent[] }} PresenceFrame
 * @typedef {{ type: "bye", code: string, reconnect: boolean }} ByeFrame
 * @typedef {MessagesFrame | UnsubscribedFrame | PresenceFrame | ByeFrame} PushFrame
 * @typedef {ReplyFrame | ErrorFrame | PushFrame} Frame
 */

/** @type {Record<string, (frame: any) => Frame | null>} */
const READERS = {
  reply: (frame) => (isObject(frame.result) ? readReply(frame) : null),
  error: (frame) => (isObject(frame.error) ? readError(frame) : null),
  messages: (frame) => (Array.isArray(frame.messages) ? readMessages(frame) : null),
  unsubscribed: (frame) => (typeof frame.channel === "string" ? frame : null),
  presence: (frame) => (typeof frame.channel === "string" ? readPresence(frame) : null),
  bye: (frame) => ({ type: "bye", code: String(frame.code), reconnect: frame.reconnect === true }),
};

/**
 * @param {unknown} text of one WebSocket frame
 * @returns {Frame | null} null for what is to be ignored, such as frames without a type
 */
export function readFrame(text) {
  const frame = parse(text);
  if (!isObject(frame) || typeof frame.type !== "string") return null;
  return Object.hasOwn(READERS, frame.type) ? (READERS[frame.type]?.(frame) ?? null) : null;
}

/** @param {any} frame @returns {Frame} */
function readReply(frame) {
  const { result } = frame;
  if (!Array.isArray(result.messages)) return frame;
  return { ...frame, result: { ...result, messages: result.messages.filter(isMessage) } };
}

/** @param {any} frame @returns {Frame} */
function readError({ id, error }) {
  const { code = "internal", message = "", temporary = false } = error;
  return {
    type: "error",
    id: typeof id === "number" ? id : null,
    error: { code, message: String(message), temporary: temporary === true },
  };
}

/** @param {any} frame @returns {Frame} */
function readMessages({ messages }) {
  return { type: "messages", messages: messages.filter(isMessage) };
}

/** @param {any} frame @returns {Frame} */
function readPresence({ channel, events }) {
  const list = Array.isArray(events) ? events : [];
  return { type: "presence", channel, events: list.filter(isPresenceEvent) };
}

/** @param {unknown} text */
function parse(text) {
  if (typeof text !== "string") return null;
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** @param {any} value @returns {value is Record<string, any>} */
function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** @param {any} value @returns {value is Message} */
function isMessage(value) {
  return isObject(value) && isMessageId(value.id) && typeof value.channel === "string";
}

/** @param {any} value @returns {value is PresenceEvent} */
function isPresenceEvent(value) {
  return isObject(value) && typeof value.user === "string" && typeof value.event === "string";
}
