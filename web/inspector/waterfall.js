/**
 * One message's way as a waterfall: for each region a bar of what it spent its
 * time with, and the same in words.
 */

import { element } from "../element.js";
import { counted, duration } from "../figures.js";
import { placeOf, tint } from "../region_names.js";
import { endOf, wholeTime } from "./ways.js";

/** @typedef {import("../service.js").Way} Way @typedef {import("../service.js").Leg} Leg */

const clock = new Intl.DateTimeFormat("en-GB", {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  fractionalSecondDigits: 3,
});

/** Fractions of a bar at which its scale is written. */
const MARKS = [0, 0.25, 0.5, 0.75, 1];

/** The parts of a bar: class, where each begins and ends, and what it means. */
const PARTS = /** @type {const} */ ([
  ["travel", (/** @type {Way} */ way, /** @type {Leg} */ leg) => [way.accepted, leg.queued], "on its way to the queue, to the millisecond"],
  ["wait", (/** @type {Way} */ _, /** @type {Leg} */ leg) => [leg.queued, leg.received], "in the queue"],
  ["work", (/** @type {Way} */ _, /** @type {Leg} */ leg) => [leg.received, leg.first_post ?? endOf(leg)], "logged, audience read"],
  ["post", (/** @type {Way} */ _, /** @type {Leg} */ leg) => [leg.first_post ?? endOf(leg), endOf(leg)], "posted, first to last"],
]);

/** @param {Way} way @param {string[]} regions @returns {HTMLElement[]} */
export function waterfall(way, regions) {
  const whole = Math.max(0.1, wholeTime(way));
  const legs = regions.map((region) => row(way, region, whole));
  return [heading(way), scale(whole), element("ol", { class: "legs" }, ...legs), key()];
}

/** What the parts of a bar mean. */
function key() {
  const items = PARTS.map(([kind, , meaning]) => {
    return element("li", {}, element("i", { class: kind }), meaning);
  });
  return element("ul", { class: "way-key", "aria-hidden": "true" }, ...items);
}

/** @param {Way} way */
function heading({ id, channel, origin, via, accepted }) {
  const how = via === "sns" ? "published through SNS" : "sent by a client";
  return element(
    "header",
    { class: "way-head" },
    element("h3", { "data-testid": "way-channel" }, channel),
    element("p", {}, `${how}, accepted in ${origin} at ${clock.format(accepted)}`),
    element("code", { "data-testid": "way-id" }, id),
  );
}

/** @param {number} whole */
function scale(whole) {
  const marks = MARKS.map((share) => element("span", {}, share === 0 ? "0" : duration(whole * share)));
  return element("div", { class: "scale", "aria-hidden": "true" }, ...marks);
}

/** @param {Way} way @param {string} region @param {number} whole */
function row(way, region, whole) {
  const leg = way.regions[region];
  const name = element("h4", {}, region, element("small", {}, placeOf(region)));
  const bar = element("div", { class: "bar", "aria-hidden": "true" });
  if (leg) bar.append(...PARTS.map(([kind, span]) => part(kind, span(way, leg), way.accepted, whole)));
  const words = element("p", { "data-testid": `way-${region}` }, leg ? inWords(way, leg) : "Not in its queue yet");
  return tint(element("li", {}, name, bar, words), region);
}

/** @param {string} kind @param {number[]} span @param {number} start @param {number} whole */
function part(kind, [from = 0, to = 0], start, whole) {
  const made = element("i", { class: kind });
  made.style.left = `${((from - start) / whole) * 100}%`;
  made.style.width = `${(Math.max(0, to - from) / whole) * 100}%`;
  return made;
}

/** @param {Way} way @param {Leg} leg */
function inWords({ accepted }, leg) {
  const after = (/** @type {number} */ at) => `+${duration(Math.max(0, at - accepted))}`;
  // A queue tells time by the millisecond; less than one is not known.
  const queued = leg.queued - accepted < 1 ? "at once" : after(leg.queued);
  const words = [`queued ${queued}`, `received ${after(leg.received)}`];
  if (leg.posts > 0) words.push(`posted ${after(endOf(leg))} to ${counted(leg.posts, "connection")}`);
  else if (leg.done !== undefined) words.push(`done ${after(leg.done)}, nobody to post to`);
  else words.push("in work");
  if (leg.receives > 1) words.push(`taken ${leg.receives} times`);
  if (leg.throttled > 0) words.push(`${counted(leg.throttled, "post")} answered 429`);
  if (leg.gone > 0) words.push(`${counted(leg.gone, "connection")} gone`);
  return words.join(" · ");
}
