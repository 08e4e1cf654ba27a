/**
 * One verdict on everything: what an operator sees at a glance.
 *
 * It is made of what the service says of itself. Its words change only when
 * the verdict does, so that it can be read out.
 */

import { counted } from "../figures.js";
import { whole } from "../service.js";

/** Records in a queue from which on it counts as a backlog. */
const BACKLOG = 100;

/** Readings for which trouble is remembered, so that the verdict does not flicker. */
const REMEMBERED = 5;

/**
 * @typedef {"good" | "warn" | "bad"} Level
 * @typedef {{ level: Level, text: string }} Finding
 */

/**
 * @param {import("./feed.js").Tick} tick
 * @param {string[]} regions
 * @returns {Finding[]} what is not as it should be in this reading
 */
function findings(tick, regions) {
  const found = [];
  for (const region of regions) {
    const waiting = tick.now("sorl_records", { region });
    if (waiting > BACKLOG) found.push(warn(`${region} has a backlog`));
    if (tick.rate("sorl_records_failed_total", { region }) > 0) found.push(bad(`Deliveries fail in ${region}`));
    if (tick.rate("sorl_closed_slow_total", { region }) > 0) found.push(warn(`${region} closes slow clients`));
  }
  if (tick.rate("sorl_throttled_total") > 0) found.push(warn("Posts are throttled"));
  return found;
}

export class Health {
  #regions;
  #say;
  /** @type {Finding[][]} */
  #latest = [];
  #faults = whole({});
  #letters = 0;
  #lost = false;

  /** @param {string[]} regions @param {(verdict: Finding) => void} say */
  constructor(regions, say) {
    this.#regions = regions;
    this.#say = say;
  }

  /** @param {import("./feed.js").Tick} tick */
  read(tick) {
    this.#lost = false;
    this.#latest.push(findings(tick, this.#regions));
    if (this.#latest.length > REMEMBERED) this.#latest.shift();
    this.#judge();
  }

  lost() {
    this.#lost = true;
    this.#judge();
  }

  /** @param {import("../service.js").Faults} inForce */
  faults(inForce) {
    this.#faults = inForce;
    this.#judge();
  }

  /** @param {number} letters that wait for somebody */
  deadLetters(letters) {
    this.#letters = letters;
    this.#judge();
  }

  #judge() {
    const all = this.#lost ? [bad("The service does not answer")] : this.#known();
    const worst = all.find(({ level }) => level === "bad") ?? all[0];
    const texts = [...new Set(all.map(({ text }) => text))];
    const more = texts.length > 2 ? ` · ${texts.length - 2} more` : "";
    const text = texts.slice(0, 2).join(" · ") + more;
    this.#say(worst ? { level: worst.level, text } : { level: "good", text: "All is well" });
  }

  #known() {
    const { cut, lag_ms, duplicate, throttle } = this.#faults;
    const known = [];
    const isFaulty = lag_ms > whole({}).lag_ms || duplicate > 0 || throttle > 0;
    if (cut.length > 0) known.push(bad(`${counted(cut.length, "region is", "regions are")} cut off`));
    else if (isFaulty) known.push(warn("Faults are switched on"));
    if (this.#letters > 0) known.push(warn(`${counted(this.#letters, "dead letter")} to look at`));
    return known.concat(this.#latest.flat());
  }
}

/** @param {string} text @returns {Finding} */
const warn = (text) => ({ level: "warn", text });

/** @param {string} text @returns {Finding} */
const bad = (text) => ({ level: "bad", text });
