/** Make before break over real sockets: a hundred rotations under 50 messages a second, against the release binary. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { WebSocket } from "ws";
import { RUN, startService } from "../../../tests/browser/service.mjs";
import { Sorl } from "../src/index.js";
import { Tally } from "./tally.js";

const ROTATIONS = 100;
const BETWEEN_MS = 200;
const MESSAGE_MS = 20;
const CATCH_UP_MS = 20_000;
const CHANNEL = `room:rotations-${RUN}`;

let service;

before(async () => {
  service = await startService();
});

after(() => service?.stop());

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** A client, and how many of its connections are open at most. */
async function client(user, endpoints) {
  const token = async () => {
    const answer = await fetch(`${service.url}/token`, { method: "POST", body: JSON.stringify({ user }) });
    return (await answer.json()).token;
  };
  const open = new Set();
  const most = { open: 0 };
  class Socket extends WebSocket {
    constructor(url, protocols) {
      super(url, protocols);
      this.on("open", () => {
        most.open = Math.max(most.open, open.add(this).size);
      });
      this.on("close", () => open.delete(this));
    }

    close(code) {
      open.delete(this);
      super.close(code);
    }
  }
  return { sorl: new Sorl({ endpoints, region: endpoints[0].region, token, WebSocket: Socket }), most };
}

test("a_hundred_rotations_under_50_messages_a_second_miss_and_double_nothing", async (context) => {
  const endpoints = await (await fetch(`${service.url}/regions`)).json();
  const { sorl, most } = await client("alice", endpoints);
  const { sorl: other } = await client("bob", endpoints);
  const [seen, accepted] = [new Tally(), new Tally()];
  const reasons = new Map();
  let [rotations, rate] = [0, 0];
  sorl.on("state", ({ reason }) => reasons.set(reason, (reasons.get(reason) ?? 0) + 1));
  const room = sorl.subscribe(CHANNEL);
  room.on("message", ({ data }) => seen.add(data));
  room.on("gap", () => assert.fail("a gap"));
  await new Promise((resolve) => room.on("subscribed", resolve));

  const publishing = (async () => {
    const answers = [];
    const began = Date.now();
    for (let n = 0; rotations < ROTATIONS; n++) {
      const message = { publisher: "bob", n };
      answers.push(other.publish(CHANNEL, message).then(() => accepted.add(message)));
      // By the clock, not by pauses: those add up to more on a busy machine.
      while (Date.now() < began + (n + 1) * MESSAGE_MS) await pause(1);
    }
    rate = (1_000 * answers.length) / (Date.now() - began);
    await Promise.all(answers);
  })();
  while (rotations < ROTATIONS) {
    const recovered = new Promise((resolve) => {
      const stop = room.on("recovered", () => resolve(stop()));
    });
    rotations++;
    sorl.use(endpoints[rotations % endpoints.length].region);
    await recovered;
    await pause(BETWEEN_MS);
  }
  await publishing;
  const patience = Date.now() + CATCH_UP_MS;
  while (seen.missing(accepted) > 0 && Date.now() < patience) await pause(50);
  await pause(500);
  context.diagnostic(JSON.stringify({ accepted: accepted.size, rate, most, reasons: [...reasons] }));
  for (const one of [sorl, other]) one.close();
  assert.deepEqual({ missed: seen.missing(accepted), doubled: seen.doubled }, { missed: 0, doubled: 0 });
  assert.deepEqual([...reasons], [["requested", 1], ["opened", 1], ["moved", ROTATIONS]]);
  assert.equal(most.open, 2);
  assert.ok(accepted.size > ROTATIONS);
});
