/** A channel's life: entered, left, refused, taken away; the personal one too. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Sorl } from "../src/index.js";
import { FakeClock, FakeServer } from "../src/testing.js";
import { turn } from "./turn.js";

const ROOM = "room:42";

function client() {
  const clock = new FakeClock();
  const server = new FakeServer({ clock });
  const sorl = new Sorl(server.options("alice"));
  return { clock, server, sorl };
}

/** Actions that a connection was sent. @param {import("../src/testing.js").FakeConnection} connection */
const actions = ({ received }) => received.map(({ action }) => action);

test("a_channel_is_one_object_and_one_subscribe_per_name", async () => {
  const { server, sorl } = client();
  assert.equal(sorl.subscribe(ROOM), sorl.subscribe(ROOM));
  const connection = await server.connection();
  await turn();
  assert.equal(sorl.subscribe(ROOM), sorl.subscribe(ROOM));
  assert.deepEqual(actions(connection), ["subscribe"]);
});

test("rewind_brings_the_latest_messages_which_are_not_recovered_ones", async () => {
  const { clock, server, sorl } = client();
  for (const n of [1, 2, 3]) {
    clock.advance(1);
    server.publish(ROOM, n);
  }
  const room = sorl.subscribe(ROOM, { rewind: 2 });
  /** @type {unknown[]} */
  const shown = [];
  room.on("message", ({ data }, meta) => shown.push([data, meta.recovered, meta.rewound]));
  const connection = await server.connection();
  await turn();
  const { since, rewind } = await connection.next("subscribe");
  assert.deepEqual([since, rewind], [undefined, 2]);
  assert.deepEqual(shown, [[2, false, true], [3, false, true]]);
});

test("one_subscribe_or_unsubscribe_is_outstanding_whatever_is_wished", async () => {
  const { server, sorl } = client();
  for (const action of ["subscribe", "unsubscribe"]) server.on(action, null);
  const connection = (sorl.connect(), await server.connection());
  await turn();
  const first = sorl.subscribe(ROOM);
  const left = first.unsubscribe();
  const second = sorl.subscribe(ROOM, { rewind: 5 });
  assert.notEqual(second, first);
  await turn();
  assert.deepEqual(actions(connection), ["subscribe"]);
  const cursor = server.now();
  const answer = { messages: [], recovered: true, more: false, cursor, region: "eu-north-1" };
  connection.reply(await connection.next("subscribe"), answer);
  await turn();
  assert.deepEqual(actions(connection), ["subscribe", "subscribe"]);
  assert.equal((await connection.next("subscribe")).rewind, 5);
  await left;
});

test("unsubscribe_waits_for_the_reply_and_hears_nothing_meanwhile", async () => {
  const { server, sorl } = client();
  server.on("unsubscribe", null);
  const room = sorl.subscribe(ROOM);
  const connection = await server.connection();
  await turn();
  /** @type {unknown[]} */
  const heard = [];
  room.on("message", ({ data }) => heard.push(data));
  room.on("unsubscribed", ({ reason }) => heard.push(reason));
  let left = false;
  const leaving = room.unsubscribe().then(() => (left = true));
  const request = await connection.next("unsubscribe");
  server.publish(ROOM, "late");
  await turn();
  assert.equal(left, false);
  connection.reply(request, { channel: ROOM });
  await leaving;
  assert.deepEqual(heard, ["requested"]);
});

test("to_leave_a_channel_that_is_not_subscribed_succeeds", async () => {
  const { server, sorl } = client();
  server.on("unsubscribe", (from, request) => from.error(request, "not_subscribed"));
  const room = sorl.subscribe(ROOM);
  await server.connection();
  await turn();
  await room.unsubscribe();
  await room.unsubscribe();
});

test("an_unknown_subscribe_brings_a_new_connection", async () => {
  const { clock, server, sorl } = client();
  server.on("subscribe", null);
  sorl.subscribe(ROOM);
  const connection = await server.connection();
  await turn();
  for (let n = 0; n < 3; n++) {
    clock.advance(10_000);
    connection.messages();
    await turn();
  }
  clock.advance(10_000);
  const next = await server.connection();
  await next.next("subscribe");
  assert.equal(connection.open, false);
});

test("an_unknown_unsubscribe_brings_a_new_connection_without_the_channel", async () => {
  const { clock, server, sorl } = client();
  server.on("unsubscribe", null);
  const room = sorl.subscribe(ROOM);
  await server.connection();
  await turn();
  const left = room.unsubscribe();
  clock.advance(30_000);
  await left;
  clock.advance(10_000);
  const next = await server.connection();
  await turn();
  assert.deepEqual(actions(next), []);
});

test("a_temporary_refusal_is_tried_again_and_a_final_one_drops_the_channel", async () => {
  const { clock, server, sorl } = client();
  const codes = [["unavailable", true], ["rate_limited", true], ["forbidden", false]];
  server.on("subscribe", (from, request, usual) => {
    const [code, temporary] = codes.shift() ?? [];
    if (code) from.error(request, String(code), temporary === true);
    else usual();
  });
  const room = sorl.subscribe(ROOM);
  /** @type {unknown[]} */
  const exits = [];
  room.on("unsubscribed", ({ reason, error }) => exits.push([reason, error?.code, error?.channel]));
  const connection = await server.connection();
  for (let n = 0; n < 3; n++) {
    await turn();
    clock.advance(1_000);
  }
  await turn();
  assert.deepEqual(actions(connection), ["subscribe", "subscribe", "subscribe"]);
  assert.deepEqual(exits, [["refused", "forbidden", ROOM]]);
  assert.notEqual(sorl.subscribe(ROOM), room);
});

test("a_channel_refused_on_return_is_dropped_and_the_others_stay", async () => {
  const { clock, server, sorl } = client();
  const [kept, lost] = [sorl.subscribe("room:kept"), sorl.subscribe("room:lost")];
  /** @type {unknown[]} */
  const told = [];
  kept.on("subscribed", ({ resumed }) => told.push(["kept", resumed]));
  lost.on("unsubscribed", ({ error }) => told.push(["lost", error?.code]));
  const connection = await server.connection();
  await turn();
  server.on("subscribe", (from, request, usual) => {
    if (request.channel === "room:lost") from.error(request, "unauthorized");
    else usual();
  });
  connection.end();
  await turn();
  clock.advance(10_000);
  await server.connection();
  await turn();
  assert.deepEqual(told, [["kept", false], ["kept", true], ["lost", "unauthorized"]]);
});

test("a_channel_that_an_operator_took_away_does_not_come_back", async () => {
  const { clock, server, sorl } = client();
  const room = sorl.subscribe(ROOM);
  /** @type {string[]} */
  const exits = [];
  room.on("unsubscribed", ({ reason }) => exits.push(reason));
  const connection = await server.connection();
  await turn();
  connection.send({ type: "unsubscribed", channel: ROOM });
  await turn();
  connection.end();
  await turn();
  clock.advance(10_000);
  const next = await server.connection();
  await turn();
  assert.deepEqual(exits, ["operator"]);
  assert.deepEqual(actions(next), []);
});

test("presence_events_reach_the_channel_they_are_of", async () => {
  const { server, sorl } = client();
  const room = sorl.subscribe(ROOM);
  sorl.subscribe("room:other").on("presence", () => assert.fail("not its own"));
  /** @type {unknown[]} */
  const heard = [];
  room.on("presence", (event) => heard.push(event));
  const connection = await server.connection();
  await turn();
  const event = { event: "join", user: "bob", region: "us-east-1" };
  connection.send({ type: "presence", channel: ROOM, events: [event] });
  await turn();
  assert.deepEqual(heard, [event]);
  assert.deepEqual((await room.presence()).members[0]?.user, "alice");
});

test("a_listener_may_leave_while_the_channel_is_entered", async () => {
  const { server, sorl } = client();
  server.publish(ROOM, 1);
  const room = sorl.subscribe(ROOM, { rewind: 1 });
  room.on("subscribed", () => void room.unsubscribe());
  room.on("message", () => assert.fail("it has left"));
  const connection = await server.connection();
  await turn();
  assert.deepEqual(actions(connection), ["subscribe", "unsubscribe"]);
});

test("the_personal_channel_is_recovered_like_others", async () => {
  const { clock, server, sorl } = client();
  const { messages } = sorl;
  /** @type {unknown[]} */
  const shown = [];
  messages.on("message", ({ data }) => shown.push(data));
  const connection = await server.connection();
  await turn();
  assert.equal(messages.name, "@alice");
  assert.equal(sorl.user, "alice");
  server.publish("@alice", "first");
  await turn();
  connection.end();
  await turn();
  const missed = server.publish("@alice", "missed");
  clock.advance(10_000);
  server.on("subscribe", null);
  const next = await server.connection();
  const subscribe = await next.next("subscribe");
  server.publish("@alice", "live");
  await turn();
  next.end();
  await turn();
  clock.advance(10_000);
  const third = await server.connection();
  const again = await third.next("subscribe");
  assert.equal(again.since, subscribe.since, "owed from the connect on, so live ones do not count");
  const answer = { messages: [missed], recovered: true, more: false, cursor: missed.id };
  third.reply(again, { ...answer, region: "eu-north-1" });
  await turn();
  assert.deepEqual(shown, ["first", "live", "missed"]);
});

test("the_personal_channel_is_left_without_a_frame", async () => {
  const { server, sorl } = client();
  const { messages } = sorl;
  const connection = await server.connection();
  await turn();
  await messages.unsubscribe();
  assert.deepEqual(actions(connection), ["subscribe"]);
  assert.throws(() => sorl.subscribe("@alice"), { code: "bad_request" });
});

test("another_user_has_another_personal_channel_and_nothing_to_recover", async () => {
  const clock = new FakeClock();
  const server = new FakeServer({ clock });
  const users = ["alice", "bob"];
  const token = () => server.token(users.shift() ?? "");
  const sorl = new Sorl({ ...server.options(""), token });
  const { messages } = sorl;
  (await server.connection()).end();
  await turn();
  clock.advance(10_000);
  const { channel, since } = await (await server.connection()).next("subscribe");
  assert.deepEqual([channel, since, messages.name], ["@bob", undefined, "@bob"]);
});
