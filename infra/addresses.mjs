/**
 * `target/deploy/STAGE.json`: where a stage's regions are, for clients, for the command line and for the tests.
 *
 * Not what is deployed: whoever deploys or removes says here what came of it, and only of what is there.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";

import { ROOT } from "./artifacts.mjs";

const fileOf = (stage) => path.join(ROOT, "target/deploy", `${stage}.json`);

/** Writes them, and says where. */
export function writeAddresses(addresses) {
  const file = fileOf(addresses.stage);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(addresses, null, 2)}\n`);
  return file;
}

/** Takes regions out that are there no more. */
export function forgetRegions(stage, gone) {
  if (!existsSync(fileOf(stage))) return;
  const addresses = JSON.parse(readFileSync(fileOf(stage), "utf8"));
  writeAddresses({ ...addresses, regions: addresses.regions.filter(({ region }) => !gone.includes(region)) });
}
