/** What a page pays for the client: its size on the wire, and that it brings nothing along. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const MAX_BYTES = 8 * 1024;

const bundle = await build({
  entryPoints: [fileURLToPath(new URL("../src/index.js", import.meta.url))],
  bundle: true,
  minify: true,
  format: "esm",
  platform: "browser",
  metafile: true,
  write: false,
});

test("minified_and_gzipped_it_is_at_most_8_KB", (context) => {
  const [file] = bundle.outputFiles;
  const size = gzipSync(file?.contents ?? "", { level: 9 }).length;
  context.diagnostic(`${size} bytes`);
  assert.ok(size > 1_024, "there is something in it");
  assert.ok(size <= MAX_BYTES, `${size} bytes are more than ${MAX_BYTES}`);
});

test("nothing_but_its_own_files_is_loaded_by_a_relative_path_with_its_ending", () => {
  for (const [path, { imports }] of Object.entries(bundle.metafile.inputs)) {
    assert.match(path, /src\/\w+\.js$/);
    for (const { original = "" } of imports) assert.match(original, /^\.\/\w+\.js$/, path);
  }
});
