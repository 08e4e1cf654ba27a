/** The client over a real socket, with the WebSocket that Node 20 users bring. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import * as ws from "ws";
import { Sorl } from "../src/index.js";
import { messageId } from "../src/testing.js";

/** A service on a real socket that knows `subscribe` and `publish` only. */
async function serve() {
  const server = new ws.WebSocketServer({
    port: 0,
    handleProtocols: (offered) => (offered.has("sorl.v1") ? "sorl.v1" : false),
    verifyClient: (/** @type {{ req: import("node:http").IncomingMessage }} */ { req }) =>
      !req.headers["sec-websocket-protocol"]?.includes("sorl.token.bad"),
  });
  await once(server, "listening");
  server.on("connection", (socket) => {
    socket.on("message", (text) => {
      const { id, channel, data, since } = JSON.parse(String(text));
      const message = { id: messageId(Date.now(), id), channel, data, at: 1, region: "a" };
      const result = { messages: [], recovered: true, more: false, cursor: since ?? message.id };
      socket.send(JSON.stringify({ type: "reply", id, result: { ...result, message_id: message.id } }));
      if (data) socket.send(JSON.stringify({ type: "messages", messages: [message] }));
    });
  });
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  const endpoints = [{ region: "a", url: `ws://127.0.0.1:${port}/regions/a` }];
  return { server, endpoints };
}

test("it_speaks_over_a_real_WebSocket_and_returns_after_a_cut", async () => {
  const { server, endpoints } = await serve();
  const sorl = new Sorl({ endpoints, token: "e30.e30.sig", WebSocket: ws.WebSocket });
  const room = sorl.subscribe("room:1");
  const shown = new Promise((resolve) => room.on("message", ({ data }) => resolve(data)));
  await room.publish("over the wire");
  assert.equal(await shown, "over the wire");
  const resumed = new Promise((resolve) => room.on("subscribed", resolve));
  for (const socket of server.clients) socket.terminate();
  assert.deepEqual(await resumed, { region: "a", recovered: true, resumed: true });
  sorl.close();
  server.close();
});

test("a_refused_handshake_is_a_failed_attempt_with_its_reason", async () => {
  const { server, endpoints } = await serve();
  const sorl = new Sorl({ endpoints, token: "bad", WebSocket: ws.WebSocket });
  const error = new Promise((resolve) => sorl.on("error", resolve));
  sorl.connect();
  const { code, temporary, message } = /** @type {any} */ (await error);
  assert.deepEqual([code, temporary], ["failed", true]);
  assert.match(message, /401/);
  sorl.close();
  server.close();
});
