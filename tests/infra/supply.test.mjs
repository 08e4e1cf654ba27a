/**
 * Where everything that is installed comes from: pinned to the byte, from the registries only, under licences that we
 * chose, and without running anybody's code on the way.
 *
 * Not known faults in what is installed (`make audit`), and not what is inside what ships (sbom.test.mjs). Licences and
 * sources of crates are `make deny`'s; what they rest on, the lock file and its checksums, is looked at here.
 */
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { parse } from "smol-toml";

import { ROOT } from "../../infra/artifacts.mjs";

const text = (file) => readFileSync(path.join(ROOT, file), "utf8");
const NPM = ["", "bench/lambda/node", "bench/embedded/socketio"];
const NPM_MANIFESTS = [...NPM, "clients/js"].map((folder) => path.join(folder, "package.json"));
const TOOLS = readdirSync(path.join(ROOT, "infra/tools")).filter((file) => file.endsWith(".txt"));
const PYTHON = [
  "tests/clients/requirements.txt", "tests/emulator/requirements.txt", "bench/requirements.txt",
  ...TOOLS.map((file) => `infra/tools/${file}`),
];

/** Of tools that run here and ship to nobody. */
const NPM_LICENSES = [
  "0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BlueOak-1.0.0", "ISC", "MIT",
  "MPL-2.0", // axe-core, used as it is
  "PSF-2.0", "Python-2.0", // argparse, after Python's own
];
/** What wants to run a script when it is installed, and why it need not. */
const SCRIPTS_NOT_RUN = {
  "es5-ext": "prints a message",
  esbuild: "checks that its binary, a package of its own, is there",
};

/** Every package that a lock file installs, by its place. */
function packagesOf(folder) {
  const { packages } = JSON.parse(text(path.join(folder, "package-lock.json")));
  const isInstalled = ([place, { link }]) => place.includes("node_modules/") && !link;
  return Object.entries(packages).filter(isInstalled);
}

test("every crate is from crates.io, with its checksum", () => {
  const { package: crates } = parse(text("Cargo.lock"));
  const others = crates.filter(({ source }) => source !== undefined);
  assert.ok(others.length > 100);
  for (const { name, source, checksum } of others) {
    assert.equal(source, "registry+https://github.com/rust-lang/crates.io-index", name);
    assert.match(checksum ?? "", /^[0-9a-f]{64}$/, name);
  }
  const ours = crates.filter(({ source }) => source === undefined).map(({ name }) => name);
  assert.ok(ours.every((name) => name.startsWith("sorl-")), ours.join(" "));
});

test("the compiler is one exact version", () => {
  assert.match(parse(text("rust-toolchain.toml")).toolchain.channel, /^\d+\.\d+\.\d+$/);
});

test("everything that cargo builds or runs for the gate is as locked", () => {
  for (const [, line] of text("Makefile").matchAll(/\b(cargo (?:build|clippy|run|test|tree|install) .*)/g)) {
    assert.match(line, /--locked/, line);
  }
});

test("every npm package is from the registry, with its integrity", () => {
  for (const folder of NPM) {
    const packages = packagesOf(folder);
    assert.ok(packages.length > 10, folder);
    for (const [place, { resolved, integrity }] of packages) {
      // Without an address it is the registry that npm is set up with; what comes is held against the integrity.
      if (resolved !== undefined) assert.match(resolved, /^https:\/\/registry\.npmjs\.org\//, place);
      assert.match(integrity ?? "", /^sha512-/, place);
    }
  }
});

test("every npm package that is asked for is one exact version", () => {
  for (const file of NPM_MANIFESTS) {
    const { dependencies = {}, devDependencies = {} } = JSON.parse(text(file));
    for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies })) {
      assert.match(version, /^\d+\.\d+\.\d+$/, `${file}: ${name}`);
    }
  }
});

test("every npm package has a licence that was chosen", () => {
  for (const folder of NPM) {
    for (const [place, { license }] of packagesOf(folder)) {
      assert.ok(NPM_LICENSES.includes(license), `${place}: ${license}`);
    }
  }
});

test("the JavaScript client needs nothing", () => {
  const { dependencies, peerDependencies, optionalDependencies } = JSON.parse(text("clients/js/package.json"));
  assert.deepEqual([dependencies, peerDependencies, optionalDependencies], [undefined, undefined, undefined]);
});

test("no script of an npm package runs because it was installed", () => {
  assert.match(text(".npmrc"), /^ignore-scripts=true$/m);
  for (const [, line] of `${text("Makefile")}\n${text("bench/run.py")}`.matchAll(/(npm(?: |", ")(?:ci|install)\b.*)/g)) {
    assert.match(line, /--ignore-scripts/, line);
  }
  const wanting = NPM.flatMap(packagesOf).filter(([, { hasInstallScript }]) => hasInstallScript);
  const names = [...new Set(wanting.map(([place]) => place.replace(/^.*node_modules\//, "")))];
  assert.deepEqual(names.sort(), Object.keys(SCRIPTS_NOT_RUN).sort(), "say why its script need not run");
});

test("every Python package is one exact version of known bytes", () => {
  for (const file of PYTHON) {
    const lines = text(file).replaceAll("\\\n", " ").split("\n");
    const wanted = lines.map((line) => line.replace(/(^|\s)#.*$/, "").trim()).filter(Boolean);
    assert.ok(wanted.length > 0, file);
    for (const line of wanted) assert.match(line, /^[\w.-]+(\[[\w,-]+\])?==[\w.]+ .*--hash=sha256:[0-9a-f]{64}/, `${file}: ${line}`);
  }
});

test("nothing of Python's is built, only unpacked, and only what was hashed", () => {
  const installs = text("Makefile").match(/\/bin\/pip install .*/g);
  assert.ok(installs.length >= 4);
  for (const line of installs) assert.match(line, /\$\(PIP_FLAGS\)/, line);
  assert.match(text("Makefile"), /^PIP_FLAGS := .*--require-hashes --only-binary :all:/m);
});
