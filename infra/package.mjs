/**
 * `make package`: builds the Lambdas and zips each with `sorl.toml`, so that the same sources give the same
 * bytes; beside each zip lies its bill of materials.
 *
 * Not the deployment (deploy.mjs). What is packaged runs on provided.al2023: the right machine, no glibc above 2.34,
 * executable, small; anything else is refused here rather than by a Lambda that does not start.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";

import { ARTIFACTS, FUNCTIONS, ROOT, digest, digestOf, manifestPath, sourcesOf } from "./artifacts.mjs";
import { compareVersions, readBinary } from "./elf.mjs";
import { main } from "./main.mjs";
import { billsOfCrates, withDigest, written } from "./sbom.mjs";
import stage from "./stage.cjs";
import { zip } from "./zip.mjs";

/** What provided.al2023 has. */
const GLIBC_MAX = "2.34";
/** A bigger zip starts more slowly, and says that something crept in. */
const ZIP_MAX = 4 * 1024 * 1024;
const TRIPLES = { x86_64: "x86_64-unknown-linux-gnu", arm64: "aarch64-unknown-linux-gnu" };
const HOST = { x64: "x86_64", arm64: "arm64" }[process.arch];

await main(() => {
  const { values } = parseArgs({
    options: {
      architecture: { type: "string", default: "x86_64" },
      config: { type: "string" },
      out: { type: "string", default: ARTIFACTS },
    },
  });
  if (values.config) process.env.SORL_CONFIG = path.resolve(values.config);
  packageAll(values.architecture, stage.readConfig().file, values.out);
});

function packageAll(architecture, config, out) {
  if (!(architecture in TRIPLES)) throw new Error(`ARCH=${architecture}: x86_64 or arm64`);
  const binaries = build(architecture);
  mkdirSync(path.join(ROOT, out), { recursive: true });
  const settings = readFileSync(config);
  const functions = {};
  for (const name of FUNCTIONS) functions[name] = packageOne(name, path.join(binaries, name), settings, out, architecture);
  writeBills(functions, out, architecture);
  const files = [...new Set(FUNCTIONS.flatMap((name) => sourcesOf(path.join(binaries, name)))), "Cargo.toml", "Cargo.lock"];
  const manifest = {
    architecture,
    config: { path: path.relative(ROOT, config), digest: digest(settings) },
    functions,
    sources: { digest: digestOf(files), files: files.sort() },
  };
  writeFileSync(manifestPath(out), `${JSON.stringify(manifest, null, 2)}\n`);
}

/** What is in each zip, beside it. */
function writeBills(functions, out, architecture) {
  const bills = billsOfCrates(FUNCTIONS.map((name) => `sorl-${name}`), TRIPLES[architecture]);
  for (const name of FUNCTIONS) {
    const bill = withDigest(bills[`sorl-${name}`], functions[name].digest);
    writeFileSync(path.join(ROOT, out, `${name}.cdx.json`), written(bill));
  }
}

/** Builds all of them; returns the folder of the binaries. */
function build(architecture) {
  const isNative = architecture === HOST;
  if (!isNative) checkCross(architecture);
  const target = isNative ? [] : ["--target", TRIPLES[architecture]];
  const packages = FUNCTIONS.flatMap((name) => ["-p", `sorl-${name}`]);
  console.log(`building ${FUNCTIONS.join(", ")} for ${architecture} (minutes, the first time)`);
  const cargo = spawnSync("cargo", ["build", "--profile", "lambda", "--locked", ...target, ...packages], {
    cwd: ROOT,
    stdio: "inherit",
    env: { ...process.env, ...linker(isNative, architecture) },
  });
  if (cargo.status !== 0) throw new Error("cargo could not build the functions; see above");
  return path.join(ROOT, process.env.CARGO_TARGET_DIR ?? "target", ...(isNative ? [] : [TRIPLES[architecture]]), "lambda");
}

function crossCompiler(architecture) {
  return `${TRIPLES[architecture].split("-")[0]}-linux-gnu-gcc`;
}

/** What cargo and build scripts are told, to link for another machine. */
function linker(isNative, architecture) {
  if (isNative) return {};
  const triple = TRIPLES[architecture].replaceAll("-", "_");
  return {
    [`CARGO_TARGET_${triple.toUpperCase()}_LINKER`]: crossCompiler(architecture),
    [`CC_${triple}`]: crossCompiler(architecture),
  };
}

function checkCross(architecture) {
  const triple = TRIPLES[architecture];
  const missing = [];
  const library = execFileSync("rustc", ["--print", "target-libdir", "--target", triple], { encoding: "utf8", cwd: ROOT });
  if (!existsSync(library.trim())) missing.push(`Rust's standard library for it (rustup target add ${triple})`);
  if (spawnSync(crossCompiler(architecture), ["--version"]).error) {
    missing.push(`a cross compiler (Debian: apt-get install gcc-${triple.split("-")[0]}-linux-gnu)`);
  }
  if (missing.length > 0) throw new Error(`building for ${architecture} on this machine needs ${missing.join(" and ")}`);
}

function packageOne(name, binary, settings, out, architecture) {
  const bytes = readFileSync(binary);
  const { machine, glibc } = readBinary(bytes);
  if (machine !== architecture) throw new Error(`${binary} is for ${machine}, not ${architecture}`);
  if (compareVersions(glibc, GLIBC_MAX) > 0) {
    throw new Error(
      `${binary} needs GLIBC_${glibc}, and Lambda has ${GLIBC_MAX}: build on Debian 12 or Amazon Linux 2023, or with cargo-zigbuild`,
    );
  }
  const archive = zip([
    { name: "bootstrap", mode: 0o755, bytes },
    { name: "sorl.toml", mode: 0o644, bytes: settings },
  ]);
  const size = `${(archive.length / 1024 / 1024).toFixed(2)} MB`;
  if (archive.length > ZIP_MAX) throw new Error(`${name}.zip is ${size}, more than ${ZIP_MAX / 1024 / 1024} MB`);
  writeFileSync(path.join(ROOT, out, `${name}.zip`), archive);
  console.log(`  ${out}/${name}.zip  ${size}, GLIBC_${glibc}`);
  return { digest: digest(archive), bytes: archive.length, glibc };
}
