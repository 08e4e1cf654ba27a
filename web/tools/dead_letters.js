/**
 * The dead letters of all regions with their reasons, and the way back.
 */

import { byId, element } from "../element.js";
import { deadLetters, redrive } from "../service.js";

const REFRESH_MS = 3_000;
const SHOWN = 50;

/** @param {(letters: number) => void} counted hears how many there are */
export function setUpDeadLetters(counted) {
  const list = byId("dead", HTMLElement);
  const count = byId("dead-count", HTMLElement);
  let shown = "";
  const refresh = async () => {
    const letters = await deadLetters().catch(() => null);
    // Unchanged letters are left alone, so that a button keeps its focus.
    const now = JSON.stringify(letters);
    if (!letters || now === shown) return;
    shown = now;
    count.textContent = String(letters.length);
    counted(letters.length);
    const items = letters.slice(-SHOWN).reverse().map((letter) => item(letter, refresh));
    const none = element("li", { class: "none" }, "None. Everything was handled.");
    list.replaceChildren(...(items.length > 0 ? items : [none]));
  };
  setInterval(() => document.hidden || refresh(), REFRESH_MS);
  refresh();
}

/**
 * @param {import("../service.js").DeadLetter} letter
 * @param {() => Promise<void>} refresh
 */
function item(letter, refresh) {
  const button = element("button", { class: "button quiet small", "data-testid": "redrive" });
  button.type = "button";
  button.textContent = "Redrive";
  button.setAttribute("aria-label", `Redrive the dead letter in ${letter.region}`);
  button.addEventListener("click", async () => {
    button.disabled = true;
    await redrive(letter.id).catch(() => (button.textContent = "Failed"));
    await refresh();
  });
  return element(
    "li",
    { "data-testid": "dead-letter", "data-region": letter.region, "data-id": letter.id },
    element("strong", { "data-testid": "reason" }, letter.reason),
    element("span", { class: "origin" }, `${letter.region} · ${timeOf(letter)}`),
    element("code", { title: letter.body }, publishedIn(letter.body)),
    button,
  );
}

/** @param {import("../service.js").DeadLetter} letter */
const timeOf = ({ at }) => new Date(at).toLocaleTimeString();

/** What was published, where the record is SNS's notification of it. @param {string} body */
function publishedIn(body) {
  try {
    return String(JSON.parse(body).Message ?? body);
  } catch {
    return body;
  }
}
