/**
 * The quick start followed to the letter: from a clone of this repository in
 * an empty folder to a chat in two windows of Chromium.
 *
 * With `SORL_FROM_NOTHING` (`make quick-start`) the build is one from nothing,
 * and how long each step took is printed. Without it what this checkout has
 * built already is used; only Sorl itself is built again.
 */

import assert from "node:assert/strict";
import { symlinkSync } from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { launch } from "../browser/tab.mjs";
import { readPage } from "./page.mjs";
import { Reader } from "./reader.mjs";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const PAGE = "docs/quick-start.md";
const SHOWN_MS = 30_000;

let browser;
let reader;

before(async () => {
  process.env.SORL_REPOSITORY = ROOT;
  // The clone is of a folder that may belong to another user.
  Object.assign(process.env, { GIT_CONFIG_COUNT: "1", GIT_CONFIG_KEY_0: "safe.directory", GIT_CONFIG_VALUE_0: "*" });
  browser = await launch();
  reader = await Reader.of({ page: PAGE });
});

after(async () => {
  await browser?.close();
  await reader?.leave();
});

test("the_quick_start_leads_from_a_clone_to_a_chat_in_a_page", async (context) => {
  const begun = Date.now();
  for (const block of readPage(path.join(ROOT, PAGE))) {
    await reader.follow([block]);
    if (block.text.startsWith("git clone") && !process.env.SORL_FROM_NOTHING) {
      symlinkSync(path.join(ROOT, "target"), path.join(reader.folder, "sorl/target"));
    }
    if (block.use === "run") {
      context.diagnostic(`${((Date.now() - begun) / 1000).toFixed(1)} s: ${block.text.split("\n")[0]}`);
    }
  }
  const [one, other] = [await window(), await window()];
  await one.shows("somebody: hello from Stockholm");
  await one.says("hello from a page");
  for (const each of [one, other]) await each.shows(/^guest-\d+: hello from a page$/);
  await other.says("hello back");
  for (const each of [one, other]) await each.shows(/^guest-\d+: hello back$/);
  for (const each of [one, other]) {
    assert.equal(await each.lines(), 3, "each message once");
    assert.deepEqual(each.errors, []);
  }
  context.diagnostic(`${((Date.now() - begun) / 1000).toFixed(1)} s: two windows chat`);
});

/** A window that shows the page. */
async function window() {
  const page = await (await browser.newContext()).newPage();
  const errors = [];
  page.on("pageerror", (error) => errors.push(error.message));
  // The page has no icon, and the browser asks for one.
  const isIcon = (line) => line.location().url.endsWith("/favicon.ico");
  page.on("console", (line) => line.type() === "error" && !isIcon(line) && errors.push(line.text()));
  await page.goto(reader.here("http://127.0.0.1:4601/chat.html"));
  const lines = page.locator("li");
  return {
    errors,
    lines: () => lines.count(),
    shows: (text) => lines.filter({ hasText: text }).first().waitFor({ timeout: SHOWN_MS }),
    says: async (text) => {
      await page.locator("input").fill(text);
      await page.getByRole("button", { name: "Send" }).click();
    },
  };
}
