/** What the templates take from `sorl.toml`, and what they refuse. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";

import stage from "../../infra/stage.cjs";

function read(text, reader = stage.readConfig) {
  const folder = mkdtempSync(path.join(tmpdir(), "sorl-stage-"));
  const file = path.join(folder, "sorl.toml");
  writeFileSync(file, text);
  try {
    return reader(file);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("a file without regions means those of the service", () => {
  const core = readFileSync(path.join(stage.ROOT, "crates/sorl-core/src/config/file.rs"), "utf8");
  const [, list] = core.match(/regions: \[([^\]]+)\]/);
  assert.deepEqual(read("").regions, JSON.parse(`[${list}]`));
});

test("the repository's own file is read", () => {
  const { regions, usesSecret } = stage.readConfig(path.join(stage.ROOT, "sorl.toml"));
  assert.ok(regions.length > 0 && usesSecret);
});

test("a wrong list is refused, every fault at once", () => {
  assert.throws(() => read('regions = ["us-east-1", "us-east-1"]\npublishers = ["12"]\n'), /regions:.*publishers:/);
  assert.throws(() => read("regions = []\n"), /regions/);
  assert.throws(() => read('regions = "us-east-1"\n'), /regions/);
});

test("the configuration that the template tells has no secret in it", () => {
  const secret = "a secret of more than thirty-two bytes";
  for (const auth of [`[auth]\nsecret = "${secret}"\nissuer = "me"\n`, `auth = { secret = "${secret}", issuer = "me" }\n`]) {
    const told = read(`${auth}[namespaces.room]\nshards = 2\n`, stage.toldConfig);
    assert.ok(!told.includes(secret) && told.includes("issuer") && told.includes("shards = 2"), told);
  }
});

test("a stage's name fits into the names made of it", () => {
  for (const name of ["dev", "a", "x".repeat(32)]) assert.equal(stage.checkStage(name), name);
  for (const name of ["", "a b", "a_b", "x".repeat(33), undefined]) assert.throws(() => stage.checkStage(name), /1 to 32/);
  const longest = `sorl-${"x".repeat(32)}-disconnect-ap-southeast-2`;
  assert.ok(longest.length <= 64, "AWS bounds a role's name to 64 characters");
});
