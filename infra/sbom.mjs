/**
 * `make sbom`: bills of materials in CycloneDX 1.6, one for each thing that ships: the Lambdas, the command line
 * (which has the console inside) and the JavaScript client.
 *
 * Not a check of what is in them: `make deny` and tests/infra/supply.test.mjs do that. A bill says what the linker may
 * have taken, by cargo's own resolution, with the checksums of Cargo.lock; nobody is asked over the network, and the
 * same sources give the same bytes.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parse } from "smol-toml";

import { FUNCTIONS, ROOT } from "./artifacts.mjs";
import { main } from "./main.mjs";

const OUT = "target/sbom";
const LINUX = { x64: "x86_64-unknown-linux-gnu", arm64: "aarch64-unknown-linux-gnu" }[process.arch];
/** What the console has from npm; copies and what is made of them (tests/browser/assets.test.mjs). */
const IN_THE_CONSOLE = ["uplot", "world-atlas"];

const text = (file) => readFileSync(path.join(ROOT, file), "utf8");
const json = (file) => JSON.parse(text(file));

/** The bills of packages that cargo builds together, by package. */
export function billsOfCrates(packages, triple = LINUX) {
  const graph = graphOf(packages, triple);
  return Object.fromEntries(packages.map((name) => [name, billOf(rootOf(graph, name), graph)]));
}

/** Adds what the built thing's bytes are. */
export function withDigest(bill, content) {
  const component = { ...bill.metadata.component, hashes: [{ alg: "SHA-256", content }] };
  return { ...bill, metadata: { ...bill.metadata, component } };
}

export const written = (bill) => `${JSON.stringify(bill, null, 2)}\n`;

/** Crates by `name version`, each with whom it needs; features as cargo unites them for these packages. */
function graphOf(packages, triple) {
  const selected = packages.flatMap((name) => ["--package", name]);
  const flags = ["--locked", "--edges", "normal", "--target", triple, "--prefix", "depth", "--format", "{p}|{l}"];
  const tree = execFileSync("cargo", ["tree", ...flags, ...selected], { cwd: ROOT, encoding: "utf8", maxBuffer: 1 << 26 });
  const checksums = new Map(parse(text("Cargo.lock")).package.map((crate) => [`${crate.name} ${crate.version}`, crate.checksum]));
  const crates = new Map();
  const above = [];
  for (const line of tree.split("\n").filter(Boolean)) {
    const [, depth, name, version, note, license] = /^(\d+)(\S+) v(\S+)(?: \((.*?)\))?\|(.*?)(?: \(\*\))?$/.exec(line);
    const key = `${name} ${version}`;
    // Where cargo writes (*), it has told what the crate needs before.
    if (!crates.has(key)) {
      crates.set(key, { name, version, license, isMacro: note === "proc-macro", checksum: checksums.get(key), needs: new Set() });
    }
    above[Number(depth)] = key;
    if (Number(depth) > 0) crates.get(above[Number(depth) - 1]).needs.add(key);
  }
  return crates;
}

function rootOf(graph, name) {
  const key = [...graph.keys()].find((known) => known.startsWith(`${name} `));
  if (!key) throw new Error(`cargo tree says nothing of ${name}`);
  return key;
}

function billOf(root, graph) {
  const reached = new Set([root]);
  for (const key of reached) for (const needed of graph.get(key).needs) reached.add(needed);
  const others = [...reached].filter((key) => key !== root).sort();
  return bill(
    { ...componentOf(graph.get(root)), type: "application" },
    others.map((key) => componentOf(graph.get(key))),
    [root, ...others].map((key) => ({
      ref: refOf(graph.get(key)),
      dependsOn: [...graph.get(key).needs].sort().map((needed) => refOf(graph.get(needed))),
    })),
  );
}

const refOf = ({ name, version }) => `pkg:cargo/${name}@${version}`;

function componentOf(crate) {
  return {
    type: "library",
    "bom-ref": refOf(crate),
    name: crate.name,
    version: crate.version,
    // A macro runs in the compiler and is not in what ships.
    ...(crate.isMacro ? { scope: "excluded" } : {}),
    ...(crate.checksum ? { hashes: [{ alg: "SHA-256", content: crate.checksum }] } : {}),
    licenses: [{ expression: crate.license.replaceAll(/\s*\/\s*/g, " OR ") }],
    purl: refOf(crate),
  };
}

function bill(component, components, dependencies) {
  return {
    $schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    version: 1,
    metadata: { component },
    components,
    dependencies,
  };
}

/** A package of package-lock.json. */
function componentOfNpm(name, lock) {
  const { version, license, integrity } = lock.packages[`node_modules/${name}`];
  const purl = `pkg:npm/${name.replace("@", "%40")}@${version}`;
  const content = Buffer.from(integrity.replace("sha512-", ""), "base64").toString("hex");
  const hashes = [{ alg: "SHA-512", content }];
  return { type: "library", "bom-ref": purl, name, version, hashes, licenses: [{ expression: license }], purl };
}

/** The command line's bill, with what the console inside it has from npm. */
export function billOfCommandLine() {
  const { "sorl-cli": crates } = billsOfCrates(["sorl-cli"]);
  const lock = json("package-lock.json");
  const assets = IN_THE_CONSOLE.map((name) => componentOfNpm(name, lock));
  const [own, ...others] = crates.dependencies;
  const refs = assets.map((asset) => asset["bom-ref"]);
  const leaves = refs.map((ref) => ({ ref, dependsOn: [] }));
  const dependencies = [{ ...own, dependsOn: [...own.dependsOn, ...refs] }, ...others, ...leaves];
  return { ...crates, components: [...crates.components, ...assets], dependencies };
}

/** The JavaScript client's bill, which is short: it needs nothing. */
export function billOfClient() {
  const { name, version, license, dependencies = {} } = json("clients/js/package.json");
  if (Object.keys(dependencies).length > 0) throw new Error(`${name} has dependencies: add them to its bill`);
  const purl = `pkg:npm/${name.replace("@", "%40")}@${version}`;
  const component = { type: "library", "bom-ref": purl, name, version, licenses: [{ expression: license }], purl };
  return bill(component, [], [{ ref: purl, dependsOn: [] }]);
}

function write() {
  mkdirSync(path.join(ROOT, OUT), { recursive: true });
  const lambdas = billsOfCrates(FUNCTIONS.map((name) => `sorl-${name}`));
  const bills = { ...lambdas, sorl: billOfCommandLine(), client: billOfClient() };
  for (const [name, each] of Object.entries(bills)) {
    const file = `${OUT}/${name}.cdx.json`;
    writeFileSync(path.join(ROOT, file), written(each));
    console.log(`  ${file}  ${each.components.length} components`);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main(write);
