/** What counts as had: where a channel resumes, whatever came in which order. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Cursor } from "../src/cursor.js";
import { messageId } from "../src/testing.js";

const id = (/** @type {number} */ n) => messageId(1_000_000 + n, n);

/** A cursor that has had message 10 in region `a` and lost its connection. */
function lost() {
  const cursor = new Cursor();
  cursor.answered(id(0), "a", false);
  cursor.live(id(10), "a");
  cursor.owe();
  return cursor;
}

/** @param {Cursor} cursor */
const place = ({ since, region }) => ({ since, region });

test("the_first_cursor_comes_from_the_reply_though_no_message_was_seen", () => {
  const cursor = new Cursor();
  cursor.owe();
  assert.equal(cursor.since, null);
  cursor.answered(id(7), "a", false);
  assert.deepEqual(place(cursor), { since: id(7), region: "a" });
});

test("since_is_the_greatest_id_and_not_the_last", () => {
  const cursor = new Cursor();
  cursor.answered(id(0), "a", false);
  for (const n of [5, 9, 3]) cursor.live(id(n), "a");
  assert.equal(cursor.since, id(9));
});

test("live_messages_do_not_move_the_cursor_before_the_reply", () => {
  const cursor = lost();
  cursor.live(id(50), "b");
  assert.deepEqual(place(cursor), { since: id(10), region: "a" });
});

test("live_messages_do_not_move_the_cursor_before_the_last_page", () => {
  const cursor = lost();
  cursor.live(id(50), "b");
  cursor.answered(id(20), "b", true);
  cursor.live(id(51), "b");
  assert.deepEqual(place(cursor), { since: id(20), region: "b" });
  cursor.answered(id(30), "b", true);
  assert.deepEqual(place(cursor), { since: id(30), region: "b" });
});

test("a_page_below_what_was_sent_moves_neither_cursor_nor_region", () => {
  const cursor = lost();
  cursor.answered(id(4), "b", true);
  assert.deepEqual(place(cursor), { since: id(10), region: "a" });
});

test("the_last_page_makes_live_messages_of_the_recovery_count", () => {
  const cursor = lost();
  cursor.live(id(50), "b");
  cursor.answered(id(20), "b", true);
  cursor.answered(id(40), "b", false);
  assert.deepEqual(place(cursor), { since: id(50), region: "b" });
  cursor.live(id(60), "b");
  assert.equal(cursor.since, id(60));
});

test("an_empty_recovery_gains_the_same_cursor_in_the_new_region", () => {
  const cursor = lost();
  cursor.answered(id(10), "b", false);
  assert.deepEqual(place(cursor), { since: id(10), region: "b" });
});

test("a_connection_lost_in_the_middle_of_the_pages_forgets_what_ran_ahead", () => {
  const cursor = lost();
  cursor.live(id(50), "b");
  cursor.answered(id(20), "b", true);
  cursor.owe();
  cursor.answered(id(30), "c", false);
  assert.deepEqual(place(cursor), { since: id(30), region: "c" });
});

test("a_fresh_start_owes_nothing_so_live_messages_count_at_once", () => {
  const cursor = new Cursor();
  cursor.owe();
  cursor.live(id(5), "a");
  assert.deepEqual(place(cursor), { since: id(5), region: "a" });
  cursor.answered(id(3), "a", false);
  assert.equal(cursor.since, id(5));
});

test("what_was_accepted_before_the_client_came_is_not_owed", () => {
  const at = (/** @type {number} */ minutes) => messageId(1_000_000 + minutes * 60_000, minutes);
  const cursor = new Cursor();
  assert.ok(cursor.owes(at(0)), "nothing is known yet");
  cursor.answered(at(10), "a", false);
  cursor.live(at(20), "a");
  assert.ok(cursor.owes(at(9)), "clocks differ");
  assert.ok(!cursor.owes(at(8)));
});

test("no_order_of_live_messages_pages_and_breaks_skips_what_is_owed", () => {
  // A service with messages 1…60 in its log; the client may only ever resume
  // from a place below which it was given everything.
  let seed = 42;
  const random = (/** @type {number} */ n) => (seed = (seed * 1103515245 + 12345) % 2 ** 31) % n;
  for (let run = 0; run < 2_000; run++) {
    const cursor = new Cursor();
    cursor.answered(id(0), "a", false);
    const had = new Set([0]);
    let accepted = 0;
    let page = 0;
    let recovering = false;
    for (let step = 0; step < 40; step++) {
      const what = random(4);
      if (what === 0) {
        cursor.owe();
        page = Number.parseInt((cursor.since ?? "").slice(-12), 16);
        recovering = true;
        accepted += random(5);
      } else if (what === 1 && recovering) {
        const end = Math.min(page + 1 + random(3), accepted);
        for (let n = page + 1; n <= end; n++) had.add(n);
        page = end;
        recovering = end < accepted;
        cursor.answered(id(end), "a", recovering);
      } else {
        accepted++;
        had.add(accepted);
        cursor.live(id(accepted), "a");
      }
      const since = Number.parseInt((cursor.since ?? "").slice(-12), 16);
      for (let n = 0; n <= since; n++) assert.ok(had.has(n), `run ${run}: ${n} of ${since} skipped`);
    }
  }
});
