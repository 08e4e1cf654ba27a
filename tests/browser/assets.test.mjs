/**
 * What the console has from elsewhere is what npm brings: copies are equal to
 * their packages, and what is generated is what its script makes today.
 */

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { world } from "../../web/overview/make_world.mjs";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const text = (path) => readFileSync(`${ROOT}${path}`, "utf8");

/** Where each vendored file stands in its package. */
const VENDORED = {
  "uplot/uPlot.iife.min.js": "uplot/dist/uPlot.iife.min.js",
  "uplot/uPlot.min.css": "uplot/dist/uPlot.min.css",
  "uplot/LICENSE": "uplot/LICENSE",
};

test("vendored_files_are_those_of_their_packages", () => {
  for (const [copy, original] of Object.entries(VENDORED)) {
    assert.equal(text(`web/vendor/${copy}`), text(`node_modules/${original}`), copy);
  }
  const files = readdirSync(`${ROOT}web/vendor`, { recursive: true, withFileTypes: true });
  assert.equal(files.filter((file) => file.isFile()).length, Object.keys(VENDORED).length + 1, "and a README");
});

test("the_vendored_version_is_the_one_that_is_named", () => {
  const { version } = JSON.parse(text("node_modules/uplot/package.json"));
  assert.ok(text("web/vendor/README.md").includes(` ${version}: `), version);
});

test("the_world_is_what_its_script_makes", () => {
  assert.equal(text("web/overview/world.js"), world());
});
