/** What is packaged runs on Lambda, is the same for the same sources, and is refused once it is stale. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, test } from "node:test";

import { FUNCTIONS, ROOT, checkArtifacts, digest, digestOf } from "../../infra/artifacts.mjs";
import { compareVersions, readBinary } from "../../infra/elf.mjs";
import { zip } from "../../infra/zip.mjs";

let folder;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "sorl-artifacts-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** A folder as `make package` leaves it, of one source file. */
function packagedFolder() {
  const inside = path.relative(ROOT, folder);
  const source = path.join(inside, "main.rs");
  const config = path.join(folder, "sorl.toml");
  writeFileSync(path.join(ROOT, source), "fn main() {}\n");
  writeFileSync(config, 'stage = "dev"\n');
  const functions = {};
  for (const name of FUNCTIONS) {
    const bytes = zip([{ name: "bootstrap", mode: 0o755, bytes: Buffer.from(name) }]);
    writeFileSync(path.join(folder, `${name}.zip`), bytes);
    functions[name] = { digest: digest(bytes) };
  }
  const manifest = {
    architecture: "x86_64",
    config: { path: config, digest: digest(readFileSync(config)) },
    functions,
    sources: { files: [source], digest: digestOf([source]) },
  };
  writeFileSync(path.join(folder, "artifacts.json"), JSON.stringify(manifest));
  return { check: (more = {}) => checkArtifacts(inside, { config, architecture: "x86_64", ...more }), config, source };
}

test("what was packaged from the present sources may be deployed", () => {
  packagedFolder().check();
});

test("nothing packaged is refused", () => {
  const check = () => checkArtifacts(path.relative(ROOT, folder), { config: "sorl.toml", architecture: "x86_64" });
  assert.throws(check, /nothing is packaged.*make package/);
});

test("a changed source is refused", () => {
  const { check, source } = packagedFolder();
  writeFileSync(path.join(ROOT, source), "fn main() { }\n");
  assert.throws(check, /sources changed.*make package/);
  rmSync(path.join(ROOT, source));
  assert.throws(check, /sources changed/);
});

test("another configuration is refused", () => {
  const { check, config } = packagedFolder();
  writeFileSync(config, 'stage = "prod"\n');
  assert.throws(check, /not what was packaged.*same CONFIG/);
});

test("a zip that was changed or is gone is refused", () => {
  const { check } = packagedFolder();
  writeFileSync(path.join(folder, "deliver.zip"), "other");
  assert.throws(check, /deliver\.zip is not what was packaged/);
  rmSync(path.join(folder, "deliver.zip"));
  assert.throws(check, /deliver\.zip is not what was packaged/);
});

test("another architecture is refused", () => {
  assert.throws(() => packagedFolder().check({ architecture: "arm64" }), /packaged for x86_64.*make package ARCH=arm64/);
});

test("the same files give the same zip, executable and without a date", () => {
  const files = [{ name: "bootstrap", mode: 0o755, bytes: Buffer.from("x".repeat(1000)) }];
  const bytes = zip(files);
  assert.deepEqual(zip(files), bytes);
  const entry = bytes.indexOf("PK\x01\x02", 0, "latin1");
  assert.equal(bytes.readUInt32LE(entry + 38) >>> 16, 0o100755);
  assert.equal(bytes.readUInt32LE(entry + 12), 0x00210000);
});

test("a binary's machine and its glibc are read without other tools", () => {
  const { machine, glibc } = readBinary(readFileSync(process.execPath));
  assert.equal(machine, { x64: "x86_64", arm64: "arm64" }[process.arch]);
  assert.match(glibc, /^2\.\d+(\.\d+)?$/);
  assert.throws(() => readBinary(Buffer.from("#!/bin/sh")), /not a 64-bit Linux binary/);
});

test("versions are compared as numbers", () => {
  assert.ok(compareVersions("2.9", "2.34") < 0);
  assert.ok(compareVersions("2.34", "2.34.1") < 0);
  assert.equal(compareVersions("2.34", "2.34"), 0);
});
