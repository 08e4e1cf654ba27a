/** The protocol's page against this client: what it shows is read, and what is sent is on it. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { Sorl } from "../src/index.js";
import { readFrame } from "../src/protocol.js";
import { FakeClock, FakeServer } from "../src/testing.js";
import { turn } from "./turn.js";

const page = await readFile(new URL("../../../PROTOCOL.md", import.meta.url), "utf8");

/** The lines of the first block of JSON below a heading. @param {string} heading */
function examples(heading) {
  const block = page.split(`\n### ${heading}\n`)[1]?.split("```json\n")[1]?.split("\n```")[0];
  assert.ok(block, `the page has JSON below ${heading}`);
  return block.split("\n");
}

test("every_frame_on_the_page_is_read", () => {
  const lines = examples("Server to client");
  const types = lines.map((line) => {
    const frame = readFrame(line);
    assert.deepEqual(frame, JSON.parse(line));
    return frame?.type;
  });
  assert.deepEqual(types, ["reply", "error", "messages", "unsubscribed", "presence", "bye"]);
});

test("a_subscribe_and_a_publish_have_the_fields_on_the_page", async () => {
  const clock = new FakeClock();
  const server = new FakeServer({ clock });
  const sorl = new Sorl(server.options("alice"));
  const room = sorl.subscribe("room:42");
  (await server.connection()).end();
  await turn();
  clock.advance(10_000);
  const connection = await server.connection();
  await room.publish({ text: "hello" });
  for (const line of examples("Client to server")) {
    const shown = JSON.parse(line);
    const sent = await connection.next(shown.action);
    assert.deepEqual(Object.keys(sent).sort(), Object.keys(shown).sort());
  }
});
