/**
 * For tests of programs that use this client: a service in the same process and
 * a clock that stands still. Nothing of it is loaded by the client.
 *
 * ```js
 * const server = new FakeServer();
 * const sorl = new Sorl({ ...server.options("alice"), region: "eu-north-1" });
 * const connection = await server.connection();
 * server.publish("room:42", { text: "hello" });
 * connection.end();
 * ```
 *
 * To extend it: `server.on(action, handler)` replaces one answer, and
 * `server.on(action, null)` leaves the frames to the test, which takes them
 * with `connection.next(action)` and answers with `reply` or `error`.
 */

export { FakeClock } from "./testing/clock.js";
export { FakeConnection } from "./testing/connection.js";
export { FakeServer, messageId } from "./testing/server.js";
