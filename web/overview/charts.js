/**
 * What is drawn over time: what comes in, what goes out, how well it is
 * bundled, what is tried again, what waits, what is given up.
 */

import { element } from "../element.js";
import { tint } from "../region_names.js";
import { Chart } from "./chart.js";

/** @typedef {import("../stage/feed.js").Tick} Tick */

/** @param {(number | null)[]} values */
const sum = (values) => values.reduce((sum, value) => /** @type {number} */ (sum) + (value ?? 0), 0);

/** @param {(number | null)[]} values */
const first = (values) => values[0] ?? null;

/** @param {string} name a class that has the colour */
const swatch = (name) => element("i", { class: `swatch ${name}` });

/** A line for each region. @param {string[]} regions @param {(tick: Tick, region: string) => number} read */
function byRegion(regions, read) {
  return regions.map((region) => ({
    label: region,
    swatch: tint(element("i", { class: "swatch" }), region),
    read: (/** @type {Tick} */ tick) => read(tick, region),
  }));
}

/** A line for a counter. @param {string} label @param {string} colour @param {string} name */
const counter = (label, colour, name) => ({
  label,
  swatch: swatch(colour),
  read: (/** @type {Tick} */ tick) => tick.rate(name),
});

/** Messages a post, of the latest second that had posts of messages. */
function bundling() {
  /** @type {number | null} */
  let latest = null;
  return (/** @type {Tick} */ tick) => {
    const posts = tick.rate("sorl_posts_total") - tick.rate("sorl_presence_posts_total");
    if (posts > 0) latest = tick.rate("sorl_delivered_total") / posts;
    return latest;
  };
}

/** @param {string[]} regions @returns {import("./chart.js").Subject[]} */
const subjects = (regions) => [
  {
    title: "Accepted",
    unit: "messages/s",
    hint: "What publishers and clients had acknowledged, by the region that took it",
    headline: sum,
    series: byRegion(regions, (tick, region) => tick.rate("sorl_accepted_total", { region })),
  },
  {
    title: "Delivered",
    unit: "messages/s",
    hint: "Messages posted, each counted for each connection, and the posts that they took",
    headline: first,
    series: [
      counter("messages", "accent", "sorl_delivered_total"),
      counter("posts", "violet", "sorl_posts_total"),
    ],
  },
  {
    title: "Coalescing",
    unit: "messages a post",
    hint: "How many messages one of the latest posts brought; posts are what AWS bills",
    headline: first,
    series: [{ label: "ratio", swatch: swatch("accent"), read: bundling() }],
  },
  {
    title: "Waiting",
    unit: "records",
    hint: "Records in the regions' queues, in work or held back by a cut",
    headline: sum,
    series: byRegion(regions, (tick, region) => {
      return tick.now("sorl_records", { region }) + tick.now("sorl_held_records", { region });
    }),
  },
  {
    title: "Tried again",
    unit: "a second",
    hint: "Posts answered 429, slices sent to the bulk queue, and records handed out again",
    headline: sum,
    series: [
      counter("failed", "red", "sorl_records_failed_total"),
      counter("429", "amber", "sorl_throttled_total"),
      counter("slices", "violet", "sorl_slices_total"),
    ],
  },
  {
    title: "Given up",
    unit: "a second",
    hint: "Records that became dead letters, connections found gone, and clients closed because they do not read",
    headline: sum,
    series: [
      counter("dead letters", "red", "sorl_dead_letters_total"),
      counter("too slow", "amber", "sorl_closed_slow_total"),
      counter("gone", "grey", "sorl_gone_total"),
    ],
  },
];

/** @param {HTMLElement} box @param {string[]} regions @returns {Chart[]} */
export function setUpCharts(box, regions) {
  return subjects(regions).map((subject) => {
    const name = subject.title.toLowerCase().replace(" ", "-");
    const card = element("figure", { class: "card chart", "data-testid": `chart-${name}` });
    box.append(card);
    return new Chart(card, subject);
  });
}
