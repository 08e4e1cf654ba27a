/** History: a page when awaited, all pages when iterated over, in both directions. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Sorl } from "../src/index.js";
import { FakeClock, FakeServer, messageId } from "../src/testing.js";

const ROOM = "room:42";

/** A room with that many messages, a minute apart. @param {number} count */
async function room(count) {
  const clock = new FakeClock();
  const server = new FakeServer({ clock });
  const ids = [];
  for (let n = 0; n < count; n++) {
    clock.advance(60_000);
    ids.push(server.publish(ROOM, n).id);
  }
  const sorl = new Sorl(server.options("alice"));
  const channel = sorl.subscribe(ROOM);
  const connection = await server.connection();
  const pages = () => connection.received.filter(({ action }) => action === "history");
  return { server, channel, ids, pages };
}

/** @param {AsyncIterable<import("../src/index.js").Message>} messages */
async function all(messages) {
  const found = [];
  for await (const { data } of messages) found.push(data);
  return found;
}

test("awaited_it_is_one_page_ascending", async () => {
  const { channel, ids } = await room(5);
  const { messages, more, cursor } = await channel.history({ limit: 2 });
  assert.deepEqual(messages.map(({ data }) => data), [3, 4]);
  assert.deepEqual([more, cursor], [true, ids[4]]);
});

test("iterated_over_it_goes_backwards_from_the_latest_through_all_pages", async () => {
  const { channel, pages, ids } = await room(7);
  assert.deepEqual(await all(channel.history({ limit: 3 })), [6, 5, 4, 3, 2, 1, 0]);
  assert.deepEqual(pages().map(({ before, limit }) => [before, limit]), [[undefined, 3], [ids[4], 3], [ids[1], 3]]);
  assert.deepEqual(await all(channel.history({ before: ids[3] ?? "", limit: 2 })), [2, 1, 0]);
});

test("with_since_it_goes_forwards", async () => {
  const { channel, ids, pages } = await room(7);
  assert.deepEqual(await all(channel.history({ since: ids[1] ?? "", limit: 2 })), [2, 3, 4, 5, 6]);
  assert.deepEqual(pages().map(({ since }) => since), [ids[1], ids[3], ids[5]]);
});

test("who_stops_asks_for_no_further_page", async () => {
  const { channel, pages } = await room(7);
  for await (const { data } of channel.history({ limit: 2 })) if (data === 5) break;
  assert.equal(pages().length, 1);
});

test("a_retried_publish_on_two_pages_is_shown_once", async () => {
  const { server, channel } = await room(3);
  const at = Date.UTC(2026, 0, 1) + 10 * 60_000;
  for (const later of [0, 60_000, 120_000]) {
    server.publish(ROOM, `retried ${later}`, { at: at + later, id: messageId(at + later, 99) });
  }
  assert.deepEqual(await all(channel.history({ limit: 2 })), ["retried 120000", 2, 1, 0]);
});

test("a_service_that_leads_around_in_circles_ends_the_walk", async () => {
  const { server, channel, ids } = await room(1);
  server.on("history", (from, request) => {
    const messages = [server.message(ROOM, "same", { id: ids[0] ?? "" })];
    from.reply(request, { messages, more: true, cursor: ids[0] });
  });
  assert.deepEqual(await all(channel.history()), ["same"]);
});

test("a_refusal_ends_the_walk_with_its_error", async () => {
  const { server, channel } = await room(1);
  server.on("history", (from, request) => from.error(request, "forbidden"));
  await assert.rejects(all(channel.history()), { code: "forbidden" });
});
