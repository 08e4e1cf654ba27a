/**
 * The switches for faults, kept in step with what is in force.
 *
 * Each change sends the whole, as the service replaces the whole; other tabs
 * and tests change it too, so it is read again every few seconds.
 */

import { byId, element } from "../element.js";
import { faults, setFaults, whole } from "../service.js";

const REFRESH_MS = 3_000;

/** How a value is shown. @type {Record<string, (value: number) => string>} */
const SHOWN = {
  lag_ms: (value) => (value < 1_000 ? `${value} ms` : `${value / 1_000} s`),
  duplicate: (value) => `${Math.round(value * 100)} %`,
  throttle: (value) => `${Math.round(value * 100)} %`,
};

/**
 * @param {string[]} regions
 * @param {(faults: import("../service.js").Faults) => void} inForce hears what is in force
 */
export function setUpFaults(regions, inForce) {
  const form = byId("faults", HTMLFormElement);
  byId("cut", HTMLElement).append(...regions.map(cutSwitch));
  const show = (/** @type {import("../service.js").Faults} */ now) => {
    showForm(form, now);
    showBadge(now);
    inForce(now);
  };
  let changes = 0;
  const change = async (/** @type {import("../service.js").Faults} */ wanted) => {
    changes++;
    show(wanted);
    await setFaults(wanted);
  };
  const refresh = async () => {
    const before = changes;
    const now = await faults().catch(() => null);
    // What was read while a switch was turned is out of date.
    if (now && before === changes && !form.matches(":active")) show(now);
  };
  form.addEventListener("input", () => showValues(form));
  form.addEventListener("change", () => change(readForm(form)));
  byId("heal", HTMLButtonElement).addEventListener("click", () => change(whole({})));
  setInterval(() => document.hidden || refresh(), REFRESH_MS);
  refresh();
}

/** @param {string} region */
function cutSwitch(region) {
  const attributes = { type: "checkbox", name: "cut", value: region, role: "switch" };
  const box = element("input", { ...attributes, "data-testid": `cut-${region}` });
  return element("label", { class: "check" }, box, ` ${region}`);
}

/** @param {HTMLFormElement} form @returns {import("../service.js").Faults} */
function readForm(form) {
  const fields = new FormData(form);
  const number = (/** @type {string} */ name) => Number(fields.get(name) ?? 0);
  return {
    cut: fields.getAll("cut").map(String),
    lag_ms: number("lag_ms"),
    duplicate: number("duplicate"),
    throttle: number("throttle"),
  };
}

/** @param {HTMLFormElement} form @param {import("../service.js").Faults} faults */
function showForm(form, faults) {
  for (const input of inputs(form)) {
    if (input.type === "checkbox") input.checked = faults.cut.includes(input.value);
    else input.value = String(faults[/** @type {"lag_ms"} */ (input.name)]);
  }
  showValues(form);
}

/** @param {HTMLFormElement} form */
function showValues(form) {
  for (const input of inputs(form)) {
    const output = input.closest("label")?.querySelector("output");
    if (output) output.textContent = SHOWN[input.name]?.(Number(input.value)) ?? "";
  }
}

/** @param {import("../service.js").Faults} faults */
function showBadge({ cut, lag_ms, duplicate, throttle }) {
  const words = cut.map((region) => `${region} cut off`);
  if (lag_ms > whole({}).lag_ms) words.push(`lag ${SHOWN.lag_ms?.(lag_ms)}`);
  if (duplicate > 0) words.push(`${SHOWN.duplicate?.(duplicate)} doubled`);
  if (throttle > 0) words.push(`${SHOWN.throttle?.(throttle)} throttled`);
  const badge = byId("faults-badge", HTMLElement);
  badge.hidden = words.length === 0;
  badge.textContent = words.join(" · ");
}

/** @param {HTMLFormElement} form */
const inputs = (form) => form.querySelectorAll("input");
