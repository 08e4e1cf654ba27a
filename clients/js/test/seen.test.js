/** What a channel remembers as shown, for how long, and how much of it. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Seen } from "../src/seen.js";
import { messageId } from "../src/testing.js";

const MINUTE = 60_000;
const START = Date.UTC(2026, 0, 1);
const id = (/** @type {number} */ minutes, /** @type {number} */ tail) =>
  messageId(START + minutes * MINUTE, tail);
const at = (/** @type {number} */ minutes) => START + minutes * MINUTE;

test("the_first_of_a_tail_is_shown_and_the_others_are_not", () => {
  const seen = new Seen();
  assert.equal(seen.first(id(0, 1), at(0)), true);
  assert.equal(seen.first(id(0, 1), at(0)), false);
  assert.equal(seen.first(id(0, 2), at(0)), true);
});

test("a_retry_accepted_later_is_known_by_its_tail", () => {
  const seen = new Seen();
  seen.first(id(0, 1), at(0));
  assert.equal(seen.first(id(14, 1), at(14)), false);
});

test("ids_within_16_minutes_of_since_are_remembered_however_long_ago_they_came", () => {
  const seen = new Seen();
  seen.first(id(0, 1), at(0));
  seen.forget(id(16, 9), at(600));
  assert.equal(seen.first(id(0, 1), at(600)), false);
});

test("an_old_id_is_remembered_for_16_minutes_after_it_last_came", () => {
  const seen = new Seen();
  seen.first(id(0, 1), at(100));
  seen.forget(id(115, 9), at(115));
  assert.equal(seen.first(id(0, 1), at(115)), false);
  seen.forget(id(130, 9), at(130));
  assert.equal(seen.first(id(0, 1), at(130)), false);
});

test("a_delayed_id_is_remembered_while_since_stands_still", () => {
  // Its late mark is answered again at every resume from this `since`.
  const seen = new Seen();
  seen.first(id(0, 1), at(60));
  seen.forget(id(59, 9), at(600));
  assert.equal(seen.first(id(0, 1), at(600)), false);
});

test("what_no_recovery_can_bring_again_is_forgotten", () => {
  // A hundred a minute for an hour.
  const seen = new Seen();
  for (let n = 0; n <= 6000; n++) seen.first(id(n / 100, n), at(n / 100));
  seen.forget(id(60, 6000), at(60));
  assert.equal(seen.size, 1601);
  assert.equal(seen.first(id(44, 4399), at(60)), true);
  assert.equal(seen.first(id(44, 4400), at(60)), false);
});

test("the_last_thousand_are_remembered_whatever_their_age", () => {
  // A queue may deliver the same record again days later.
  const seen = new Seen();
  for (let n = 0; n <= 1000; n++) seen.first(id(0, n), at(0));
  seen.forget(id(4 * 24 * 60, 0), at(4 * 24 * 60));
  assert.equal(seen.size, 1000);
  assert.equal(seen.first(id(0, 1), at(4 * 24 * 60)), false);
  assert.equal(seen.first(id(0, 0), at(4 * 24 * 60)), true);
});

test("the_memory_is_bounded_and_the_longest_unseen_go_first", () => {
  const seen = new Seen();
  for (let n = 0; n <= 250_000; n++) seen.first(id(0, n), at(0));
  seen.first(id(0, 0), at(0));
  seen.forget(null, at(0));
  assert.equal(seen.size, 250_000);
  assert.equal(seen.first(id(0, 0), at(0)), false);
  assert.equal(seen.first(id(0, 1), at(0)), true);
});

test("a_clock_that_is_wrong_makes_it_remember_longer_and_never_shorter", () => {
  for (const skew of [-600, 600]) {
    const seen = new Seen();
    seen.first(id(0, 1), at(0 + skew));
    seen.forget(id(16, 9), at(16 + skew));
    assert.equal(seen.first(id(0, 1), at(16 + skew)), false, `${skew} minutes`);
  }
});
