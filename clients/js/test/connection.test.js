/** One connection and the way to the next: states, backoff, byes, pings, silence. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Sorl } from "../src/index.js";
import { FakeClock, FakeServer } from "../src/testing.js";
import { turn } from "./turn.js";

/** @param {Partial<import("../src/index.js").SorlOptions>} [options] */
function client(options) {
  const clock = new FakeClock();
  const server = new FakeServer({ clock, regions: ["a", "b", "c"] });
  const sorl = new Sorl({ ...server.options("alice"), ...options });
  /** @type {string[]} */
  const states = [];
  /** @type {string[]} */
  const errors = [];
  sorl.on("state", ({ state, reason }) => states.push(`${state} (${reason})`));
  sorl.on("error", ({ message }) => errors.push(message));
  return { clock, server, sorl, states, errors };
}

/** Lets the client come back after a loss. @param {FakeClock} clock */
async function wait(clock) {
  await turn();
  clock.advance(10_000);
  await turn();
}

test("the_protocol_and_the_token_are_offered_as_subprotocols", async () => {
  const { server, sorl } = client({ token: async () => "e30.e30.sig" });
  sorl.connect();
  const connection = await server.connection();
  assert.deepEqual(connection.protocols, ["sorl.v1", "sorl.token.e30.e30.sig"]);
});

test("nothing_connects_before_it_is_used", async () => {
  const { server, sorl, states } = client();
  await turn();
  assert.equal(sorl.state, "idle");
  assert.equal(server.connections.length, 0);
  sorl.subscribe("room:1");
  await turn();
  assert.deepEqual(states, ["connecting (requested)", "connected (opened)"]);
});

test("the_preferred_region_is_taken_and_else_the_first", async () => {
  for (const [region, expected] of [["b", "b"], [undefined, "a"], ["elsewhere", "a"]]) {
    const { server, sorl } = client({ region });
    sorl.connect();
    assert.equal((await server.connection()).region, expected);
  }
});

test("a_failed_attempt_turns_to_the_next_region_and_around", async () => {
  const { clock, server, sorl, errors } = client({ region: "b" });
  for (const region of ["a", "b", "c"]) server.down.add(region);
  sorl.connect();
  for (let n = 0; n < 3; n++) await wait(clock);
  assert.deepEqual(server.connections.map(({ region }) => region), ["b", "c", "a", "b"]);
  assert.equal(errors[0], "no connection to b: closed with 1006");
  server.down.clear();
  await wait(clock);
  assert.equal(sorl.state, "connected");
  assert.equal(sorl.region, "c");
});

test("a_lost_connection_is_tried_in_its_region_first", async () => {
  const { clock, server, sorl, states } = client();
  sorl.connect();
  (await server.connection()).end();
  await wait(clock);
  assert.deepEqual(server.connections.map(({ region }) => region), ["a", "a"]);
  assert.deepEqual(states.slice(2), ["waiting (lost)", "connecting (retry)", "connected (opened)"]);
});

test("failures_wait_longer_and_longer_until_a_connection_lasts", async () => {
  const { clock, server, sorl } = client();
  sorl.connect();
  for (const bound of [250, 500, 1_000]) {
    (await server.connection()).end();
    await turn();
    clock.advance(bound - 1);
    await turn();
    assert.equal(sorl.state, "waiting");
    clock.advance(1);
    await turn();
    assert.equal(sorl.state, "connected");
  }
  clock.advance(5_000);
  (await server.connection()).end();
  await turn();
  clock.advance(250);
  await turn();
  assert.equal(sorl.state, "connected");
});

test("token_and_endpoints_are_asked_afresh_at_every_connect", async () => {
  let asked = 0;
  const { clock, server, sorl } = client({ token: () => `e30.e30.${++asked}` });
  sorl.connect();
  (await server.connection()).end();
  await wait(clock);
  const tokens = server.connections.map(({ protocols }) => protocols[1]);
  assert.deepEqual(tokens, ["sorl.token.e30.e30.1", "sorl.token.e30.e30.2"]);
});

test("a_token_that_cannot_be_had_is_asked_for_again", async () => {
  let asked = 0;
  const token = async () => {
    if (++asked < 3) throw new Error("signed out");
    return "e30.e30.sig";
  };
  const { clock, sorl, errors } = client({ token });
  sorl.connect();
  await wait(clock);
  await wait(clock);
  assert.deepEqual(errors, Array(2).fill("no endpoint or token: signed out"));
  assert.equal(sorl.state, "connected");
});

test("an_attempt_that_hangs_is_given_up", async () => {
  const never = new Promise(() => {});
  const { clock, sorl, states } = client({ token: () => /** @type {any} */ (never) });
  sorl.connect();
  await turn();
  clock.advance(15_000);
  await turn();
  assert.equal(states.at(-1), "waiting (failed)");
});

test("a_bye_without_return_closes_for_good", async () => {
  const { clock, server, sorl, states } = client();
  /** @type {unknown[]} */
  const byes = [];
  sorl.on("bye", ({ code }) => byes.push(code));
  const room = sorl.subscribe("room:1");
  /** @type {string[]} */
  const exits = [];
  room.on("unsubscribed", ({ reason }) => exits.push(reason));
  (await server.connection()).send({ type: "bye", code: "kicked", reconnect: false });
  await wait(clock);
  assert.deepEqual(byes, ["kicked"]);
  assert.equal(states.at(-1), "closed (bye: kicked)");
  assert.equal(server.connections.length, 1);
  assert.deepEqual(exits, ["closed"]);
  await assert.rejects(sorl.publish("room:1", 1), { code: "closed" });
  assert.throws(() => sorl.subscribe("room:2"), { code: "closed" });
});

test("a_bye_with_return_comes_back_and_a_shutdown_elsewhere", async () => {
  for (const [code, region] of [["slow", "a"], ["expired", "a"], ["shutdown", "b"]]) {
    const { clock, server, sorl } = client();
    sorl.connect();
    const connection = await server.connection();
    connection.send({ type: "bye", code, reconnect: true });
    await wait(clock);
    assert.equal(connection.open, false);
    assert.equal((await server.connection()).region, region);
    assert.equal(sorl.state, "connected");
  }
});

test("an_expired_token_is_replaced_with_the_connection", async () => {
  let asked = 0;
  const { clock, server, sorl } = client({ token: () => `e30.e30.${++asked}` });
  const room = sorl.subscribe("room:1");
  const connection = await server.connection();
  await turn();
  server.on("publish", (from, request, usual) => {
    if (from === connection) from.error(request, "expired");
    else usual();
  });
  const accepted = room.publish("hello");
  await wait(clock);
  await wait(clock);
  assert.ok((await accepted).message_id);
  assert.equal(asked, 2);
  assert.equal((await server.connection()).received[0]?.action, "subscribe");
});

test("a_connection_is_replaced_before_its_token_expires", async () => {
  const clock = new FakeClock();
  const server = new FakeServer({ clock });
  let asked = 0;
  const token = () => {
    const exp = clock.now() / 1_000 + 3_600;
    return `e30.${btoa(JSON.stringify({ sub: "alice", exp, asked: ++asked }))}.sig`;
  };
  const sorl = new Sorl({ ...server.options("alice"), token });
  const room = sorl.subscribe("room:1");
  /** @type {unknown[]} */
  const shown = [];
  room.on("message", ({ data }) => shown.push(data));
  const first = await server.connection();
  for (let minutes = 0; minutes < 55; minutes += 5) {
    assert.equal(asked, 1, `after ${minutes} minutes`);
    clock.advance(5 * 60_000);
    server.publish("room:1", minutes);
    await turn();
  }
  const second = await server.connection();
  await turn();
  assert.equal(asked, 2);
  assert.deepEqual([first.open, second.open], [false, true]);
  assert.equal(shown.length, 11);
});

test("a_ping_is_sent_after_9_minutes_without_traffic", async () => {
  const { clock, server, sorl } = client();
  sorl.connect();
  const connection = await server.connection();
  await turn();
  clock.advance(8 * 60_000);
  await sorl.publish("room:1", "traffic");
  clock.advance(8 * 60_000);
  assert.equal(connection.received.filter(({ action }) => action === "ping").length, 0);
  clock.advance(60_000);
  await turn();
  assert.equal(connection.received.filter(({ action }) => action === "ping").length, 1);
});

test("a_ping_without_an_answer_ends_the_connection", async () => {
  const { clock, server, sorl, states } = client();
  server.on("ping", null);
  sorl.connect();
  await server.connection();
  await turn();
  clock.advance(9 * 60_000 + 30_000);
  await turn();
  assert.equal(states.at(-1), "waiting (silent)");
});

test("waking_up_cuts_the_wait_short_and_pings_a_connection", async () => {
  const { clock, server, sorl } = client();
  sorl.connect();
  const connection = await server.connection();
  await turn();
  sorl.wake();
  assert.equal(connection.received.length, 0, "it was heard just now");
  clock.advance(10_000);
  sorl.wake();
  assert.equal((await connection.next("ping")).action, "ping");
  connection.end();
  await turn();
  assert.equal(sorl.state, "waiting");
  sorl.wake();
  await turn();
  assert.equal(sorl.state, "connected");
});

test("a_request_without_a_reply_for_30_seconds_is_unknown_and_temporary", async () => {
  const { clock, server, sorl } = client();
  server.on("history", null);
  sorl.connect();
  const connection = await server.connection();
  await turn();
  const past = sorl.history("room:1");
  await connection.next("history");
  clock.advance(20_000);
  connection.messages();
  await turn();
  clock.advance(10_000);
  await assert.rejects(past, { code: "unknown", temporary: true });
  assert.equal(sorl.state, "connected", "other frames came, so someone is there");
});

test("frames_that_answer_nothing_and_frames_that_are_none_do_no_harm", async () => {
  const { server, sorl, errors } = client();
  sorl.connect();
  const connection = await server.connection();
  await turn();
  connection.send("no json");
  connection.send({ message: "Internal server error", connectionId: "x" });
  connection.send({ type: "reply", id: 999, result: {} });
  connection.send({ type: "messages", messages: [{ id: "x" }, null] });
  connection.send({ type: "error", id: null, error: { code: "bad_request", message: "no JSON" } });
  await turn();
  assert.deepEqual(errors, ["no JSON"]);
  assert.equal(sorl.state, "connected");
});

test("close_ends_the_connection_and_whoever_waits_for_one", async () => {
  const { server, sorl, states } = client();
  server.on("presence", null);
  sorl.connect();
  const connection = await server.connection();
  await turn();
  const asked = sorl.presence("room:1");
  await connection.next("presence");
  sorl.close();
  await assert.rejects(asked, { code: "disconnected", temporary: true });
  await assert.rejects(sorl.presence("room:1"), { code: "closed" });
  await turn();
  assert.equal(connection.open, false);
  assert.deepEqual(states.at(-1), "closed (requested)");
});

test("a_listener_that_throws_or_closes_stops_nobody_else", async () => {
  const { server, sorl } = client();
  const thrown = new Promise((resolve) => process.setUncaughtExceptionCaptureCallback(resolve));
  sorl.on("state", ({ state }) => {
    if (state === "connected") throw new Error("mine");
  });
  sorl.on("state", ({ state }) => {
    if (state === "connected") sorl.close();
  });
  sorl.connect();
  await server.connection();
  assert.equal(/** @type {any} */ (await thrown).message, "mine");
  process.setUncaughtExceptionCaptureCallback(null);
  assert.equal(sorl.state, "closed");
});

test("without_any_WebSocket_it_says_so_at_once", () => {
  const { endpoints } = new FakeServer();
  const none = /** @type {any} */ (null);
  assert.throws(() => new Sorl({ endpoints, token: "", WebSocket: none }), TypeError);
});
