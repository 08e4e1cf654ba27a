/** Publishing: one key for all tries, and what is refused before it is sent. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Sorl } from "../src/index.js";
import { FakeClock, FakeServer } from "../src/testing.js";
import { turn } from "./turn.js";

const ROOM = "room:42";

/** @param {Partial<import("../src/index.js").SorlOptions>} [options] */
function client(options) {
  const clock = new FakeClock();
  const server = new FakeServer({ clock });
  const sorl = new Sorl({ ...server.options("alice"), ...options });
  return { clock, server, sorl };
}

test("a_publish_tells_the_id_and_the_time_of_acceptance", async () => {
  const { clock, sorl } = client();
  const { message_id, at } = await sorl.publish(ROOM, { text: "hello" });
  assert.match(message_id, /^[0-9a-f-]{36}$/);
  assert.equal(at, clock.now());
});

test("all_tries_of_one_publish_carry_one_key", async () => {
  const { clock, server, sorl } = client();
  const first = (sorl.connect(), await server.connection());
  await turn();
  /** @type {unknown[]} */
  const keys = [];
  server.on("publish", (from, request, usual) => {
    keys.push(request.key);
    if (keys.length === 1) from.error(request, "rate_limited", true);
    else if (keys.length === 2) from.end();
    else usual();
  });
  const accepted = sorl.publish(ROOM, "hello");
  for (let n = 0; n < 4; n++) {
    await turn();
    clock.advance(2_000);
  }
  await accepted;
  assert.equal(keys.length, 3);
  assert.equal(new Set(keys).size, 1);
  assert.ok(typeof keys[0] === "string" && keys[0].length <= 64);
  assert.equal(first.open, false);
});

test("a_publish_without_a_reply_is_tried_again", async () => {
  const { clock, server, sorl } = client();
  let tries = 0;
  server.on("publish", (_, __, usual) => {
    if (++tries > 1) usual();
  });
  const accepted = sorl.publish(ROOM, "hello");
  for (let n = 0; n < 4; n++) {
    await turn();
    clock.advance(30_000);
  }
  await accepted;
  assert.equal(tries, 2);
});

test("a_given_key_and_ephemeral_are_sent_as_they_are", async () => {
  const { server, sorl } = client();
  const connection = (sorl.connect(), await server.connection());
  await sorl.publish(ROOM, null, { key: "invoice-17", ephemeral: true });
  const { id, ...fields } = await connection.next("publish");
  const expected = { action: "publish", channel: ROOM, data: null, key: "invoice-17" };
  assert.deepEqual(fields, { ...expected, ephemeral: true });
  assert.equal(typeof id, "number");
});

test("a_final_refusal_is_not_tried_again", async () => {
  const { server, sorl } = client();
  let tries = 0;
  server.on("publish", (from, request) => {
    tries++;
    from.error(request, "forbidden");
  });
  await assert.rejects(sorl.publish(ROOM, 1), { code: "forbidden", temporary: false });
  assert.equal(tries, 1);
});

test("a_publish_waits_for_a_connection_and_is_given_up_in_the_end", async () => {
  const { clock, server, sorl } = client();
  for (const { region } of server.endpoints) server.down.add(region);
  const lost = assert.rejects(sorl.publish(ROOM, 1), { code: "disconnected", temporary: true });
  for (let n = 0; n < 12; n++) {
    await turn();
    clock.advance(10_000);
  }
  await lost;
});

test("what_is_too_large_for_a_frame_is_refused_here_and_harms_nobody", async () => {
  const { sorl, server } = client();
  const connection = (sorl.connect(), await server.connection());
  await assert.rejects(sorl.publish(ROOM, "å".repeat(16_384)), { code: "too_large" });
  await sorl.publish(ROOM, "a".repeat(32_000));
  assert.equal(connection.received.length, 1);
});

test("what_is_no_JSON_is_refused_here", async () => {
  const { sorl } = client();
  for (const data of [undefined, () => {}, Symbol("x")]) {
    await assert.rejects(sorl.publish(ROOM, data), { code: "bad_request" });
  }
});

test("publishes_that_wait_are_bounded_by_number_and_by_size", async () => {
  const full = { code: "queue_full", temporary: true };
  for (const queue of [{ messages: 3 }, { bytes: 3 * 12 }]) {
    const { sorl } = client({ queue });
    const waiting = Array.from({ length: 3 }, () => sorl.publish(ROOM, "0123456789"));
    await assert.rejects(sorl.publish(ROOM, 1), full);
    await Promise.all(waiting);
    await sorl.publish(ROOM, 1);
  }
});

test("publishes_while_away_are_sent_in_their_order_and_so_are_those_that_were_cut_off", async () => {
  const { clock, server, sorl } = client();
  const first = (sorl.connect(), await server.connection());
  await turn();
  server.on("publish", null);
  const accepted = [1, 2, 3].map((n) => sorl.publish(ROOM, n));
  await turn();
  first.end();
  await turn();
  accepted.push(...[4, 5].map((n) => sorl.publish(ROOM, n)));
  server.on("publish", (_, __, usual) => usual());
  clock.advance(1_000);
  const second = await server.connection();
  await Promise.all(accepted);
  const sent = [first, second].map(({ received }) => received.map(({ data }) => data));
  assert.deepEqual(sent, [[1, 2, 3], [1, 2, 3, 4, 5]]);
});

test("after_a_refusal_for_now_one_is_tried_and_the_others_wait_in_order", async () => {
  const { clock, server, sorl } = client();
  const connection = (sorl.connect(), await server.connection());
  await turn();
  server.on("publish", (from, request) => from.error(request, "rate_limited", true));
  const accepted = [1, 2, 3, 4].map((n) => sorl.publish(ROOM, n));
  await turn();
  server.on("publish", (_, __, usual) => usual());
  clock.advance(250);
  const five = sorl.publish(ROOM, 5);
  await Promise.all([...accepted, five]);
  assert.deepEqual(connection.received.map(({ data }) => data), [1, 2, 3, 4, 1, 2, 3, 4, 5]);
});

test("closing_refuses_all_that_wait", async () => {
  const { server, sorl } = client();
  for (const { region } of server.endpoints) server.down.add(region);
  const waiting = [1, 2].map((n) => assert.rejects(sorl.publish(ROOM, n), { code: "closed" }));
  sorl.close();
  await Promise.all(waiting);
});
