/**
 * The addresses of the embedded service that are not the WebSocket's: regions,
 * tokens, faults, dead letters, metrics, and SNS's own API for publishing from
 * outside.
 *
 * Each function is one request; none keeps anything.
 */

/**
 * @typedef {{ region: string, url: string, topic: string }} Region
 * @typedef {{ cut: string[], lag_ms: number, duplicate: number, throttle: number }} Faults
 * @typedef {{ id: string, region: string, queue: string, reason: string, at: number, body: string }} DeadLetter
 * @typedef {{ queued: number, received: number, receives: number, first_post?: number,
 *   last_post?: number, posts: number, throttled: number, gone: number, done?: number }} Leg
 * @typedef {{ id: string, channel: string, origin: string, via: "websocket" | "sns",
 *   accepted: number, regions: Record<string, Leg> }} Way
 * @typedef {{ at: number, samples: import("./stage/samples.js").Sample[],
 *   ways: { next: number, messages: Way[] } }} Metrics
 */

/** The lag in force while nobody asks for another. */
const USUAL_LAG_MS = 200;

/** @returns {Promise<Region[]>} */
export function regions() {
  return json("/regions");
}

/**
 * A token with every right, as befits an operator's console.
 *
 * @param {string} user
 * @returns {Promise<string>}
 */
export async function token(user) {
  const { token } = await json("/token", { user, grants: { "*": ["*"] } });
  return token;
}

/** @returns {Promise<Faults>} */
export async function faults() {
  return whole(await json("/faults"));
}

/**
 * Replaces the faults in force.
 *
 * @param {Faults} wanted
 * @returns {Promise<unknown>}
 */
export function setFaults(wanted) {
  return json("/faults", wanted);
}

/** Absent is none. @param {Partial<Faults>} faults @returns {Faults} */
export function whole({ cut = [], lag_ms = USUAL_LAG_MS, duplicate = 0, throttle = 0 }) {
  return { cut, lag_ms, duplicate, throttle };
}

/** @returns {Promise<DeadLetter[]>} */
export function deadLetters() {
  return json("/dead-letters");
}

/** @param {string} id */
export function redrive(id) {
  return json(`/dead-letters/${encodeURIComponent(id)}/redrive`, {});
}

/**
 * Counters and gauges, and the ways of messages that changed.
 *
 * @param {number} since `ways.next` of the last answer
 * @returns {Promise<Metrics>}
 */
export function metrics(since) {
  return json(`/metrics?since=${since}`);
}

/**
 * SNS's `Publish`, as a form like the AWS SDKs send it.
 *
 * @param {{ topic: string, message: string, channel?: string }} what
 * `channel` goes as a message attribute
 * @returns {Promise<string>} SNS's id of the message
 */
export async function snsPublish({ topic, message, channel }) {
  const form = new URLSearchParams({ Action: "Publish", Version: "2010-03-31" });
  form.set("TopicArn", topic);
  form.set("Message", message);
  if (channel !== undefined) {
    form.set("MessageAttributes.entry.1.Name", "channel");
    form.set("MessageAttributes.entry.1.Value.DataType", "String");
    form.set("MessageAttributes.entry.1.Value.StringValue", channel);
  }
  const answer = await fetch("/", { method: "POST", body: form });
  const xml = new DOMParser().parseFromString(await answer.text(), "text/xml");
  const text = (/** @type {string} */ name) => xml.querySelector(name)?.textContent ?? "";
  if (!answer.ok) throw new Error(text("Message") || `SNS answered ${answer.status}`);
  return text("MessageId");
}

/**
 * @param {string} address
 * @param {unknown} [body] makes it a POST
 */
async function json(address, body) {
  const headers = { "content-type": "application/json", accept: "application/json" };
  const init = body === undefined ? { headers } : { method: "POST", headers, body: JSON.stringify(body) };
  const answer = await fetch(address, init);
  if (!answer.ok) throw new Error(`${address} answered ${answer.status}: ${await answer.text()}`);
  const text = await answer.text();
  return text === "" ? null : JSON.parse(text);
}
