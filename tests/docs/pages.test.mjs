/**
 * Every page of the documents followed to the letter, against the release
 * binary: what it says to run runs, and prints what it says.
 */

import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { readPage } from "./page.mjs";
import { Reader } from "./reader.mjs";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const SORL = path.resolve(ROOT, process.env.SORL_BIN ?? "target/release/sorl");

/** It builds Sorl from nothing: `quick_start.test.mjs` follows it. */
const ELSEWHERE = ["docs/quick-start.md"];

const pages = ["README.md", "clients/js/README.md", ...readdirSync(path.join(ROOT, "docs"), { recursive: true }).map((name) => `docs/${name}`)]
  .filter((page) => page.endsWith(".md") && !ELSEWHERE.includes(page))
  .map((page) => ({ page, blocks: readPage(path.join(ROOT, page)) }))
  .filter(({ blocks }) => blocks.some(({ use }) => use !== "shown"));

test("there_are_pages_to_follow", () => {
  assert.ok(pages.length >= 5, `only ${pages.map(({ page }) => page).join(", ")}`);
});

/** A page that says how `sorl dev` is started starts it; for the others it is there. */
const startsItself = (blocks) => blocks.some(({ use, text }) => use === "run" && /^sorl dev\b/m.test(text));
const START = { line: 0, language: "sh", use: "run", name: "sorl-dev", fails: false, text: "sorl dev --json\n" };
const STARTED = { ...START, language: "text", use: "output", text: '{"event":"ready",…\n' };

for (const { page, blocks } of pages) {
  test(`${page} does what it says`, async () => {
    const reader = await Reader.of({ page, sorl: SORL });
    try {
      if (!startsItself(blocks)) await reader.follow([START, STARTED]);
      await reader.follow(blocks);
    } finally {
      await reader.leave();
    }
  });
}
