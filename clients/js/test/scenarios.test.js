/** The scenarios that all clients run, against this one: every frame out, every message shown, at its time. */

import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { test } from "node:test";
import { Stage } from "./scenario/stage.js";

const folder = new URL("../../../tests/scenarios/", import.meta.url);
const files = (await readdir(folder)).filter((name) => name.endsWith(".json"));

test("there_are_scenarios", () => assert.ok(files.length > 30));

for (const file of files) {
  test(file.replace(/\.json$/, ""), async () => {
    const { client, steps } = JSON.parse(await readFile(new URL(file, folder), "utf8"));
    const stage = new Stage(client);
    for (const [n, step] of steps.entries()) {
      try {
        await stage.play(step);
      } catch (error) {
        const { message } = /** @type {Error} */ (error);
        throw new Error(`step ${n + 1}, ${JSON.stringify(step).slice(0, 200)}: ${message}`);
      }
    }
    stage.end();
  });
}
