/** The examples, run: the React hook under a renderer without a page, the page as far as a text can show. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { afterEach, beforeEach, test } from "node:test";
import { act, createElement } from "react";
import { create } from "react-test-renderer";
import { useChannel } from "../examples/use_channel.js";
import { Sorl } from "../src/index.js";
import { FakeServer } from "../src/testing.js";
import { turn } from "./turn.js";

const ROOM = "room:42";

/** @type {(typeof console)["error"]} */
let complain;

beforeEach(() => {
  Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true });
  complain = console.error;
  // The renderer says that it is old; all else that React complains of is a failure.
  console.error = (...words) => {
    if (!String(words[0]).includes("react-test-renderer is deprecated")) throw new Error(words.join(" "));
  };
});

afterEach(() => {
  console.error = complain;
});

/** A component that shows a channel. @param {{ sorl: Sorl, name: string }} props */
function Room({ sorl, name }) {
  const { messages, gap, error } = useChannel(sorl, name, { rewind: 5 });
  const texts = messages.map(({ data }) => String(data));
  return createElement("p", null, [...texts, gap && "gap", error?.code].filter(Boolean).join(" "));
}

async function page() {
  const server = new FakeServer();
  const sorl = new Sorl(server.options("alice"));
  server.publish(ROOM, "before");
  /** @param {...string} names */
  const rooms = (...names) => names.map((name, key) => createElement(Room, { key, sorl, name }));
  /** Lets React and the client do what is due. @param {() => unknown} [cause] */
  const settle = (cause) => act(async () => {
    await cause?.();
    for (let n = 0; n < 3; n++) await turn();
  });
  /** @type {any} */
  let tree;
  await settle(() => {
    tree = create(createElement("div", null, rooms(ROOM)));
  });
  const connection = await server.connection();
  await settle();
  const shown = () => tree.root.findAllByType("p").map((/** @type {any} */ { children }) => children.join(""));
  const render = (/** @type {string[]} */ ...names) => {
    return settle(() => tree.update(createElement("div", null, rooms(...names))));
  };
  const actions = () => connection.received.map(({ action, channel }) => `${action} ${channel}`);
  return { server, sorl, connection, settle, shown, render, actions };
}

test("the_hook_shows_what_was_and_what_comes", async () => {
  const { server, settle, shown } = await page();
  assert.deepEqual(shown(), ["before"]);
  await settle(() => server.publish(ROOM, "live"));
  assert.deepEqual(shown(), ["before live"]);
});

test("the_hook_enters_another_channel_with_its_name_and_leaves_the_former", async () => {
  const { render, shown, actions } = await page();
  await render("room:other");
  assert.deepEqual(shown(), [""]);
  assert.deepEqual(actions(), [`subscribe ${ROOM}`, `unsubscribe ${ROOM}`, "subscribe room:other"]);
});

test("two_components_share_a_channel_and_the_last_one_leaves_it", async () => {
  const { server, settle, render, shown, actions } = await page();
  await render(ROOM, ROOM);
  await settle(() => server.publish(ROOM, "live"));
  assert.deepEqual(shown(), ["before live", "live"]);
  await render(ROOM);
  await settle(() => server.publish(ROOM, "more"));
  assert.deepEqual(shown(), ["before live more"]);
  await render();
  assert.deepEqual(actions(), [`subscribe ${ROOM}`, `unsubscribe ${ROOM}`]);
});

test("the_hook_tells_of_a_refusal", async () => {
  const { server, render, shown } = await page();
  server.on("subscribe", (from, request) => from.error(request, "forbidden"));
  await render("room:secret");
  assert.deepEqual(shown(), ["forbidden"]);
});

test("the_page_is_a_chat_in_ten_lines", async () => {
  const text = await readFile(new URL("../examples/chat.html", import.meta.url), "utf8");
  const [script = ""] = text.split("<script type=\"module\">\n").slice(1).join().split("</script>");
  assert.ok(script.trim().split("\n").length <= 10);
  for (const used of ["new Sorl(", ".subscribe(", 'on("message"', ".publish("]) assert.ok(script.includes(used));
});
