/**
 * Plays one scenario: a client, the causes of the steps, and what follows.
 */

import assert from "node:assert/strict";
import { Sorl } from "../../src/index.js";
import { FakeClock } from "../../src/testing.js";
import { turn } from "../turn.js";
import { Line } from "./line.js";
import { BEGINNING, Names, written } from "./script.js";

/** @typedef {Record<string, any>} Step */

export class Stage {
  #clock = new FakeClock(BEGINNING);
  #line = new Line();
  #names = new Names();
  #user;
  #sorl;
  /** @type {object[]} */
  #tells = [];
  /** @type {Record<string, object>} */
  #answers = {};
  #tokens = { asked: 0, life: 86_400, fail: false };
  /** @type {Map<string, import("../../src/index.js").Channel>} */
  #channels = new Map();

  /** @param {{ endpoints: string[], region: string, user?: string, queue?: number }} client */
  constructor({ endpoints, region, user, queue }) {
    this.#user = user;
    this.#sorl = new Sorl({
      endpoints: endpoints.map((name) => ({ region: name, url: `wss://${name}` })),
      region,
      token: () => this.#token(),
      WebSocket: this.#line.WebSocket,
      clock: this.#clock,
      random: () => 0.5,
      queue: queue === undefined ? {} : { messages: queue },
    });
    this.#sorl.on("bye", ({ code, reconnect }) => this.#tells.push({ bye: code, reconnect }));
  }

  /** @param {Step} step */
  async play(step) {
    this.#cause(this.#names.resolved(written(step)));
    for (let n = 0; n < 4; n++) await turn();
    const { dials = [], sends = [], closes = [], tells = [], answers = {} } = written(step);
    const did = this.#line.taken();
    assert.deepEqual(did.dials, dials);
    assert.deepEqual(did.sends, this.#names.bound(sends, did.sends));
    assert.deepEqual(did.closes, closes);
    assert.deepEqual(this.#tells.splice(0), tells);
    assert.deepEqual(this.#answers, answers);
    this.#answers = {};
    if (step.state) assert.equal(this.#sorl.state, step.state);
    if (step.region) assert.equal(this.#sorl.region, step.region);
  }

  end() {
    this.#sorl.close();
  }

  /** @param {Step} step */
  #cause({ app, opens, refuses, frame, ends, tokens, clock }) {
    if (app) this.#asked(app);
    else if (opens) this.#line.opens(opens);
    else if (refuses) this.#line.ends(refuses);
    else if (ends) this.#line.ends(ends);
    else if (frame) this.#line.sends(...(/** @type {[string, any]} */ (Object.entries(frame)[0])));
    else if (tokens) Object.assign(this.#tokens, { fail: false }, tokens);
    else this.#clock.advance(clock);
  }

  /** @param {Record<string, any>} app */
  #asked({ connect, subscribe, unsubscribe, publish, history, use, wake, close, as, ...more }) {
    const sorl = this.#sorl;
    if (connect) {
      sorl.connect();
      if (this.#user) this.#listen(sorl.messages);
    } else if (subscribe) {
      const { rewind, ordered } = more;
      this.#listen(sorl.subscribe(subscribe, { rewind, ordered: ordered && { wait: ordered } }));
    } else if (unsubscribe) {
      this.#note(as, this.#channels.get(unsubscribe)?.unsubscribe(), () => ({}));
    } else if (publish) {
      const { data, ...how } = more;
      this.#note(as, sorl.publish(publish, data, how), ({ message_id }) => ({ message_id }));
    } else if (history) {
      this.#note(as, sorl.history(history, more), page);
    } else if (use) sorl.use(use);
    else if (wake) sorl.wake();
    else if (close) sorl.close();
  }

  /** @param {import("../../src/index.js").Channel} channel */
  #listen(channel) {
    const tell = (/** @type {object} */ what) => this.#tells.push(what);
    if (channel.name) this.#channels.set(channel.name, channel);
    channel.on("message", ({ id, channel: of }, { recovered, rewound }) => {
      tell({ message: id, channel: of, origin: recovered ? "recovered" : rewound ? "rewound" : "live" });
    });
    channel.on("subscribed", ({ resumed }) => tell({ subscribed: channel.name, resumed }));
    channel.on("recovered", () => tell({ recovered: channel.name }));
    channel.on("gap", () => tell({ gap: channel.name }));
    channel.on("presence", (event) => this.#joined(channel.name, event));
    channel.on("unsubscribed", ({ reason, error }) => {
      if (reason === "operator") tell({ unsubscribed: channel.name, reason });
      if (reason === "refused") tell({ unsubscribed: channel.name, reason, code: error?.code });
    });
  }

  /** One frame's events are told one by one. @param {string} channel @param {object} event */
  #joined(channel, event) {
    const last = /** @type {any} */ (this.#tells.at(-1));
    if (last?.presence === channel) last.events.push(event);
    else this.#tells.push({ presence: channel, events: [event] });
  }

  /** @param {string | undefined} as @param {Promise<any> | undefined} promise @param {(result: any) => object} answer */
  #note(as, promise, answer) {
    const noted = (/** @type {object} */ what) => {
      if (as) this.#answers[as] = what;
    };
    promise?.then((result) => noted(answer(result)), ({ code }) => noted({ error: code }));
  }

  async #token() {
    const { life, fail } = this.#tokens;
    const name = `t${++this.#tokens.asked}`;
    if (fail) throw new Error("no token");
    const exp = this.#clock.now() / 1_000 + life;
    return `e30.${btoa(JSON.stringify({ sub: this.#user, exp }))}.${name}`;
  }
}

/** @param {import("../../src/protocol.js").Page} page */
function page({ messages, more }) {
  return { messages: messages.map(({ id }) => id), more };
}
