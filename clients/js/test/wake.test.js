/** What a page tells: shown again, online again, without a network. */

import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { Sorl } from "../src/index.js";
import { FakeClock, FakeServer } from "../src/testing.js";
import { turn } from "./turn.js";

/** @type {EventTarget} */
let world;
/** @type {EventTarget & { visibilityState: string }} */
let page;

beforeEach(() => {
  world = new EventTarget();
  page = Object.assign(new EventTarget(), { visibilityState: "visible" });
  Object.assign(globalThis, {
    document: page,
    addEventListener: world.addEventListener.bind(world),
    removeEventListener: world.removeEventListener.bind(world),
  });
});

afterEach(() => {
  for (const name of ["document", "addEventListener", "removeEventListener"]) {
    Reflect.deleteProperty(globalThis, name);
  }
});

async function client() {
  const clock = new FakeClock();
  const server = new FakeServer({ clock });
  const sorl = new Sorl(server.options("alice"));
  /** @type {string[]} */
  const states = [];
  sorl.on("state", ({ state, reason }) => states.push(`${state} (${reason})`));
  sorl.connect();
  const connection = await server.connection();
  await turn();
  const pings = () => connection.received.filter(({ action }) => action === "ping").length;
  return { clock, server, sorl, states, connection, pings };
}

test("a_page_that_is_shown_or_online_again_looks_who_is_there_until_the_client_is_closed", async () => {
  const { clock, sorl, pings } = await client();
  const events = /** @type {const} */ ([[world, "online"], [page, "visibilitychange"]]);
  for (const [n, [target, name]] of events.entries()) {
    clock.advance(10_000);
    target.dispatchEvent(new Event(name));
    await turn();
    assert.equal(pings(), n + 1, name);
  }
  sorl.close();
  await turn();
  clock.advance(10_000);
  for (const [target, name] of events) target.dispatchEvent(new Event(name));
  assert.equal(pings(), 2);
});

test("a_page_that_is_hidden_asks_nobody", async () => {
  const { clock, pings } = await client();
  clock.advance(10_000);
  page.visibilityState = "hidden";
  page.dispatchEvent(new Event("visibilitychange"));
  await turn();
  assert.equal(pings(), 0);
});

test("without_a_network_the_connection_is_given_up_at_once_and_with_it_sought_at_once", async () => {
  const { server, sorl, states, connection } = await client();
  world.dispatchEvent(new Event("offline"));
  await turn();
  assert.equal(connection.open, false);
  const later = sorl.publish("room:1", "written without a network");
  world.dispatchEvent(new Event("online"));
  await server.connection();
  assert.ok((await later).message_id);
  const expected = ["waiting (offline)", "connecting (woken)", "connected (opened)"];
  assert.deepEqual(states.slice(2), expected);
});
