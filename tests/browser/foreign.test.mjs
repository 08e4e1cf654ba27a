/**
 * Pages from elsewhere, in a real browser: what a foreign page can make its
 * visitor's Chromium do to a service on this machine.
 *
 * The browser takes names under `.example` for this machine, so that the pages
 * have origins of their own.
 */

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { WebSocket } from "ws";
import { RUN, startService } from "./service.mjs";
import { launch } from "./tab.mjs";

const REGION = "us-east-1";
const PATIENCE_MS = 20_000;

let pages;
let folder;
let service;
let browser;

before(async () => {
  pages = createServer((_request, response) => {
    response.setHeader("content-type", "text/html");
    response.end("<!doctype html><title>a page</title>");
  });
  pages.listen(0, "127.0.0.1");
  await once(pages, "listening");
  folder = await mkdtemp(join(tmpdir(), "sorl-foreign-"));
  const config = join(folder, "sorl.toml");
  const grants = '[namespaces.room]\ngrants = ["*"]\n';
  await writeFile(config, `[auth]\norigins = ["${at("chat.example")}"]\n${grants}`);
  service = await startService(["--config", config]);
  browser = await launch(["--host-resolver-rules=MAP *.example 127.0.0.1"]);
});

after(async () => {
  await browser?.close();
  await service?.stop();
  pages?.close();
  if (folder) await rm(folder, { recursive: true });
});

const at = (name) => `http://${name}:${pages.address().port}`;

const socketUrl = () => `${service.url.replace("http", "ws")}/regions/${REGION}`;

async function token(user) {
  const answer = await fetch(`${service.url}/token`, { method: "POST", body: JSON.stringify({ user }) });
  return (await answer.json()).token;
}

/** Opens a WebSocket from a page and tells whether it opened, and what a ping was answered. */
async function knock(origin, offered) {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(origin);
  const told = await page.evaluate(
    ([url, protocols, patience]) =>
      new Promise((resolve, reject) => {
        setTimeout(() => reject(new Error("neither opened nor closed")), patience);
        const socket = new WebSocket(url, protocols);
        socket.onopen = () => socket.send('{"action":"ping","id":7}');
        socket.onmessage = ({ data }) => resolve(JSON.parse(data));
        socket.onclose = ({ code }) => resolve({ closed: code });
      }),
    [socketUrl(), offered, PATIENCE_MS],
  );
  await context.close();
  return told;
}

test("a_foreign_page_cannot_open_a_websocket_even_with_a_token_and_a_named_page_can", async () => {
  const offered = ["sorl.v1", `sorl.token.${await token("alice")}`];
  const named = await knock(at("chat.example"), offered);
  assert.deepEqual([named.type, named.id], ["reply", 7]);
  assert.deepEqual(await knock(at("evil.example"), offered), { closed: 1006 });
  assert.deepEqual(await knock(at("chat.example"), ["sorl.v1"]), { closed: 1006 }, "nothing without a token");
});

test("a_foreign_page_gets_no_token_and_publishes_nothing", async () => {
  const channel = `room:foreign-${RUN}`;
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(at("evil.example"));
  const message = JSON.stringify({ channel, data: "forged" });
  const topic = `arn:aws:sns:${REGION}:000000000000:sorl-dev-messages`;
  const asked = await page.evaluate(
    async ([url, form]) => {
      const outcome = (promise) => promise.then((answer) => answer.type, () => "refused by the browser");
      const body = new URLSearchParams(form);
      return [
        await outcome(fetch(`${url}/token`, { method: "POST", body: '{"user":"alice"}' })),
        await outcome(fetch(`${url}/dead-letters`)),
        // A form goes out without being asked for, and its answer cannot be read.
        await outcome(fetch(url, { method: "POST", mode: "no-cors", body })),
      ];
    },
    [service.url, { Action: "Publish", TopicArn: topic, Message: message }],
  );
  await context.close();
  assert.deepEqual(asked, ["refused by the browser", "refused by the browser", "opaque"]);
  assert.deepEqual(await history(channel), []);
});

/** What others published in a channel, once what is published here after it has arrived. */
async function history(channel) {
  const socket = new WebSocket(socketUrl(), ["sorl.v1", `sorl.token.${await token("bob")}`]);
  await once(socket, "open");
  const answers = new Map();
  socket.on("message", (text) => {
    const frame = JSON.parse(text);
    answers.get(frame.id)?.(frame);
  });
  let id = 0;
  const ask = (request) => {
    id += 1;
    socket.send(JSON.stringify({ id, ...request }));
    return new Promise((resolve) => answers.set(id, resolve));
  };
  const last = (await ask({ action: "publish", channel, data: "last" })).result.message_id;
  for (;;) {
    const { messages } = (await ask({ action: "history", channel })).result;
    if (messages.some((message) => message.id === last)) {
      socket.close();
      return messages.filter((message) => message.id !== last);
    }
  }
}
