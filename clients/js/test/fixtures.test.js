/** The frames that stand as files in the repository, which the service's own tests write: each is read whole. */

import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { test } from "node:test";
import { readFrame } from "../src/protocol.js";

const folder = new URL("../../../tests/fixtures/protocol/out/", import.meta.url);
const names = await readdir(folder);

test("every_frame_that_the_service_writes_is_read_as_it_is", async () => {
  assert.ok(names.length > 20, "there are frames of every kind");
  for (const name of names) {
    const text = await readFile(new URL(name, folder), "utf8");
    assert.deepEqual(readFrame(text), JSON.parse(text), name);
  }
});

test("a_frame_with_fields_of_a_later_version_is_still_read", async () => {
  for (const name of names) {
    const frame = JSON.parse(await readFile(new URL(name, folder), "utf8"));
    const read = readFrame(JSON.stringify({ ...frame, colour: { later: true } }));
    assert.equal(read?.type, frame.type, name);
  }
});
