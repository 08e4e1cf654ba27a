/** Make before break: the next connection resumes while the former still delivers, and neither gap nor double is seen. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Sorl } from "../src/index.js";
import { FakeClock, FakeServer } from "../src/testing.js";
import { turn } from "./turn.js";

const ROOM = "room:42";
const MINUTE = 60_000;

/**
 * A member of the room and of its own channel, and what it was shown.
 *
 * @param {Partial<import("../src/index.js").SorlOptions>} [options]
 */
async function member(options) {
  const clock = new FakeClock();
  const server = new FakeServer({ clock, regions: ["a", "b", "c"] });
  const sorl = new Sorl({ ...server.options("alice"), region: "a", ...options });
  /** @type {unknown[]} */
  const shown = [];
  /** @type {string[]} */
  const states = [];
  sorl.on("state", ({ state, reason }) => states.push(`${state} (${reason})`));
  const room = sorl.subscribe(ROOM);
  for (const channel of [room, sorl.messages]) {
    channel.on("message", ({ data }) => shown.push(data));
    channel.on("gap", () => shown.push("gap"));
  }
  const first = await server.connection();
  await turn();
  const open = () => server.connections.filter((connection) => connection.open);
  return { clock, server, sorl, room, shown, states, first, open };
}

test("the_former_connection_delivers_until_every_channel_is_recovered_on_the_next", async () => {
  const { clock, server, sorl, shown, states, first, open } = await member();
  server.publish(ROOM, 1);
  server.publish("@alice", 2);
  await turn();
  server.on("subscribe", null);
  sorl.use("b");
  const second = await server.connection();
  const own = await second.next("subscribe");
  const room = await second.next("subscribe");
  assert.deepEqual([own.channel, room.channel], ["@alice", ROOM]);
  assert.ok(own.since && room.since && own.region === "a" && room.region === "a");
  first.messages(server.message(ROOM, 3));
  await turn();
  assert.deepEqual(shown, [1, 2, 3], "the former still delivers");

  const answer = { messages: [], recovered: true, more: false, region: "b" };
  second.reply(own, { ...answer, cursor: own.since });
  await turn();
  assert.equal(first.open, true, "the room is owed yet");
  server.on("history", null);
  second.reply(room, { ...answer, more: true, cursor: room.since });
  const page = await second.next("history");
  await turn();
  assert.equal(first.open, true, "the last page is owed yet");
  clock.advance(1);
  const last = server.message(ROOM, 4);
  second.reply(page, { messages: [last], more: false, cursor: last.id });
  await turn();
  await turn();
  assert.deepEqual(open(), [second]);
  assert.deepEqual(shown, [1, 2, 3, 4]);
  assert.deepEqual(states.slice(2), ["connected (moved)"]);
});

test("what_comes_over_the_former_connection_counts_as_had_and_what_comes_over_the_next_does_not", async () => {
  const { clock, server, sorl, shown, first } = await member();
  server.on("subscribe", null);
  sorl.use("b");
  const second = await server.connection();
  await turn();
  clock.advance(1);
  const had = server.message(ROOM, 1);
  clock.advance(1);
  const ahead = server.message(ROOM, 2);
  first.messages(had);
  second.messages(ahead);
  await turn();
  first.end();
  second.end();
  await turn();
  sorl.wake();
  const third = await server.connection();
  const { channel, since, region } = (await third.next("subscribe"), await third.next("subscribe"));
  assert.deepEqual([channel, since, region], [ROOM, had.id, "a"]);
  assert.deepEqual(shown, [1, 2]);
});

test("what_comes_over_a_former_connection_that_itself_recovers_does_not_count_as_had", async () => {
  const { clock, server, sorl, first } = await member();
  server.on("subscribe", null);
  first.end();
  await turn();
  sorl.wake();
  const second = await server.connection();
  const { since } = (await second.next("subscribe"), await second.next("subscribe"));
  sorl.use("b");
  await server.connection();
  clock.advance(1);
  second.messages(server.message(ROOM, 1));
  await turn();
  for (const connection of server.connections) connection.end();
  await turn();
  sorl.wake();
  const last = await server.connection();
  assert.equal((await last.next("subscribe"), await last.next("subscribe")).since, since);
});

test("what_comes_over_the_former_connection_does_not_make_forget_what_the_next_is_about_to_repeat", async () => {
  const { clock, server, sorl, shown, first } = await member();
  server.publish(ROOM, "old");
  await turn();
  // In steps that let pings be answered in time, and to where the next recovery just reaches.
  for (let seconds = 0; seconds < 16 * 60 - 10; seconds += 10) {
    clock.advance(10_000);
    await turn();
  }
  server.publish(ROOM, "last");
  await turn();
  server.on("subscribe", (_, __, usual) => void clock.after(20_000, usual));
  sorl.use("b");
  await server.connection();
  await turn();
  clock.advance(19_000);
  first.messages(server.message(ROOM, "live"));
  await turn();
  clock.advance(10_000);
  await turn();
  await turn();
  assert.equal(sorl.region, "b");
  assert.deepEqual(shown, ["old", "last", "live"]);
});

test("a_request_outstanding_on_the_former_connection_is_answered_by_it", async () => {
  const { server, sorl, room, first, open } = await member();
  server.on("presence", null);
  const here = room.presence();
  const request = await first.next("presence");
  sorl.use("b");
  const second = await server.connection();
  await turn();
  assert.equal(first.open, true, "an answer is owed yet");
  await room.publish("meanwhile");
  assert.equal(second.received.filter(({ action }) => action === "publish").length, 1);
  first.reply(request, { count: 1, members: [], truncated: false });
  assert.equal((await here).count, 1);
  await turn();
  assert.deepEqual(open(), [second]);
});

test("a_recovery_that_takes_too_long_keeps_the_former_connection_no_longer_than_its_bound", async () => {
  const { clock, server, sorl, first, open } = await member();
  server.on("history", (from, request) => from.error(request, "unavailable", true));
  server.on("subscribe", (from, request) => {
    const { since: cursor } = request;
    from.reply(request, { messages: [], recovered: true, more: true, cursor, region: "b" });
  });
  sorl.use("b");
  const second = await server.connection();
  await turn();
  for (let seconds = 0; seconds < 60; seconds += 20) {
    assert.deepEqual(open(), [first, second]);
    clock.advance(20_000);
    await turn();
  }
  assert.deepEqual(open(), [second]);
});

test("the_connection_is_kept_while_no_next_one_can_be_opened", async () => {
  const { clock, server, sorl, shown, states, first } = await member();
  for (const region of ["a", "b", "c"]) server.down.add(region);
  sorl.use("b");
  for (let n = 0; n < 5; n++) {
    clock.advance(10_000);
    await turn();
    server.publish(ROOM, n);
    await turn();
  }
  assert.equal(first.open, true);
  assert.deepEqual(shown, [0, 1, 2, 3, 4]);
  const tried = server.connections.slice(1).map(({ region }) => region);
  assert.deepEqual(tried.slice(0, 4), ["b", "c", "a", "b"]);
  server.down.clear();
  for (let n = 0; n < 4; n++) {
    clock.advance(5_000);
    await turn();
  }
  assert.equal(first.open, false);
  assert.deepEqual(states.slice(2), ["connected (moved)"]);
});

test("a_next_connection_that_dies_before_it_took_over_gives_way_to_the_former", async () => {
  const { clock, server, sorl, shown, states, first, open } = await member();
  server.on("subscribe", (from, _, usual) => from.region === "a" && usual());
  sorl.use("b");
  const second = await server.connection();
  await second.next("subscribe");
  second.end();
  await turn();
  server.publish(ROOM, "still here");
  await turn();
  assert.deepEqual(shown, ["still here"]);
  assert.equal(sorl.region, "a");
  assert.deepEqual(open(), [first]);
  assert.deepEqual(states.slice(2), ["connected (moved)", "connected (lost)"]);
  server.on("subscribe", (_, __, usual) => usual());
  clock.advance(10_000);
  await turn();
  assert.equal(open().length, 1);
});

test("a_bye_brings_the_next_connection_before_the_service_closes_this_one", async () => {
  for (const [code, region] of [["slow", "a"], ["shutdown", "b"]]) {
    const { clock, server, shown, states, first, open } = await member();
    first.send({ type: "bye", code, reconnect: true });
    await turn();
    server.publish(ROOM, "before");
    clock.advance(250);
    await turn();
    await turn();
    server.publish(ROOM, "after");
    await turn();
    assert.deepEqual(shown, ["before", "after"]);
    assert.deepEqual(open().map((connection) => connection.region), [region]);
    assert.deepEqual(states.slice(2), [`connected (bye: ${code})`]);
  }
});

test("another_user_is_not_shown_what_the_former_one_is_sent", async () => {
  const clock = new FakeClock();
  const server = new FakeServer({ clock });
  const users = ["alice", "bob"];
  const sorl = new Sorl({ ...server.options(""), token: () => server.token(users.shift() ?? "") });
  sorl.subscribe(ROOM);
  const first = await server.connection();
  await turn();
  sorl.use("us-east-1");
  const second = await server.connection();
  await turn();
  assert.deepEqual([first.open, second.open, sorl.user], [false, true, "bob"]);
});

test("a_hundred_rotations_under_50_messages_a_second_miss_and_double_nothing", async () => {
  const clock = new FakeClock();
  const server = new FakeServer({ clock, regions: ["a", "b"] });
  server.pageSize = 20;
  // A token of 3 seconds, as its claims say.
  const token = () => {
    const now = clock.now() / 1_000;
    return `e30.${btoa(JSON.stringify({ sub: "alice", iat: now, exp: now + 3 }))}.sig`;
  };
  const sorl = new Sorl({ ...server.options("alice"), token, region: "a" });
  /** @type {number[]} */
  const shown = [];
  let [rotations, most, published] = [0, 0, 0];
  sorl.on("state", ({ reason }) => {
    if (reason === "renewed") rotations++;
    else assert.ok(["requested", "opened"].includes(reason), reason);
  });
  const room = sorl.subscribe(ROOM);
  room.on("message", ({ data }) => shown.push(Number(data)));
  room.on("gap", () => assert.fail("a gap"));
  await server.connection();
  await turn();
  // Answers take a while, so that messages come in the middle of everything.
  for (const action of ["subscribe", "history"]) {
    server.on(action, (_, __, usual) => void clock.after(70, usual));
  }
  while (rotations < 100) {
    clock.advance(20);
    server.publish(ROOM, published++);
    await turn();
    most = Math.max(most, server.connections.filter(({ open }) => open).length);
    assert.ok(clock.now() < Date.UTC(2026, 0, 1) + 20 * MINUTE, `only ${rotations} rotations`);
  }
  clock.advance(1_000);
  await turn();
  assert.equal(most, 2);
  assert.deepEqual(shown, Array.from({ length: published }, (_, n) => n));
});
