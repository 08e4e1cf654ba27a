/** Reading the wire, and the small things that are read from texts. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { fullJitter } from "../src/backoff.js";
import { isMessageId, tailOf, timeOf } from "../src/message_id.js";
import { readFrame } from "../src/protocol.js";
import { renewalDelay } from "../src/renewal.js";
import { expiryOf, userOf } from "../src/token.js";

const ID = "019a3b5c-0000-7abc-8def-0123456789ab";

test("an_id_tells_its_time_and_its_tail", () => {
  assert.equal(timeOf(ID), 0x019a3b5c0000);
  assert.equal(tailOf(ID), "8def-0123456789ab");
  assert.ok(isMessageId(ID));
  for (const other of ["", "019a", ID.toUpperCase(), ID.replace("7abc", "4abc"), 7, null]) {
    assert.ok(!isMessageId(other), String(other));
  }
});

test("frames_without_a_known_type_are_ignored", () => {
  for (const frame of [{}, { message: "Internal server error" }, { type: "news" }, { type: 7 }]) {
    assert.equal(readFrame(JSON.stringify(frame)), null);
  }
  assert.equal(readFrame(JSON.stringify({ type: "toString" })), null);
});

test("what_is_no_frame_is_ignored", () => {
  for (const text of ["", "{", "null", "7", "[]", '"type"', undefined, new ArrayBuffer(2)]) {
    assert.equal(readFrame(text), null);
  }
});

test("frames_of_a_wrong_shape_are_ignored_and_never_throw", () => {
  const wrong = [null, 7, "x", [], {}];
  for (const type of ["reply", "error", "messages", "unsubscribed", "presence"]) {
    for (const value of wrong) {
      for (const key of ["result", "error", "messages", "channel", "events"]) {
        readFrame(JSON.stringify({ type, [key]: value }));
      }
    }
    assert.equal(readFrame(JSON.stringify({ type })), null);
  }
});

test("messages_that_cannot_be_told_apart_are_left_out", () => {
  const messages = [{ id: ID, channel: "c", data: 1 }, { id: "x", channel: "c" }, null, { id: ID }];
  const frame = readFrame(JSON.stringify({ type: "messages", messages }));
  assert.deepEqual(frame, { type: "messages", messages: [messages[0]] });
});

test("unknown_fields_are_passed_over", () => {
  const frame = readFrame(JSON.stringify({ type: "reply", id: 1, result: { at: 5, new: 1 }, x: 1 }));
  assert.equal(frame?.type, "reply");
});

test("the_wait_grows_to_its_cap_and_is_spread_from_nothing", () => {
  const most = fullJitter({ random: () => 1 });
  assert.deepEqual([0, 1, 2, 6, 7, 5_000].map(most), [250, 500, 1_000, 16_000, 20_000, 20_000]);
  assert.equal(fullJitter({ random: () => 0 })(3), 0);
});

const token = (/** @type {unknown} */ claims) =>
  `e30.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.sig`;

test("user_and_expiry_are_read_from_the_token_and_nothing_throws", () => {
  assert.equal(userOf(token({ sub: "alice" })), "alice");
  assert.equal(userOf(token({ sub: "a+b/c@d~?>" })), "a+b/c@d~?>");
  assert.equal(expiryOf(token({ exp: 1_764_000_000 })), 1_764_000_000_000);
  for (const other of ["", "x", "a.b.c", token({}), token(null), token({ sub: 7, exp: "7" })]) {
    assert.equal(userOf(other), null);
    assert.equal(expiryOf(other), Infinity);
  }
});

test("a_connection_is_renewed_before_two_hours_and_before_its_token_expires", () => {
  const [now, minute] = [1_764_000_000_000, 60_000];
  const expiring = (/** @type {number} */ minutes) => token({ exp: (now + minutes * minute) / 1_000 });
  const delays = (/** @type {string} */ of) => {
    return [0, 1].map((random) => renewalDelay(of, now, () => random) / minute);
  };
  assert.deepEqual(delays(token({})), [117.5, 115]);
  assert.deepEqual(delays(expiring(600)), [117.5, 115]);
  assert.deepEqual(delays(expiring(10)), [9.5, 9]);
  for (const minutes of [0.5, 0, -60]) assert.deepEqual(delays(expiring(minutes)), [1, 1]);
});
