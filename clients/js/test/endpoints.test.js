/** Which endpoint is taken: the quickest where none is preferred, and the next best when it fails. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Sorl } from "../src/index.js";
import { FakeClock, FakeServer } from "../src/testing.js";
import { turn } from "./turn.js";

/** A client of three regions that prefers none. @param {Record<string, number>} latency */
function client(latency) {
  const clock = new FakeClock();
  const server = new FakeServer({ clock, regions: ["a", "b", "c"] });
  server.latency = new Map(Object.entries(latency));
  const sorl = new Sorl(server.options("alice"));
  sorl.connect();
  /** @param {number} ms in steps in which what is due can happen */
  const pass = async (ms) => {
    for (let left = ms; left > 0; left -= 10) {
      await turn();
      clock.advance(Math.min(left, 10));
    }
    await turn();
  };
  const dialled = () => server.connections.map(({ region }) => region);
  const open = () => server.connections.filter((connection) => connection.open);
  return { clock, server, sorl, pass, dialled, open };
}

test("a_first_endpoint_that_is_near_is_the_only_one_dialled", async () => {
  const { sorl, pass, dialled } = client({ a: 80, b: 10, c: 10 });
  await pass(1_000);
  assert.deepEqual(dialled(), ["a"]);
  assert.equal(sorl.region, "a");
});

test("a_near_endpoint_is_taken_though_a_far_one_was_dialled_before", async () => {
  const { sorl, server, pass, dialled, open } = client({ a: 600, b: 700, c: 90 });
  await pass(2_000);
  assert.deepEqual(dialled(), ["a", "b", "c"]);
  assert.deepEqual(open().map(({ region }) => region), ["c"]);
  assert.equal(sorl.region, "c");
  assert.equal(server.connections.filter(({ open }) => open).length, 1, "the others were given up");
});

test("an_endpoint_that_fails_lets_the_next_be_dialled_at_once", async () => {
  const { sorl, server, pass, dialled } = client({ b: 50 });
  server.down.add("a");
  await pass(60);
  assert.deepEqual(dialled(), ["a", "b"]);
  assert.equal(sorl.state, "connected");
});

test("an_endpoint_that_hangs_holds_nobody_up", async () => {
  const { sorl, pass } = client({ a: 1e9, b: 50 });
  await pass(200);
  assert.equal(sorl.region, "b");
});

test("when_all_fail_the_attempt_fails_and_the_next_goes_around", async () => {
  const { sorl, server, pass, dialled } = client({});
  for (const region of ["a", "b", "c"]) server.down.add(region);
  /** @type {string[]} */
  const errors = [];
  sorl.on("error", ({ message }) => errors.push(message));
  await pass(10);
  assert.deepEqual(dialled(), ["a", "b", "c"]);
  assert.deepEqual(errors, ["no connection to c: closed with 1006"]);
  await pass(260);
  assert.deepEqual(dialled().slice(3), ["a"]);
});

test("the_client_comes_back_to_its_region_and_from_there_to_the_quickest_known", async () => {
  const { sorl, server, pass, open } = client({ a: 250, b: 140, c: 10 });
  await pass(1_000);
  assert.equal(sorl.region, "c");
  open()[0]?.end();
  await pass(1_000);
  assert.equal(sorl.region, "c");
  sorl.use("b");
  await pass(1_000);
  server.down.add("b");
  open()[0]?.end();
  await pass(3_000);
  assert.equal(sorl.region, "c", "not a, which never opened");
});

test("an_attempt_that_is_given_up_closes_what_it_dialled", async () => {
  const { sorl, pass, server } = client({ a: 500, b: 500, c: 500 });
  await pass(250);
  sorl.close();
  await pass(1_000);
  assert.equal(server.connections.length, 3);
  assert.ok(server.connections.every(({ open }) => !open));
});

test("who_wakes_up_looks_in_his_own_region_first_whatever_failed_meanwhile", async () => {
  const { sorl, server, pass, dialled, open } = client({});
  await pass(10);
  for (const region of ["a", "b", "c"]) server.down.add(region);
  open()[0]?.end();
  await pass(10_000);
  assert.deepEqual(dialled().slice(1, 4), ["a", "b", "c"]);
  server.down.clear();
  sorl.wake();
  await pass(10);
  assert.equal(sorl.region, "a");
});

test("a_renewal_leads_back_to_the_region_that_failed_for_a_while", async () => {
  const { sorl, server, pass, open } = client({});
  await pass(10);
  server.down.add("a");
  open()[0]?.end();
  await pass(1_000);
  assert.equal(sorl.region, "b");
  server.down.clear();
  for (let minutes = 0; minutes < 120; minutes++) await pass(60_000);
  assert.equal(sorl.region, "a");
});

test("a_place_where_no_socket_can_be_made_says_nothing_of_the_region", async () => {
  const server = new FakeServer({ regions: ["a", "b"] });
  let plugged = false;
  const { WebSocket } = server;
  class Socket extends WebSocket {
    /** @param {string} url @param {string[]} protocols */
    constructor(url, protocols) {
      if (!plugged) throw new Error("unplugged");
      super(url, protocols);
    }
  }
  const sorl = new Sorl({ ...server.options("alice"), WebSocket: Socket });
  sorl.use("b");
  sorl.connect();
  await turn();
  assert.equal(sorl.state, "waiting");
  plugged = true;
  sorl.wake();
  await turn();
  assert.equal(sorl.region, "b");
});
