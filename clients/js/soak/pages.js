/**
 * Serves pages that use the client's files as they stand in the repository; the
 * service has those that it was built with. Not for anything but tests.
 */

import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { text } from "node:stream/consumers";

const ROOT = new URL("..", import.meta.url);
const FILES = /^\/(src|soak|examples)\/\w+\.(js|html)$/;
const KINDS = { js: "text/javascript", html: "text/html" };

/**
 * `/token` and `/regions` are passed on to the service, as an application's own
 * server would; anything else that is no file is an empty page.
 *
 * @param {string} service its address
 */
export async function servePages(service) {
  const server = createServer(async (request, answer) => {
    const { url = "/", method } = request;
    const path = url.replace(/^\/client\//, "/src/");
    if (path === "/token" || path === "/regions") {
      const body = method === "POST" ? await text(request) : undefined;
      return answer.end(await (await fetch(service + path, { method, body })).text());
    }
    const [, , kind] = FILES.exec(path) ?? [];
    answer.setHeader("content-type", KINDS[/** @type {"js" | "html"} */ (kind ?? "html")]);
    answer.end(kind ? await readFile(new URL(`.${path}`, ROOT)) : "<!doctype html><title>Empty</title>");
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(null)));
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  return { url: `http://127.0.0.1:${port}`, stop: () => server.close() };
}
