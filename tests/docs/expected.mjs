/**
 * What a page says that a program prints, compared with what it printed.
 *
 * `…` within a line stands for any characters, on a line of its own for any
 * lines. All else is taken to the letter, but for spaces at a line's end.
 */

const ANY = "…";

/** Where the expected text ends in what was printed, or null if it is not (yet) at its beginning. */
export function endOf(expected, printed) {
  const found = pattern(expected).exec(tidy(printed));
  return found ? found[0].length : null;
}

/** Whether the expected text is all that was printed. */
export function isAll(expected, printed) {
  const end = endOf(expected, printed);
  return end !== null && tidy(printed).slice(end).trim() === "";
}

/** Without colours and spaces at the ends of lines. */
export function tidy(text) {
  return text.replace(/\x1b\[[0-9;]*m/g, "").replace(/[ \t]+$/gm, "");
}

function pattern(expected) {
  const lines = tidy(expected).replace(/\n+$/, "").split("\n");
  const parts = lines.map((line) => (line === ANY ? "(?:.*\\n)*?" : `${escaped(line)}\\n`));
  return new RegExp(`^${parts.join("")}`);
}

function escaped(line) {
  const parts = line.split(ANY).map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
  return parts.join("[^\\n]*");
}
