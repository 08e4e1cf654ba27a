/**
 * How pages are read and compared: that the tests of the pages can fail.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { endOf, isAll } from "./expected.mjs";
import { blocks } from "./page.mjs";

const page = (...lines) => lines.join("\n");

test("a_block_is_found_with_its_line_its_language_and_its_use", () => {
  const text = page("# A page", "", "```sh run as tail", "sorl tail room:1", "```", "", "```json", "{}", "```");
  assert.deepEqual(blocks(text), [
    { line: 3, language: "sh", use: "run", name: "tail", fails: false, text: "sorl tail room:1\n" },
    { line: 7, language: "json", use: "shown", name: null, fails: false, text: "{}\n" },
  ]);
});

test("a_word_that_says_nothing_is_a_fault", () => {
  for (const words of ["runs", "run as", "run twice", "output from tail", "file", "part of it"]) {
    assert.throws(() => blocks(page(`\`\`\`sh ${words}`, "```")), /says nothing/, words);
  }
});

test("a_block_that_is_not_closed_is_a_fault", () => {
  assert.throws(() => blocks(page("```sh run", "true")), /not closed/);
});

test("an_ellipsis_stands_for_anything_within_its_line", () => {
  assert.ok(isAll("at … by alice\n", "at 12:00 by alice\n"));
  assert.ok(!isAll("at … by alice\n", "at 12:00 by bob\n"));
  assert.ok(!isAll("at … by alice\n", "at 12:00\nby alice\n"));
  assert.ok(!isAll("{\"a\": 1}\n", "{\"b\": 1}\n"), "all else is taken to the letter");
});

test("an_ellipsis_on_a_line_of_its_own_stands_for_any_lines", () => {
  assert.ok(isAll("first\n…\nlast\n", "first\nsecond\nthird\nlast\n"));
  assert.ok(isAll("first\n…\nlast\n", "first\nlast\n"));
  assert.ok(!isAll("first\n…\nlast\n", "first\nsecond\n"));
});

test("what_is_printed_beyond_the_expected_is_seen", () => {
  assert.ok(!isAll("one\n", "one\ntwo\n"));
  assert.equal(endOf("one\n", "one\ntwo\n"), 4);
  assert.equal(endOf("two\n", "one\ntwo\n"), null);
  assert.equal(endOf("one\n", "on"), null, "a line counts when it is whole");
});
