/**
 * The packaged functions: where they lie, and whether they still are what the sources and `sorl.toml` say.
 *
 * Written by `package.mjs`, checked by `deploy.mjs`. Not the building (package.mjs). Nothing stale is deployed: the
 * manifest has a digest of every zip, of the configuration inside, and of every file that the compiler read.
 */
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";

import stage from "./stage.cjs";

export const { ROOT } = stage;
/** The handlers of core, and the canary, which is a client. */
export const HANDLERS = ["authorize", "connect", "disconnect", "command", "deliver"];
export const FUNCTIONS = [...HANDLERS, "canary"];
export const ARTIFACTS = "target/lambda";
const MANIFEST = "artifacts.json";

export const manifestPath = (folder) => path.join(ROOT, folder, MANIFEST);
export const digest = (bytes) => createHash("sha256").update(bytes).digest("hex");

/** One digest for many files, by path and content; a file that is gone counts as one that changed. */
export function digestOf(files) {
  const hash = createHash("sha256");
  for (const file of [...files].sort()) {
    const whole = path.join(ROOT, file);
    hash.update(`${file}\n${existsSync(whole) ? digest(readFileSync(whole)) : "gone"}\n`);
  }
  return hash.digest("hex");
}

/** The files that the compiler read for a binary, as cargo notes them beside it, relative to the repository. */
export function sourcesOf(binary) {
  const rule = readFileSync(`${binary}.d`, "utf8").split("\n", 1)[0];
  const files = rule.slice(rule.indexOf(": ") + 2).split(/(?<!\\) /);
  return files.map((file) => path.relative(ROOT, path.resolve(ROOT, file.replaceAll("\\ ", " "))));
}

/** Throws, saying what to do, unless what lies in `folder` may be deployed. */
export function checkArtifacts(folder, { config, architecture }) {
  const again = `run: make package${architecture === "arm64" ? " ARCH=arm64" : ""}`;
  const file = manifestPath(folder);
  if (!existsSync(file)) throw new Error(`nothing is packaged in ${folder}; ${again}`);
  const manifest = JSON.parse(readFileSync(file, "utf8"));
  if (manifest.architecture !== architecture) {
    throw new Error(`packaged for ${manifest.architecture}, not for ${architecture}; ${again}`);
  }
  if (digest(readFileSync(config)) !== manifest.config.digest) {
    throw new Error(`${config} is not what was packaged (${manifest.config.path}); ${again} with the same CONFIG`);
  }
  if (digestOf(manifest.sources.files) !== manifest.sources.digest) {
    throw new Error(`the sources changed since they were packaged; ${again}`);
  }
  for (const name of FUNCTIONS) {
    const zip = path.join(ROOT, folder, `${name}.zip`);
    if (!existsSync(zip) || digest(readFileSync(zip)) !== manifest.functions[name]?.digest) {
      throw new Error(`${zip} is not what was packaged; ${again}`);
    }
  }
  return manifest;
}
