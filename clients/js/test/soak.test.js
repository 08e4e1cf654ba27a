/** Seeded lives full of breaks; a seed that fails becomes a test with a name. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Sorl } from "../src/index.js";
import { FakeClock, FakeServer } from "../src/testing.js";
import { dice } from "./dice.js";
import { turn } from "./turn.js";

const ROOM = "room:42";
const SEEDS = 150;
const STEPS = 60;

/**
 * One life of a client: messages come, at times twice; connections break at any
 * point, one or all; answers fail, break the connection, wait or never come; the
 * service says bye; and the client moves about. What was accepted while it was there must be shown, once.
 *
 * @param {number} seed
 */
async function live(seed) {
  const roll = dice(seed);
  const clock = new FakeClock();
  const server = new FakeServer({ clock, regions: ["a", "b", "c"] });
  server.pageSize = 3;
  /** Answers on their way. @type {(() => void)[]} */
  const held = [];
  for (const action of ["subscribe", "history"]) {
    server.on(action, (from, request, usual) => {
      const luck = roll(10);
      if (luck === 0) from.error(request, "unavailable", true);
      else if (luck === 1) from.end();
      else if (luck < 6) held.push(usual);
      else usual();
    });
  }
  const release = () => {
    for (const answer of held.splice(0, 1 + roll(2))) answer();
  };
  const sorl = new Sorl({ ...server.options("alice"), random: () => roll(100) / 100 });
  /** @type {unknown[]} */
  const shown = [];
  const room = sorl.subscribe(ROOM, { ordered: seed % 3 === 0 });
  room.on("message", ({ data }) => shown.push(data));
  const entered = new Promise((resolve) => room.on("subscribed", resolve));
  for (const answered = entered.then(() => true); !(await soon(answered)); ) {
    release();
    await pass(clock, 1_000);
  }

  let accepted = 0;
  for (let step = 0; step < STEPS; step++) {
    const open = server.connections.filter((connection) => connection.open);
    const what = roll(14);
    if (what < 7) {
      const message = server.publish(ROOM, accepted++);
      if (roll(4) === 0) for (const connection of open) connection.messages(message);
    } else if (what < 9) {
      for (const connection of open) connection.end();
    } else if (what === 12) {
      open[roll(open.length || 1)]?.end();
    } else if (what === 13) {
      const code = ["slow", "shutdown", "expired"][roll(3)];
      open[roll(open.length || 1)]?.send({ type: "bye", code, reconnect: true });
    } else if (what === 9) {
      sorl.use(["a", "b", "c"][roll(3)] ?? "a");
    } else {
      release();
    }
    // Now and then much happens at once.
    if (roll(3) > 0) await pass(clock, 1 + roll(60_000));
  }
  held.splice(0);
  server.on("subscribe", (_, __, usual) => usual());
  server.on("history", (_, __, usual) => usual());
  await pass(clock, 120_000);
  sorl.close();
  return { shown, accepted };
}

/** Whether the promise is fulfilled within a turn. @param {Promise<boolean>} promise */
function soon(promise) {
  return Promise.race([promise, turn().then(() => false)]);
}

/** Time passes, and what happens in it happens. @param {FakeClock} clock @param {number} ms */
async function pass(clock, ms) {
  for (let left = ms; left > 0; left -= 5_000) {
    await turn();
    clock.advance(Math.min(left, 5_000));
  }
  await turn();
}

test("whatever_breaks_every_message_is_shown_exactly_once", async () => {
  for (let seed = 0; seed < SEEDS; seed++) {
    const { shown, accepted } = await live(seed);
    const numbers = shown.map(Number).sort((a, b) => a - b);
    const expected = Array.from({ length: accepted }, (_, n) => n);
    assert.deepEqual(numbers, expected, `seed ${seed}`);
  }
});
