/** The list of members: snapshots, what is heard between them, and when another snapshot is due. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Sorl } from "../src/index.js";
import { FakeClock, FakeServer } from "../src/testing.js";
import { dice } from "./dice.js";
import { turn } from "./turn.js";

const ROOM = "room:42";
const [EU, US] = ["eu-north-1", "us-east-1"];

/** A list of the members of a room in which, says the service, `present` are. */
async function listing() {
  const clock = new FakeClock();
  const server = new FakeServer({ clock });
  const state = { truncated: false, asked: 0 };
  /** Regions of each user's connections. @type {Map<string, string[]>} */
  const present = new Map([["alice", [EU]]]);
  server.on("presence", (from, request) => {
    state.asked++;
    const members = [...present].map(([user, regions]) => {
      return { user, connections: regions.length, regions: [...new Set(regions)] };
    });
    from.reply(request, { count: members.length, members, truncated: state.truncated });
  });
  const sorl = new Sorl(server.options("alice"));
  const room = sorl.subscribe(ROOM);
  const connection = await server.connection();
  await turn();
  const list = room.members();
  /** @type {unknown[]} */
  const changes = [];
  list.on("change", (_, change) => changes.push(change));
  await turn();
  /** Lets a doubt be cleared up. */
  const settle = async () => {
    clock.advance(10_000);
    await turn();
  };
  /** @param {"join" | "leave"} event @param {string} user @param {string} region */
  const hear = async (event, user, region) => {
    connection.send({ type: "presence", channel: ROOM, events: [{ event, user, region }] });
    await turn();
  };
  return { clock, server, room, list, state, present, changes, connection, hear, settle };
}

test("a_snapshot_begins_the_list_and_joins_and_leaves_keep_it", async () => {
  const { list, changes, hear, settle, state } = await listing();
  await settle();
  await hear("join", "bob", US);
  await hear("join", "bob", EU);
  assert.deepEqual(list.current, [
    { user: "alice", connections: 1, regions: [EU] },
    { user: "bob", connections: 2, regions: [US, EU] },
  ]);
  await hear("leave", "bob", US);
  assert.deepEqual(list.current[1], { user: "bob", connections: 1, regions: [EU] });
  await hear("leave", "bob", EU);
  assert.deepEqual(list.current.map(({ user }) => user), ["alice"]);
  const [joined, nothing] = [{ joined: ["bob"], left: [] }, { joined: [], left: [] }];
  const left = { joined: [], left: ["bob"] };
  assert.deepEqual(changes, [{ joined: ["alice"], left: [] }, joined, nothing, nothing, left]);
  assert.equal(list.count, 1);
  assert.equal(state.asked, 1, "nothing was doubtful");
});

test("an_event_that_a_snapshot_may_have_had_in_it_is_followed_by_another_snapshot", async () => {
  const { list, hear, settle, state, present } = await listing();
  present.set("bob", [US]);
  await hear("join", "bob", US);
  await hear("join", "bob", US);
  assert.equal(list.current[1]?.connections, 2, "heard twice, as far as is known");
  await settle();
  assert.equal(state.asked, 2, "one for both");
  assert.equal(list.current[1]?.connections, 1);
});

test("a_leave_of_someone_unknown_and_a_list_that_is_cut_are_doubtful", async () => {
  const { list, hear, settle, state } = await listing();
  await settle();
  await hear("leave", "nobody", US);
  await settle();
  assert.equal(state.asked, 2);
  state.truncated = true;
  await hear("leave", "nobody", US);
  await settle();
  await settle();
  await hear("join", "carol", US);
  assert.deepEqual(list.current.map(({ user }) => user), ["alice", "carol"]);
  await settle();
  assert.equal(state.asked, 4);
});

test("a_return_after_a_gap_and_a_refusal_for_now_bring_another_snapshot", async () => {
  const { clock, server, list, state, present, connection } = await listing();
  connection.end();
  present.set("bob", [US]);
  server.on("presence", (from, request) => from.error(request, "unavailable", true));
  await turn();
  clock.advance(10_000);
  await server.connection();
  await turn();
  server.on("presence", (from, request) => {
    state.asked++;
    from.reply(request, { count: 7, members: [{ user: "bob", connections: 1, regions: [US] }], truncated: true });
  });
  clock.advance(10_000);
  await turn();
  assert.deepEqual(list.current.map(({ user }) => user), ["bob"]);
  assert.equal(list.count, 7);
});

test("a_refusal_for_good_is_told_and_not_repeated", async () => {
  const server = new FakeServer();
  server.on("presence", (from, request) => from.error(request, "forbidden"));
  const room = new Sorl(server.options("alice")).subscribe(ROOM);
  await server.connection();
  const list = room.members();
  const { code } = await new Promise((resolve) => list.on("error", resolve));
  assert.equal(code, "forbidden");
});

test("a_list_that_was_closed_hears_and_asks_no_more", async () => {
  const { list, room, changes, hear, settle, state } = await listing();
  await hear("join", "bob", US);
  list.close();
  await hear("join", "carol", US);
  await settle();
  assert.deepEqual([state.asked, changes.length], [1, 2]);
  const other = room.members();
  await room.unsubscribe();
  await settle();
  assert.deepEqual(other.current, [], "it ended before it was answered");
});

test("after_any_comings_and_goings_and_a_quiet_while_the_list_is_what_the_service_says", async () => {
  for (let seed = 0; seed < 30; seed++) {
    const roll = dice(seed);
    const { list, present, hear, settle, clock } = await listing();
    for (let step = 0; step < 60; step++) {
      const user = ["alice", "bob", "carol"][roll(3)] ?? "";
      const regions = present.get(user) ?? [];
      const joins = regions.length === 0 || roll(2) === 0;
      const region = joins ? [EU, US][roll(2)] ?? EU : regions[0] ?? EU;
      const now = joins ? [...regions, region] : regions.slice(1);
      if (now.length) present.set(user, now);
      else present.delete(user);
      // One in eight is not heard of, and is noticed at the next snapshot.
      if (roll(8)) await hear(joins ? "join" : "leave", user, region);
      clock.advance(roll(4_000));
      await turn();
    }
    await hear("leave", "nobody", US);
    await settle();
    await settle();
    const expected = [...present].map(([user, { length }]) => `${user} ${length}`).sort();
    assert.deepEqual(list.current.map(({ user, connections }) => `${user} ${connections}`), expected, `seed ${seed}`);
  }
});
