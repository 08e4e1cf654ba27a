/**
 * A page of the documents, read into its fenced blocks.
 *
 * The words behind a block's language say what becomes of it; a code host
 * shows only the language's colours. `tests/docs/README.md` lists them. A word
 * that is not known is a fault, so that none is lost to a slip of the pen.
 */

import { readFileSync } from "node:fs";

/**
 * @typedef {object} Block
 * @property {number} line where it opens, counted from 1
 * @property {string} language
 * @property {"shown" | "run" | "part" | "file" | "output"} use
 * @property {string | null} name the file's, or that of the program that goes on in the background
 * @property {boolean} fails whether it is to end with a failure
 * @property {string} text
 */

const FENCE = "```";

/** @returns {Block[]} */
export function readPage(file) {
  return blocks(readFileSync(file, "utf8"), file);
}

/** @returns {Block[]} */
export function blocks(text, file = "the page") {
  const found = [];
  let open = null;
  for (const [at, line] of text.split("\n").entries()) {
    if (open && line === FENCE) {
      found.push({ ...open, text: open.lines.map((each) => `${each}\n`).join("") });
      open = null;
    } else if (open) {
      open.lines.push(line);
    } else if (line.startsWith(FENCE)) {
      const [language, ...words] = line.slice(FENCE.length).split(" ").filter(Boolean);
      open = { line: at + 1, language: language ?? "", ...use(words, `${file}:${at + 1}`), lines: [] };
    }
  }
  if (open) throw new Error(`${file}:${open.line}: the block is not closed`);
  return found.map(({ lines, ...block }) => block);
}

/** What the words say: `run`, `run fails`, `run as NAME`, `part`, `file NAME`, `output`, `output of NAME`. */
function use(words, place) {
  const shown = { use: "shown", name: null, fails: false };
  const [first, second, third, ...more] = words;
  const known = [
    [words.length === 0, {}],
    [first === "part" && words.length === 1, { use: "part" }],
    [first === "run" && words.length === 1, { use: "run" }],
    [first === "run" && second === "fails" && words.length === 2, { use: "run", fails: true }],
    [first === "run" && second === "as" && third, { use: "run", name: third }],
    [first === "file" && second && !third, { use: "file", name: second }],
    [first === "output" && words.length === 1, { use: "output" }],
    [first === "output" && second === "of" && third, { use: "output", name: third }],
  ].find(([fits]) => fits && more.length === 0);
  if (!known) throw new Error(`${place}: ${JSON.stringify(words.join(" "))} says nothing that is known`);
  return { ...shown, ...known[1] };
}
