/**
 * The JavaScript client in Node against the release binary: that both sides
 * agree on the protocol, which the client's own tests take for granted.
 */

import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { Sorl } from "@sorl/client";
import { WebSocket } from "ws";
import { RUN, startService } from "./service.mjs";

const PATIENCE_MS = 30_000;

const channel = (name) => `room:${name}-${RUN}`;

let service;
/** The clients of the test that runs. */
const clients = [];

before(async () => {
  service = await startService();
});

afterEach(() => {
  for (const sorl of clients.splice(0)) sorl.close();
});

after(() => service?.stop());

async function token(user, more = {}) {
  const body = JSON.stringify({ user, ...more });
  const answer = await fetch(`${service.url}/token`, { method: "POST", body });
  return (await answer.json()).token;
}

/** A client whose line to the service can be unplugged. */
async function client(user, { region, ...more } = {}) {
  const endpoints = await (await fetch(`${service.url}/regions`)).json();
  const sockets = new Set();
  let plugged = true;
  class Socket extends WebSocket {
    constructor(url, protocols) {
      if (!plugged) throw new Error("the line is unplugged");
      super(url, protocols);
      sockets.add(this);
    }
  }
  const sorl = new Sorl({ endpoints, region, token: () => token(user, more), WebSocket: Socket });
  clients.push(sorl);
  const unplug = () => {
    plugged = false;
    for (const socket of sockets) socket.terminate();
  };
  const plug = () => {
    plugged = true;
    sorl.wake();
  };
  return { sorl, unplug, plug };
}

/** The next occurrence; rejects if it takes too long. */
function next(emitter, name, fits = () => true) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no ${name} in time`)), PATIENCE_MS);
    const stop = emitter.on(name, (first, second) => {
      if (!fits(first, second)) return;
      clearTimeout(timer);
      stop();
      resolve(first);
    });
  });
}

test("a_message_reaches_another_region_with_its_sender_and_its_id", async () => {
  const { sorl: alice } = await client("alice", { region: "us-east-1" });
  const { sorl: bob } = await client("bob", { region: "eu-north-1" });
  const [here, there] = [alice.subscribe(channel("one")), bob.subscribe(channel("one"))];
  await Promise.all([next(here, "subscribed"), next(there, "subscribed")]);
  const arrival = next(there, "message");
  const { message_id, at } = await here.publish({ text: "hello" });
  const message = await arrival;
  assert.equal(message.id, message_id);
  assert.equal(message.at, at);
  assert.deepEqual([message.user, message.verified], ["alice", true]);
  assert.deepEqual([message.channel, message.region], [channel("one"), "us-east-1"]);
  assert.deepEqual(message.data, { text: "hello" });
});

test("a_thousand_missed_messages_come_back_in_another_region_once_and_in_order", async () => {
  const { sorl, unplug, plug } = await client("alice", { region: "us-east-1" });
  const { sorl: other } = await client("bob", { region: "eu-north-1" });
  const room = sorl.subscribe(channel("flood"));
  const shown = [];
  room.on("message", (message, { recovered }) => shown.push({ ...message, recovered }));
  await next(room, "subscribed");
  const first = next(room, "message");
  await other.publish(channel("flood"), -1);
  await first;

  const filled = Array.from({ length: 1_000 }, (_, n) => n);
  const text = "x".repeat(200);
  unplug();
  for (let n = 0; n < filled.length; n += 50) {
    const some = filled.slice(n, n + 50);
    await Promise.all(some.map((number) => other.publish(channel("flood"), { number, text })));
  }
  const recovered = next(room, "recovered");
  sorl.use("ap-southeast-2");
  plug();
  assert.equal((await recovered).messages, 1_000);
  const missed = shown.slice(1);
  assert.equal(sorl.region, "ap-southeast-2");
  assert.ok(missed.every((message) => message.recovered));
  const ids = missed.map(({ id }) => id);
  assert.deepEqual(ids, [...ids].sort(), "in id order");
  assert.equal(new Set(missed.map(({ data }) => data.number)).size, 1_000, "each once");
});

test("a_client_that_saw_nothing_resumes_from_its_first_cursor", async () => {
  const { sorl, unplug, plug } = await client("alice", { region: "us-east-1" });
  const { sorl: other } = await client("bob", { region: "us-east-1" });
  const room = sorl.subscribe(channel("quiet"));
  await next(room, "subscribed");
  unplug();
  const { message_id } = await other.publish(channel("quiet"), "missed");
  const arrival = next(room, "message", (_, { recovered }) => recovered);
  plug();
  assert.equal((await arrival).id, message_id);
});

test("a_direct_message_missed_while_away_is_recovered", async () => {
  const { sorl, unplug, plug } = await client("carol", { region: "us-east-1" });
  const { sorl: other } = await client("bob", { grants: { "@*": ["publish"] } });
  const { messages } = sorl;
  await next(messages, "subscribed");
  unplug();
  await other.publish("@carol", "while you were out");
  const arrival = next(messages, "message");
  plug();
  assert.equal((await arrival).data, "while you were out");
});

test("a_publish_repeated_under_its_key_is_one_message", async () => {
  const { sorl } = await client("alice");
  const room = sorl.subscribe(channel("keys"));
  const shown = [];
  room.on("message", ({ data }) => shown.push(data));
  await next(room, "subscribed");
  const both = next(room, "message", () => shown.length === 2);
  for (const data of ["first", "again", "again"]) await room.publish(data, { key: "k-1" });
  await room.publish("last");
  await both;
  // Live ones may overtake each other; of the three, whichever came first was shown.
  assert.ok(shown.includes("last"), String(shown));
  const { messages } = await room.history();
  assert.deepEqual(messages.map(({ data }) => data), ["first", "last"]);
});

test("what_is_not_granted_is_refused_with_its_code", async () => {
  const { sorl } = await client("alice", { grants: { [channel("a")]: ["subscribe"] } });
  const refused = next(sorl.subscribe(channel("b")), "unsubscribed");
  assert.equal((await refused).error.code, "forbidden");
  const refusal = { name: "SorlError", code: "forbidden", temporary: false };
  await assert.rejects(sorl.publish(channel("a"), 1), refusal);
  await assert.rejects(sorl.history(channel("a")), refusal);
  await assert.rejects(sorl.presence(channel("a")), refusal);
});

test("presence_is_told_over_regions_and_joins_and_leaves_are_heard", async () => {
  const { sorl: alice } = await client("alice", { region: "us-east-1" });
  const room = alice.subscribe(channel("door"));
  await next(room, "subscribed");
  const joined = next(room, "presence", ({ user, event }) => user === "bob" && event === "join");
  const { sorl: bob } = await client("bob", { region: "eu-north-1" });
  const theirs = bob.subscribe(channel("door"));
  assert.equal((await joined).region, "eu-north-1");
  const left = next(room, "presence", ({ user, event }) => user === "bob" && event === "leave");
  await theirs.unsubscribe();
  assert.equal((await left).region, "eu-north-1");
  const { count, members } = await room.presence();
  assert.ok(count >= 1 && members.some(({ user }) => user === "alice"));
});

test("an_expired_token_is_replaced_and_nothing_is_missed", async () => {
  const { sorl } = await client("alice", { region: "us-east-1", ttl: 2 });
  const { sorl: other } = await client("bob", { region: "us-east-1" });
  const room = sorl.subscribe(channel("hours"));
  const shown = [];
  room.on("message", ({ data }) => shown.push(data));
  await next(room, "subscribed");
  let back = false;
  const recovered = next(room, "recovered").finally(() => {
    back = true;
  });
  const said = [];
  while (!back) {
    await Promise.all([other.publish(channel("hours"), said.length), room.publish(said.length + 1)]);
    said.push(said.length, said.length + 1);
  }
  await recovered;
  const last = next(room, "message", ({ data }) => data === "last");
  await other.publish(channel("hours"), "last");
  await last;
  const numbers = shown.filter((data) => data !== "last").sort((a, b) => a - b);
  assert.deepEqual(numbers, said);
});
