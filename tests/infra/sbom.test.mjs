/** Bills of materials: whole, without what does not ship, and the same for the same sources. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";

import { FUNCTIONS, ROOT } from "../../infra/artifacts.mjs";
import { billOfClient, billOfCommandLine, billsOfCrates, withDigest, written } from "../../infra/sbom.mjs";

const PACKAGES = FUNCTIONS.map((name) => `sorl-${name}`);
const lambdas = billsOfCrates(PACKAGES);
const names = ({ components }) => components.map(({ name }) => name);

test("each Lambda's bill names what its handler and its adapters are made of", () => {
  for (const name of PACKAGES) {
    assert.equal(lambdas[name].metadata.component.name, name);
    for (const expected of ["sorl-core", "sorl-aws", "lambda_runtime", "tokio"]) {
      assert.ok(names(lambdas[name]).includes(expected), `${name}: ${expected}`);
    }
  }
  assert.ok(names(lambdas["sorl-deliver"]).includes("aws-sdk-sqs"));
});

test("what only tests and the command line need is in no Lambda's bill", () => {
  for (const name of PACKAGES) {
    // One of the Lambdas is a client.
    const client = name === "sorl-canary" ? [] : ["sorl-client"];
    for (const stranger of ["sorl-local", "sorl-tests", "axum", "proptest", "clap", ...client]) {
      assert.ok(!names(lambdas[name]).includes(stranger), `${name}: ${stranger}`);
    }
  }
});

test("every component has a version, a licence and, unless it is ours, a checksum", () => {
  for (const bill of [...Object.values(lambdas), billOfCommandLine()]) {
    for (const { name, version, licenses, hashes, purl } of bill.components) {
      assert.match(version, /^\d+\.\d+\.\d+/, name);
      assert.match(licenses[0].expression, /^[A-Za-z0-9(]/, name);
      assert.ok(name.startsWith("sorl-") || hashes?.[0].content.length >= 64, name);
      assert.match(purl, /^pkg:(cargo|npm)\/[^ ]+@/, name);
    }
  }
});

test("every dependency that is told is a component", () => {
  for (const bill of [...Object.values(lambdas), billOfCommandLine(), billOfClient()]) {
    const known = new Set([bill.metadata.component, ...bill.components].map((component) => component["bom-ref"]));
    assert.deepEqual(bill.dependencies.map(({ ref }) => ref).sort(), [...known].sort());
    for (const { dependsOn } of bill.dependencies) for (const ref of dependsOn) assert.ok(known.has(ref), ref);
  }
});

test("the same sources give the same bills", () => {
  assert.equal(written(billsOfCrates(PACKAGES)["sorl-deliver"]), written(lambdas["sorl-deliver"]));
});

test("a packaged Lambda's bill says which bytes it is of", () => {
  const bill = withDigest(lambdas["sorl-connect"], "ab".repeat(32));
  assert.deepEqual(bill.metadata.component.hashes, [{ alg: "SHA-256", content: "ab".repeat(32) }]);
});

test("the console's assets are in the command line's bill", () => {
  const vendored = readFileSync(path.join(ROOT, "web/vendor/README.md"), "utf8");
  const uplot = billOfCommandLine().components.find(({ name }) => name === "uplot");
  assert.ok(vendored.includes(` ${uplot.version}: `), uplot.version);
});
