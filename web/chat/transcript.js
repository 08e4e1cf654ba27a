/**
 * What a pane has heard: messages, and what happened in between.
 *
 * It shows and does not decide: each message is handed over once, by the
 * client. The number of lines is bounded; the oldest go first.
 */

import { coalesce } from "../coalesce.js";
import { element } from "../element.js";
import { duration } from "../figures.js";
import { tint } from "../region_names.js";

const MAX_LINES = 400;

/** A message that took longer came from a backlog rather than a wire. */
const LATE_MS = 5_000;

/** Made once: a formatter costs more than the line it is for. */
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });

/**
 * @typedef {import("/client/index.js").Message} Message
 * @typedef {import("/client/index.js").Meta} Meta
 */

export class Transcript {
  #list;
  #inspect;
  /** Lines that are not drawn yet. @type {HTMLElement[]} */
  #waiting = [];
  #draw = coalesce(() => this.#drawNow());

  /** @param {HTMLElement} list @param {(id: string) => void} inspect */
  constructor(list, inspect) {
    this.#list = list;
    this.#inspect = inspect;
  }

  /**
   * @param {Message} message
   * @param {Meta & { personal: boolean, own: boolean }} how
   * @returns {number | null} ms that a live message took, null for one that came otherwise
   */
  message(message, { recovered, rewound, personal, own }) {
    const live = !recovered && !rewound;
    const took = Math.max(0, Date.now() - message.at);
    const line = element("div", {
      class: "message",
      "data-testid": "message",
      "data-id": message.id,
      "data-region": message.region,
      "data-recovered": String(recovered),
    });
    tint(line, message.region);
    line.classList.toggle("own", own);
    line.append(
      sender(message),
      element("span", { class: "text", "data-testid": "message-text" }, textOf(message.data)),
      facts(message, live ? took : null, { recovered, personal }, () => this.#inspect(message.id)),
    );
    this.#append(line);
    return live ? took : null;
  }

  /**
   * Something that happened; `kind` is its colour.
   *
   * @param {string} text
   * @param {"plain" | "good" | "bad"} [kind]
   */
  note(text, kind = "plain") {
    this.#append(element("div", { class: `note ${kind}`, "data-testid": "note" }, text));
  }

  clear() {
    this.#waiting = [];
    this.#list.replaceChildren();
  }

  /** @param {HTMLElement} line */
  #append(line) {
    this.#waiting.push(line);
    if (this.#waiting.length > MAX_LINES) this.#waiting.shift();
    this.#draw();
  }

  #drawNow() {
    const list = this.#list;
    // Whoever has scrolled up to read stays there.
    const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 60;
    list.append(...this.#waiting.splice(0));
    while (list.childElementCount > MAX_LINES) list.firstElementChild?.remove();
    if (atEnd) list.scrollTop = list.scrollHeight;
  }
}

/** @param {Message} message */
function sender({ user, verified }) {
  if (!user) return element("span", { class: "sender nobody" }, "someone");
  const name = element("span", { class: "sender", "data-testid": "sender" }, user);
  if (!verified) {
    name.classList.add("claimed");
    name.title = "The publisher says so; no token proved it";
  }
  return name;
}

/**
 * @param {Message} message
 * @param {number | null} took
 * @param {{ recovered: boolean, personal: boolean }} how
 * @param {() => void} inspect
 */
function facts(message, took, { recovered, personal }, inspect) {
  const list = element("span", { class: "facts" });
  if (personal) list.append(tag("direct"));
  if (recovered) list.append(tag("recovered"));
  if (took !== null && took >= LATE_MS) list.append(tag("late"));
  list.append(element("span", { class: "origin" }, message.region));
  const at = new Date(message.at).toISOString();
  const time = took === null ? clock.format(message.at) : duration(took);
  const attributes = { datetime: at, "data-testid": "message-time" };
  // Not a stop of the tab key, which would have to pass hundreds: the inspector's own list is.
  const button = element("button", { type: "button", class: "inspect", tabindex: "-1", "data-testid": "inspect" });
  button.title = `Accepted ${at}. Show its way`;
  button.append(element("time", attributes, time));
  button.addEventListener("click", inspect);
  list.append(button);
  return list;
}

/** @param {string} text */
const tag = (text) => element("span", { class: `tag ${text}`, "data-testid": "tag" }, text);

/** @param {any} data */
function textOf(data) {
  if (typeof data === "string") return data;
  return typeof data?.text === "string" ? data.text : JSON.stringify(data);
}
