/**
 * Somebody who follows a page: an empty folder, a shell, and the page's blocks
 * one after another, to the letter.
 *
 * One thing differs from the page. The ports 4600 to 4602 are other, free ones,
 * and so the command line is told where `sorl dev` is. The shell's variables and folder
 * carry over from block to block, as in a terminal.
 */

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { isAll } from "./expected.mjs";
import { Program } from "./program.mjs";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const WEBSOCKET = new URL("websocket.mjs", import.meta.url);

/** What a block may take; a build from nothing takes longer. Bounds, so that all ends, and no claims. */
const BLOCK_MS = 60_000;
const BUILD_MS = 40 * 60_000;

/** How a program in a language is started; `js` and `python` are those of this repository. */
const STARTED = {
  sh: (file) => `source ${file}`,
  python: (file) => `python ${file}`,
  js: (file) => `node --import ${WEBSOCKET} ${file}`,
  rust: (file) => example(readFileSync(file, "utf8")),
};
const ENDINGS = { sh: "sh", python: "py", js: "mjs", rust: "rs" };

/** The Rust client's examples were built beforehand: the one whose text ends as the page's program. */
function example(text) {
  const folder = path.join(ROOT, "crates/sorl-client/examples");
  const name = readdirSync(folder).find((each) => readFileSync(path.join(folder, each), "utf8").endsWith(`\n${text}`));
  assert.ok(name, `no program in ${folder} is that of the page`);
  return path.join(ROOT, "target/release/examples", path.basename(name, ".rs"));
}

export class Reader {
  #page;
  /** The page's ports, and those that stand for them here. */
  #ports;
  #sorl;
  #folder = realpathSync(mkdtempSync(path.join(tmpdir(), "sorl-docs-")));
  #desk = mkdtempSync(path.join(tmpdir(), "sorl-docs-desk-"));
  #programs = new Map();
  #last = null;
  #parts = [];

  /** `page`: its name, for complaints; `sorl`: the binary, unless the page makes its own. */
  static async of({ page, sorl = null }) {
    return new Reader(page, sorl, await freePorts(PORTS));
  }

  constructor(page, sorl, ports) {
    this.#page = page;
    this.#sorl = sorl;
    this.#ports = ports;
    if (sorl) symlinkSync(path.join(ROOT, "node_modules"), path.join(this.#folder, "node_modules"));
    writeFileSync(path.join(this.#desk, "environment"), "");
    writeFileSync(path.join(this.#desk, "folder"), this.#folder);
  }

  /** The folder that the page works in. */
  get folder() {
    return this.#folder;
  }

  /** The page's text with this reader's ports. */
  here(text) {
    return text.replace(/\b460[0-2]\b/g, (port) => this.#ports.get(port));
  }

  async follow(blocks) {
    for (const block of blocks) await this.#follow(block);
    assert.equal(this.#parts.length, 0, `${this.#page}: a part that is never run`);
  }

  async leave() {
    for (const program of this.#programs.values()) await program.stop();
    rmSync(this.#folder, { recursive: true, force: true });
    rmSync(this.#desk, { recursive: true, force: true });
  }

  async #follow(block) {
    const { use, name, text } = block;
    if (use === "part") this.#parts.push(block);
    if (use === "file") this.#write(name, text);
    if (use === "run") await this.#run(block);
    if (use === "output" && name) await this.#program(name, block).prints(this.here(text), BLOCK_MS);
    if (use === "output" && !name) this.#compare(block);
  }

  #write(name, text) {
    const file = path.join(readFileSync(path.join(this.#desk, "folder"), "utf8").trim(), name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, this.here(text));
  }

  async #run(block) {
    const { line, name, fails } = block;
    const program = this.#start(block);
    if (name) {
      assert.ok(!this.#programs.has(name), `${this.#place(line)}: there is a program ${name} already`);
      this.#programs.set(name, program);
      return;
    }
    const bound = block.text.startsWith("cargo ") ? BUILD_MS : BLOCK_MS;
    const code = await program.ended(bound).catch(async (late) => {
      await program.stop();
      throw late;
    });
    const told = `${this.#place(line)} ended with ${code}:\n${program.printed}`;
    assert.ok(fails ? code !== 0 : code === 0, told);
    this.#last = program;
  }

  #start({ line, language, name, text }) {
    assert.ok(language in STARTED, `${this.#place(line)}: nothing here runs ${language}`);
    const parts = this.#parts.splice(0).map((part) => part.text);
    const file = path.join(this.#folder, `.page-${line}.${ENDINGS[language]}`);
    writeFileSync(file, this.here([...parts, text].join("")));
    // What runs in the background keeps its variables to itself.
    const keep = name ? "" : KEEP;
    const script = `${this.#prelude()}\n${keep}\n${STARTED[language](file)}`;
    return new Program(this.#place(line), "bash", ["-c", script], { cwd: this.#folder, env: this.#env() });
  }

  #prelude() {
    return `set -euo pipefail
DESK=${this.#desk}
source "$DESK/environment"
cd "$(cat "$DESK/folder")"
sorl() {
  case " $* " in
    *" --port "* | *" --url "* | *" --stage "* | " capacity "* | " check "* | " completion "* | " cost "* | " reference "* | " --"*) command sorl "$@" ;;
    " dev "*) command sorl "$@" --port ${this.here("4600")} ;;
    *) command sorl "$@" --url ${this.here("http://127.0.0.1:4600")} ;;
  esac
}`;
  }

  #env() {
    const { SORL_PYTHON, SORL_BIN, AWS_PROFILE, COLUMNS, ...env } = process.env;
    const python = path.dirname(SORL_PYTHON ?? path.join(ROOT, ".venv/bin/python"));
    const paths = [...(this.#sorl ? [path.dirname(this.#sorl)] : []), python, env.PATH];
    // Nothing of whoever runs the tests: no account of AWS, no width of a terminal. What is printed comes at once.
    const own = { AWS_CONFIG_FILE: "/dev/null", AWS_EC2_METADATA_DISABLED: "true", PYTHONUNBUFFERED: "1" };
    return { ...env, ...own, PATH: paths.join(":") };
  }

  #compare({ line, text }) {
    assert.ok(this.#last, `${this.#place(line)}: the output of what?`);
    const expected = this.here(text);
    const told = `${this.#place(line)} says\n${expected}but it printed\n${this.#last.printed}`;
    assert.ok(isAll(expected, this.#last.printed), told);
  }

  #program(name, { line }) {
    const program = this.#programs.get(name);
    assert.ok(program, `${this.#place(line)}: there is no program ${name}`);
    return program;
  }

  #place(line) {
    return `${this.#page}:${line}`;
  }
}

/** At the end of a block, its variables and its folder are kept for the next. */
const KEEP = `trap 'export -p > "$DESK/environment"; pwd > "$DESK/folder"' EXIT`;

const PORTS = ["4600", "4601", "4602"];

/** Free when they were asked for; the system hands the same out again only after many others. */
async function freePorts(names) {
  const servers = names.map(() => createServer());
  await Promise.all(servers.map((server) => new Promise((resolve) => server.listen(0, "127.0.0.1", resolve))));
  const ports = servers.map((server) => String(server.address().port));
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return new Map(names.map((name, at) => [name, ports[at]]));
}
