/**
 * The templates as osls packages them, offline: what CloudFormation would get, for any region and configuration.
 *
 * Not a deployment. Packaged into a folder of the test's own, so that a deployment from the same checkout is not
 * disturbed; the functions are empty zips, because the templates do not depend on what is in them.
 */
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";

import { FUNCTIONS, ROOT } from "../../infra/artifacts.mjs";
import { STACKS } from "../../infra/stacks.mjs";
import { zip } from "../../infra/zip.mjs";

const run = promisify(execFile);
export const STAGE = "t";
export const REGIONS = ["us-east-1", "eu-north-1", "ap-southeast-2"];

/** A folder that goes with the tests, holding empty functions. */
export function workshop() {
  const folder = mkdtempSync(path.join(tmpdir(), "sorl-infra-"));
  const artifacts = path.join(folder, "lambda");
  mkdirSync(artifacts);
  const empty = zip([{ name: "bootstrap", mode: 0o755, bytes: Buffer.from("#!/bin/sh\n") }]);
  for (const name of FUNCTIONS) writeFileSync(path.join(artifacts, `${name}.zip`), empty);
  return { folder, artifacts, close: () => rmSync(folder, { recursive: true }) };
}

/** The template of one stack; `toml` is the text of `sorl.toml`. */
export async function packaged({ folder, artifacts }, kind, region, { toml = "", params = {} } = {}) {
  const home = mkdtempSync(path.join(folder, `${kind}-`));
  const config = path.join(home, "sorl.toml");
  writeFileSync(config, toml);
  const all = { completeSince: "start", artifacts, ...params };
  const options = Object.entries(all).flatMap(([name, value]) => ["--param", `${name}=${value}`]);
  const out = path.join(home, "out");
  const osls = path.join(ROOT, "node_modules/osls/bin/serverless.js");
  await run(process.execPath, [osls, "package", "--stage", STAGE, "--region", region, "--package", out, ...options], {
    cwd: path.join(ROOT, STACKS[kind].folder),
    // Nothing of this machine: no credentials, no configuration.
    env: { PATH: process.env.PATH, HOME: home, SORL_CONFIG: config, NODE_NO_WARNINGS: "1" },
  });
  const file = path.join(out, "cloudformation-template-update-stack.json");
  return { file, template: JSON.parse(readFileSync(file, "utf8")) };
}

/** A template's value with what CloudFormation would fill in, as text: `<Region>`, `<LogicalId>`. */
export function plain(value) {
  if (Array.isArray(value)) return value.map(plain).filter((item) => item !== undefined);
  if (value === null || typeof value !== "object") return value;
  const [key] = Object.keys(value);
  if (key === "Ref") return value.Ref === "AWS::NoValue" ? undefined : `<${value.Ref.replace("AWS::", "")}>`;
  if (key === "Fn::GetAtt") return `<${[value[key]].flat().join(".")}>`;
  if (key === "Fn::Sub") return substituted(...[value[key]].flat());
  if (key === "Fn::Join") return plain(value[key][1]).join(value[key][0]);
  if (key === "Fn::ImportValue") return `<import ${value[key]}>`;
  if (key === "Fn::If") return plain(value[key][1]);
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, plain(item)]));
}

/** What stands beside a text goes into it, plain. */
function substituted(text, beside = {}) {
  return text.replace(/\$\{(?:AWS::)?(\w+)\}/g, (_, name) => (name in beside ? plain(beside[name]) : `<${name}>`));
}

/** The resources of a type, by logical id, plain. */
export function ofType(template, type) {
  const found = Object.entries(template.Resources).filter(([, resource]) => resource.Type === type);
  return Object.fromEntries(found.map(([id, resource]) => [id, plain(resource)]));
}
