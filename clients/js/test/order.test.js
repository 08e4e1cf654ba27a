/** Ordered delivery: what is held back how long, and in which order it comes out, whatever the order it came in. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Sorl } from "../src/index.js";
import { Order } from "../src/order.js";
import { Seen } from "../src/seen.js";
import { FakeClock, FakeServer, messageId } from "../src/testing.js";
import { dice } from "./dice.js";
import { turn } from "./turn.js";

const WAIT = 500;
const META = { recovered: false, rewound: false };
const ROOM = "room:42";

/** @param {number} at @param {number} tail */
const message = (at, tail) => ({ id: messageId(at, tail), channel: ROOM, data: tail, at, region: "a" });

/** An order whose recovery owes something while `state.owed`, and what it showed. */
function ordering() {
  const clock = new FakeClock();
  const state = { owed: false };
  /** @type {{ id: string, at: number }[]} */
  const shown = [];
  const order = new Order({
    wait: WAIT,
    clock,
    owed: () => state.owed,
    show: ({ id }) => shown.push({ id, at: clock.now() }),
  });
  return { clock, state, shown, order, ids: () => shown.map(({ id }) => id) };
}

test("a_message_is_held_and_those_with_smaller_ids_go_before_it", () => {
  const { clock, order, ids } = ordering();
  const [one, two] = [message(1, 1), message(2, 2)];
  order.add(two, META);
  clock.advance(WAIT - 1);
  order.add(one, META);
  assert.deepEqual(ids(), []);
  clock.advance(1);
  assert.deepEqual(ids(), [one.id, two.id]);
});

test("what_comes_too_late_is_shown_in_its_turn", () => {
  const { clock, order, ids } = ordering();
  const [one, two] = [message(1, 1), message(2, 2)];
  order.add(two, META);
  clock.advance(WAIT);
  order.add(one, META);
  clock.advance(WAIT);
  assert.deepEqual(ids(), [two.id, one.id]);
});

test("nothing_is_shown_while_a_recovery_owes_something", () => {
  const { clock, state, order, ids } = ordering();
  state.owed = true;
  order.add(message(2, 2), META);
  clock.advance(10 * WAIT);
  assert.deepEqual(ids(), []);
  order.add(message(1, 1), META);
  state.owed = false;
  order.proceed();
  assert.deepEqual(ids(), [messageId(1, 1), messageId(2, 2)]);
});

test("what_was_cleared_is_not_shown_and_what_follows_is", () => {
  const { clock, order, ids } = ordering();
  order.add(message(1, 1), META);
  order.clear();
  order.add(message(2, 2), META);
  clock.advance(WAIT);
  assert.deepEqual(ids(), [messageId(2, 2)]);
  assert.equal(clock.waiting, 0);
});

/**
 * Messages of one channel as a network brings them: accepted one after another,
 * each late by less than `delay`, some of them twice, some retried under their
 * key and so accepted again.
 *
 * @param {number} seed
 * @param {number} delay
 */
function arrivals(seed, delay) {
  const roll = dice(seed);
  const coming = [];
  for (let n = 0; n < 60; n++) {
    const accepted = 1_000 + n * roll(40);
    const copies = 1 + Number(roll(4) === 0) + Number(roll(9) === 0);
    for (let copy = 0; copy < copies; copy++) {
      const id = messageId(roll(5) === 0 ? accepted + copy : accepted, n);
      coming.push({ at: accepted + roll(delay), message: { ...message(accepted, n), id } });
    }
  }
  return coming.sort((a, b) => a.at - b.at);
}

test("within_the_wait_everything_is_shown_once_in_id_order_and_beyond_it_once", () => {
  for (let seed = 0; seed < 500; seed++) {
    const delay = seed % 2 ? WAIT / 2 : 4 * WAIT;
    const { clock, order, ids, shown } = ordering();
    const beginning = clock.now();
    const seen = new Seen();
    /** @type {Map<string, number>} */
    const came = new Map();
    for (const { at, message: one } of arrivals(seed, delay)) {
      clock.advance(Math.max(beginning + at - clock.now(), 0));
      if (!seen.first(one.id, clock.now())) continue;
      came.set(one.id, clock.now());
      order.add(one, META);
    }
    clock.advance(WAIT);
    assert.deepEqual([...ids()].sort(), [...came.keys()].sort(), `seed ${seed}: each once`);
    for (const { id, at } of shown) assert.ok(at - (came.get(id) ?? 0) <= WAIT, `seed ${seed}: in time`);
    if (seed % 2) assert.deepEqual(ids(), [...ids()].sort(), `seed ${seed}: in order`);
  }
});

test("a_channel_in_order_shows_what_was_recovered_before_what_came_live_meanwhile", async () => {
  const clock = new FakeClock();
  const server = new FakeServer({ clock });
  const sorl = new Sorl(server.options("alice"));
  const room = sorl.subscribe(ROOM, { ordered: { wait: WAIT } });
  /** @type {unknown[]} */
  const shown = [];
  room.on("message", ({ data }) => shown.push(data));
  const first = await server.connection();
  await turn();
  first.end();
  await turn();
  clock.advance(1);
  const missed = server.message(ROOM, "missed");
  clock.advance(1_000);
  server.on("subscribe", null);
  const second = await server.connection();
  const subscribe = await second.next("subscribe");
  second.messages(server.message(ROOM, "live"));
  await turn();
  clock.advance(10 * WAIT);
  assert.deepEqual(shown, []);
  const answer = { messages: [missed], recovered: true, more: false, cursor: missed.id };
  second.reply(subscribe, { ...answer, region: "eu-north-1" });
  await turn();
  clock.advance(WAIT);
  assert.deepEqual(shown, ["missed", "live"]);
});

test("who_leaves_an_ordered_channel_is_shown_no_more_and_who_is_sent_away_is_shown_the_rest", async () => {
  for (const [leave, expected] of /** @type {[boolean, string[]][]} */ ([[true, []], [false, ["held"]]])) {
    const server = new FakeServer();
    const sorl = new Sorl(server.options("alice"));
    const room = sorl.subscribe(ROOM, { ordered: true });
    /** @type {unknown[]} */
    const shown = [];
    room.on("message", ({ data }) => shown.push(data));
    const connection = await server.connection();
    await turn();
    server.publish(ROOM, "held");
    await turn();
    if (leave) void room.unsubscribe();
    else connection.send({ type: "unsubscribed", channel: ROOM });
    await turn();
    assert.deepEqual(shown, expected);
  }
});
