/** Recovery over whole connections: pages, regions, breaks, gaps, refusals. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Sorl } from "../src/index.js";
import { FakeClock, FakeServer } from "../src/testing.js";
import { turn } from "./turn.js";

const ROOM = "room:42";

/** A client that is a member of the room, and all that it was shown. */
async function member() {
  const clock = new FakeClock();
  const server = new FakeServer({ clock });
  const sorl = new Sorl(server.options("alice"));
  const room = sorl.subscribe(ROOM);
  /** @type {{ data: unknown, recovered: boolean }[]} */
  const shown = [];
  /** @type {string[]} */
  const told = [];
  room.on("message", ({ data }, { recovered }) => shown.push({ data, recovered }));
  for (const name of /** @type {const} */ (["subscribed", "gap", "recovered", "unsubscribed"])) {
    room.on(name, () => told.push(name));
  }
  const connection = await server.connection();
  await turn();
  /** Loses the connection and waits for the next one. @param {import("../src/testing.js").FakeConnection} old */
  const reconnect = async (old) => {
    old.end();
    await turn();
    clock.advance(10_000);
    const next = await server.connection();
    await turn();
    return next;
  };
  const all = () => shown.map(({ data }) => data);
  return { clock, server, sorl, room, shown, told, connection, reconnect, all };
}

test("a_client_that_saw_nothing_resumes_from_its_first_cursor", async () => {
  const { server, connection, reconnect, all, shown } = await member();
  connection.end();
  await turn();
  server.publish(ROOM, "missed");
  const next = await reconnect(connection);
  const subscribe = await next.next("subscribe");
  assert.equal(typeof subscribe.since, "string");
  assert.equal(subscribe.region, "eu-north-1");
  assert.deepEqual(all(), ["missed"]);
  assert.equal(shown[0]?.recovered, true);
});

test("what_was_missed_comes_in_pages_in_order_and_once", async () => {
  const { clock, server, connection, reconnect, all, told } = await member();
  server.pageSize = 50;
  server.publish(ROOM, -1);
  await turn();
  connection.end();
  await turn();
  const missed = Array.from({ length: 1_000 }, (_, n) => n);
  for (const n of missed) {
    clock.advance(1);
    server.publish(ROOM, n);
  }
  const next = await reconnect(connection);
  assert.deepEqual(all(), [-1, ...missed]);
  const pages = next.received.filter(({ action }) => action === "history");
  assert.ok(pages.length >= 20 && pages.every(({ limit }) => limit === 500));
  assert.deepEqual(told, ["subscribed", "subscribed", "recovered"]);
});

test("another_region_is_told_where_the_cursor_was_gained", async () => {
  const { server, sorl, connection, all } = await member();
  server.publish(ROOM, "before");
  await turn();
  sorl.use("us-east-1");
  const next = await server.connection();
  const subscribe = await next.next("subscribe");
  assert.equal(next.region, "us-east-1");
  assert.equal(subscribe.region, "eu-north-1");
  await turn();
  assert.equal(connection.open, false);
  assert.deepEqual(all(), ["before"]);
});

test("moving_to_another_region_brings_nothing_from_before_the_client_came", async () => {
  const clock = new FakeClock();
  const server = new FakeServer({ clock });
  server.publish(ROOM, "old");
  clock.advance(5 * 60_000);
  const sorl = new Sorl(server.options("alice"));
  /** @type {unknown[]} */
  const shown = [];
  sorl.subscribe(ROOM).on("message", ({ data }) => shown.push(data));
  await server.connection();
  await turn();
  sorl.use("us-east-1");
  await server.connection();
  server.publish(ROOM, "new");
  await turn();
  assert.deepEqual(shown, ["new"]);
});

test("a_break_in_the_middle_of_the_pages_loses_nothing_though_live_messages_came", async () => {
  const { server, connection, reconnect, all } = await member();
  server.on("subscribe", null);
  server.on("history", null);
  const second = await reconnect(connection);
  const subscribe = await second.next("subscribe");
  const [first, live] = [server.message(ROOM, "first"), server.message(ROOM, "live")];
  const cursor = first.id;
  const answer = { messages: [first], recovered: true, more: true, cursor, region: "eu-north-1" };
  second.reply(subscribe, answer);
  second.messages(live);
  await second.next("history");
  await turn();
  assert.deepEqual(all(), ["first", "live"]);

  const third = await reconnect(second);
  const again = await third.next("subscribe");
  assert.equal(again.since, first.id, "the live message must not count as had");
  const owed = server.message(ROOM, "owed", { id: first.id.replace(/.$/, "f") });
  const rest = { messages: [owed, live], recovered: true, more: false, cursor: live.id };
  third.reply(again, { ...rest, region: "eu-north-1" });
  await turn();
  assert.deepEqual(all(), ["first", "live", "owed"]);
});

test("replies_to_publish_and_other_history_do_not_move_the_cursor", async () => {
  const { clock, server, room, connection, reconnect } = await member();
  const cursor = server.now();
  clock.advance(60_000);
  server.on("publish", (from, request) => {
    from.reply(request, { message_id: server.message(ROOM, 0).id, at: clock.now() });
  });
  server.on("history", (from, request) => {
    const message = server.message(ROOM, "past");
    from.reply(request, { messages: [message], more: false, cursor: message.id });
  });
  await room.publish("mine");
  await room.history({ limit: 1 });
  const next = await reconnect(connection);
  assert.equal((await next.next("subscribe")).since, cursor);
});

test("a_gap_is_told_and_the_answers_cursor_is_where_it_goes_on", async () => {
  const { server, connection, reconnect, told } = await member();
  server.on("subscribe", null);
  const second = await reconnect(connection);
  const cursor = server.now();
  const answer = { messages: [], recovered: false, more: false, cursor, region: "eu-north-1" };
  second.reply(await second.next("subscribe"), answer);
  await turn();
  assert.deepEqual(told, ["subscribed", "subscribed", "gap", "recovered"]);
  const third = await reconnect(second);
  assert.equal((await third.next("subscribe")).since, cursor);
});

test("duplicates_and_retries_are_shown_once_and_the_first_is_shown", async () => {
  const { server, connection, all } = await member();
  const message = server.message(ROOM, "first");
  const later = { ...message, id: `ffffffff${message.id.slice(8)}`, data: "second" };
  connection.messages(message, message, later);
  connection.messages({ ...later, channel: "room:other" });
  await turn();
  assert.deepEqual(all(), ["first"]);
});

test("an_answer_does_not_make_forget_what_it_is_about_to_repeat", async () => {
  const { clock, server, connection, reconnect, all } = await member();
  for (const n of [1, 2]) {
    clock.advance(1);
    server.publish(ROOM, n);
    await turn();
  }
  // In steps that let pings be answered in time.
  for (let quiet = 0; quiet < 40 * 60_000; quiet += 20_000) {
    clock.advance(20_000);
    await turn();
  }
  connection.end();
  await turn();
  clock.advance(1);
  server.publish(ROOM, 3);
  await reconnect(connection);
  assert.deepEqual(all(), [1, 2, 3]);
});

test("a_page_that_fails_for_now_is_asked_for_again", async () => {
  const { clock, server, connection, reconnect, all } = await member();
  server.pageSize = 1;
  connection.end();
  await turn();
  for (const n of [1, 2, 3]) {
    clock.advance(1);
    server.publish(ROOM, n);
  }
  let refused = 0;
  server.on("history", (from, request, usual) => {
    if (refused++ < 2) from.error(request, "unavailable", true);
    else usual();
  });
  await reconnect(connection);
  for (let n = 0; n < 3; n++) {
    clock.advance(10_000);
    await turn();
  }
  assert.deepEqual(all(), [1, 2, 3]);
});

test("a_page_that_is_refused_is_a_gap_and_life_goes_on", async () => {
  const { clock, server, connection, reconnect, all, told } = await member();
  server.pageSize = 1;
  connection.end();
  await turn();
  for (const n of [1, 2]) {
    clock.advance(1);
    server.publish(ROOM, n);
  }
  server.on("history", (from, request) => from.error(request, "forbidden"));
  await reconnect(connection);
  server.publish(ROOM, "live");
  await turn();
  assert.deepEqual(all(), [1, "live"]);
  assert.deepEqual(told, ["subscribed", "subscribed", "gap"]);
});

test("a_page_that_does_not_lead_on_ends_the_paging", async () => {
  const { server, connection, reconnect, told } = await member();
  server.on("subscribe", (from, request) => {
    const { since: cursor } = request;
    from.reply(request, { messages: [], recovered: true, more: true, cursor, region: from.region });
  });
  server.on("history", (from, request) => {
    from.reply(request, { messages: [], more: true, cursor: request.since });
  });
  const next = await reconnect(connection);
  assert.equal(next.received.filter(({ action }) => action === "history").length, 1);
  assert.deepEqual(told, ["subscribed", "subscribed", "gap"]);
});
