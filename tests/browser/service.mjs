/**
 * Starts the embedded service for a test file and stops it after.
 *
 * The binary is `$SORL_BIN`, or what `cargo build --release` leaves. With
 * `$SORL_URL` a service that is running already is used, and left running.
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const START_MS = 30_000;
const STOP_MS = 30_000;

/** Sets the channels of this run apart from those of earlier ones in the same service. */
export const RUN = Date.now().toString(36);

/** Starts it; `flags` are further flags of `sorl dev`, which a service that runs already cannot be given. */
export async function startService(flags = []) {
  if (process.env.SORL_URL && flags.length === 0) return { url: process.env.SORL_URL, stop: async () => {} };
  const binary = process.env.SORL_BIN ?? `${ROOT}target/release/sorl`;
  const child = spawn(binary, ["dev", "--port", "0", "--json", ...flags], { cwd: ROOT });
  const complaints = tail(child.stderr);
  const ended = once(child, "exit");
  const failed = ended.then(([code]) => {
    throw new Error(`${binary} ended with ${code}: ${complaints()}`);
  });
  failed.catch(() => {});
  const ready = once(createInterface(child.stdout), "line");
  const [line] = await Promise.race([ready, failed, tooLong(START_MS, `${binary} to start`)]);
  const stop = async () => {
    child.kill("SIGINT");
    await Promise.race([ended, tooLong(STOP_MS, `${binary} to stop`)]).finally(() => {
      child.kill("SIGKILL");
    });
  };
  return { url: JSON.parse(line).url, stop };
}

/** The last of what a stream said. */
function tail(stream) {
  let text = "";
  stream.on("data", (more) => {
    text = (text + more).slice(-4_000);
  });
  return () => text;
}

/** Rejects after a while, and keeps nobody waiting for it. */
function tooLong(ms, what) {
  return new Promise((_, reject) => {
    setTimeout(() => reject(new Error(`it takes ${what} over ${ms} ms`)), ms).unref();
  });
}
