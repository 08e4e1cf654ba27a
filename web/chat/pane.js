/**
 * One region's chat: a client of its own, what it hears, and its controls.
 *
 * Messaging is the client's alone: this file says who connects where, and shows
 * what comes of it.
 */

import { Sorl } from "/client/index.js";
import { element } from "../element.js";
import { Latency } from "./latency.js";
import { Line } from "./line.js";
import { Members } from "./members.js";
import { partsOf } from "./pane_parts.js";
import { placeOf, tint } from "../region_names.js";
import { token } from "../service.js";
import { Transcript } from "./transcript.js";

const REWIND = 20;

/**
 * @typedef {import("../service.js").Region} Region
 * @typedef {import("/client/index.js").Message} Message
 * @typedef {import("/client/index.js").Meta} Meta
 */

export class Pane {
  #region;
  #regions;
  #parts;
  #transcript;
  #members;
  #latency;
  #line = new Line();
  #changed;
  /** @type {Sorl | null} */
  #sorl = null;
  /** @type {ReturnType<Sorl["subscribe"]> | null} */
  #channel = null;
  #cut = false;

  /**
   * @param {{ region: Region, regions: Region[], user: string, channel: string,
   *   template: HTMLTemplateElement, changed: () => void, inspect: (id: string) => void }} parts
   * `changed` hears when somebody connects or leaves, `inspect` which message's way is asked for
   */
  constructor({ region, regions, user, channel, template, changed, inspect }) {
    this.#region = region;
    this.#regions = regions;
    this.#changed = changed;
    this.#parts = partsOf(template);
    const { root, transcript, members, memberCount, latency } = this.#parts;
    this.#transcript = new Transcript(transcript, inspect);
    this.#latency = new Latency(latency);
    this.#members = new Members({
      list: members,
      count: memberCount,
      take: () => (this.#sorl?.state === "connected" ? (this.#channel?.presence() ?? null) : null),
    });
    this.element = root;
    this.#label(user, channel);
    this.#listen();
    this.#showState("idle", "");
  }

  get region() {
    return this.#region.region;
  }

  get user() {
    return this.#parts.user.value;
  }

  get channel() {
    return this.#parts.channel.value;
  }

  get active() {
    return this.#sorl !== null;
  }

  /** @param {{ user?: string, channel?: string }} who */
  fill({ user, channel }) {
    if (this.active) return;
    if (user) this.#parts.user.value = user;
    if (channel) this.#parts.channel.value = channel;
  }

  connect() {
    if (this.active || !this.#parts.join.reportValidity()) return;
    const { user, channel } = this;
    this.#transcript.clear();
    this.#latency.clear();
    this.#sorl = new Sorl({
      endpoints: this.#regions,
      region: this.#parts.gateway.value,
      token: () => token(user),
      WebSocket: this.#line.WebSocket,
    });
    this.#sorl.on("state", ({ state, reason }) => this.#showState(state, reason));
    this.#sorl.on("error", ({ message }) => {
      this.#parts.status.title = message;
    });
    this.#sorl.on("bye", ({ code }) => this.#transcript.note(`The service says bye: ${code}`, "bad"));
    this.#sorl.messages.on("message", (message, meta) => this.#show(message, meta, true));
    this.#join(channel);
    this.#changed();
  }

  leave() {
    this.#sorl?.close();
    this.#sorl = this.#channel = null;
    this.#members.clear();
    this.#changed();
  }

  /** Whether the region is cut off from the others just now. @param {boolean} cut */
  setCut(cut) {
    if (this.active && cut !== this.#cut) {
      const text = cut ? "This region is cut off from the others" : "The region is back";
      this.#transcript.note(text, cut ? "bad" : "good");
    }
    this.#cut = cut;
    this.#parts.root.classList.toggle("cut", cut);
  }

  /** @param {string} name */
  #join(name) {
    const channel = /** @type {Sorl} */ (this.#sorl).subscribe(name, { rewind: REWIND });
    this.#channel = channel;
    channel.on("message", (message, meta) => this.#show(message, meta, false));
    channel.on("presence", (event) => {
      this.#members.heard(event);
      const verb = event.event === "join" ? "joined in" : "left";
      this.#transcript.note(`${event.user} ${verb} ${event.region}`);
    });
    channel.on("subscribed", ({ region, resumed }) => {
      this.#members.refresh();
      if (!resumed) this.#transcript.note(`In ${name}, through ${region}`, "good");
    });
    channel.on("recovered", ({ messages }) => {
      const what = messages === 0 ? "nothing was missed" : `${count(messages)} recovered`;
      this.#transcript.note(`Back through ${this.#sorl?.region}: ${what}`, "good");
    });
    channel.on("gap", () => {
      this.#transcript.note("Messages were missed here and cannot be recovered", "bad");
    });
    channel.on("unsubscribed", ({ reason, error }) => {
      if (reason === "operator") this.#transcript.note("An operator took the channel away", "bad");
      if (error) this.#transcript.note(`Refused: ${error.message}`, "bad");
    });
  }

  /** @param {Message} message @param {Meta} meta @param {boolean} personal */
  #show(message, meta, personal) {
    const own = message.verified === true && message.user === this.#sorl?.user;
    const took = this.#transcript.message(message, { ...meta, personal, own });
    if (took !== null) this.#latency.took(took);
  }

  /** @param {string} state @param {string} reason */
  #showState(state, reason) {
    const { root, status, connect, user, channel, text, send, unplug } = this.#parts;
    status.textContent = this.#stateText(state, reason);
    if (state === "connected") status.title = "";
    root.dataset.state = status.dataset.state = state;
    if (state === "waiting" && reason !== "failed") {
      this.#transcript.note(`Connection gone (${reason})`, "bad");
    }
    // The service closed for good; the client is of no more use.
    if (state === "closed" && this.active) this.leave();
    connect.textContent = this.active ? "Leave" : "Connect";
    connect.classList.toggle("primary", !this.active);
    user.disabled = channel.disabled = this.active;
    text.disabled = send.disabled = unplug.disabled = !this.active;
  }

  /** @param {string} state @param {string} reason */
  #stateText(state, reason) {
    const region = this.#sorl?.region ?? this.region;
    if (state === "connected" && region !== this.region) return `connected to ${region}`;
    if (state === "waiting") return this.#line.plugged ? `waiting (${reason})` : "unplugged";
    return state;
  }

  async #publish() {
    const { text } = this.#parts;
    const data = { text: text.value };
    text.value = "";
    try {
      await this.#channel?.publish(data);
    } catch (error) {
      this.#transcript.note(`Not sent: ${error instanceof Error ? error.message : error}`, "bad");
    }
  }

  /** @param {string} user @param {string} channel */
  #label(user, channel) {
    const { root, name, place, focus, gateway, transcript, text } = this.#parts;
    const { region } = this.#region;
    root.dataset.region = region;
    tint(root, region);
    name.textContent = region;
    place.textContent = placeOf(region);
    focus.href = `#region=${region}`;
    focus.title = `Give ${region} the page to itself`;
    transcript.setAttribute("aria-label", `Messages in ${region}`);
    text.setAttribute("aria-label", `Message from ${region}`);
    gateway.append(...this.#regions.map((other) => element("option", {}, other.region)));
    gateway.value = region;
    this.fill({ user, channel });
  }

  #listen() {
    const { join, compose, unplug, gateway } = this.#parts;
    join.addEventListener("submit", (event) => {
      event.preventDefault();
      if (this.active) this.leave();
      else this.connect();
    });
    compose.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#publish();
    });
    unplug.addEventListener("click", () => this.#togglePlug());
    gateway.addEventListener("change", () => this.#sorl?.use(gateway.value));
    this.#speakOnlyInside();
  }

  /** Several panes that read every message out would drown each other: the one that one is in does. */
  #speakOnlyInside() {
    const { root, transcript } = this.#parts;
    root.addEventListener("focusin", () => transcript.setAttribute("aria-live", "polite"));
    root.addEventListener("focusout", () => transcript.setAttribute("aria-live", "off"));
  }

  #togglePlug() {
    const { unplug } = this.#parts;
    if (this.#line.plugged) {
      this.#line.unplug();
    } else {
      this.#line.plug();
      this.#sorl?.wake();
    }
    unplug.textContent = this.#line.plugged ? "Unplug" : "Plug in";
    unplug.setAttribute("aria-pressed", String(!this.#line.plugged));
  }
}

/** @param {number} messages */
const count = (messages) => (messages === 1 ? "1 message" : `${messages} messages`);
