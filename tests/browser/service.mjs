/**
 * Starts the embedded service for a test file and stops it after.
 *
 * The binary is `$SORL_BIN`, or what `cargo build --release` leaves. With
 * `$SORL_URL` a service that is running already is used, and left running.
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const START_MS = 30_000;

/** Sets the channels of this run apart from those of earlier ones in the same service. */
export const RUN = Date.now().toString(36);

export async function startService() {
  if (process.env.SORL_URL) return { url: process.env.SORL_URL, stop: async () => {} };
  const binary = process.env.SORL_BIN ?? `${ROOT}target/release/sorl`;
  const port = await freePort();
  const child = spawn(binary, ["dev", "--port", String(port)], { cwd: ROOT });
  const said = [];
  child.stdout.on("data", (text) => said.push(text));
  child.stderr.on("data", (text) => said.push(text));
  const ended = once(child, "exit");
  const url = `http://127.0.0.1:${port}`;
  const failed = ended.then(([code]) => {
    throw new Error(`${binary} ended with ${code}: ${said.join("").slice(-2_000)}`);
  });
  failed.catch(() => {});
  await Promise.race([answers(`${url}/regions`), failed]);
  const stop = async () => {
    child.kill("SIGINT");
    await ended;
  };
  return { url, stop };
}

/** Resolves once the address answers. */
async function answers(address) {
  const deadline = Date.now() + START_MS;
  for (;;) {
    const answer = await fetch(address).catch(() => null);
    if (answer?.ok) return;
    if (Date.now() > deadline) throw new Error(`${address} did not answer in ${START_MS} ms`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}
