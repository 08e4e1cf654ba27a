/**
 * Publishing as an external program does, and the shell line that does the same.
 *
 * The line and the request are made from the same fields, so that what is
 * shown is what is sent.
 */

import { element } from "../element.js";
import { byId } from "../element.js";
import { snsPublish } from "../service.js";

/** @param {import("../service.js").Region[]} regions */
export function setUpPublish(regions) {
  const form = byId("publish", HTMLFormElement);
  const command = byId("command", HTMLElement);
  const published = byId("published", HTMLElement);
  const region = /** @type {HTMLSelectElement} */ (form.elements.namedItem("region"));
  region.append(...regions.map(({ region }) => element("option", {}, region)));

  const publishing = () => readForm(form, regions);
  const show = () => {
    command.textContent = shellLine(publishing(), location.origin);
  };
  form.addEventListener("input", show);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      const id = await snsPublish(publishing());
      published.textContent = `Accepted by SNS as ${id}`;
    } catch (error) {
      published.textContent = `Refused: ${error instanceof Error ? error.message : error}`;
    }
  });
  byId("copy", HTMLButtonElement).addEventListener("click", ({ currentTarget }) => {
    copy(command, /** @type {HTMLButtonElement} */ (currentTarget));
  });
  show();
}

/**
 * @typedef {{ region: string, topic: string, message: string, channel?: string }} Publishing
 */

/**
 * @param {HTMLFormElement} form
 * @param {import("../service.js").Region[]} regions
 * @returns {Publishing}
 */
function readForm(form, regions) {
  const fields = new FormData(form);
  const field = (/** @type {string} */ name) => String(fields.get(name) ?? "");
  const region = field("region");
  const topic = regions.find((known) => known.region === region)?.topic ?? "";
  const [channel, text] = [field("channel"), field("text")];
  if (fields.has("plain")) return { region, topic, message: text, channel };
  const user = field("user") || undefined;
  const key = field("key") || undefined;
  const message = JSON.stringify({ channel, data: { text }, user, key });
  return { region, topic, message };
}

/**
 * @param {Publishing} publishing
 * @param {string} endpoint
 */
function shellLine({ region, topic, message, channel }, endpoint) {
  const lines = [
    `aws sns publish --endpoint-url ${endpoint}`,
    `--no-sign-request --region ${region}`,
    `--topic-arn ${topic}`,
    `--message ${quote(message)}`,
  ];
  if (channel !== undefined) {
    const attributes = { channel: { DataType: "String", StringValue: channel } };
    lines.push(`--message-attributes ${quote(JSON.stringify(attributes))}`);
  }
  return lines.join(" \\\n  ");
}

/** For a POSIX shell. @param {string} text */
const quote = (text) => `'${text.replaceAll("'", `'\\''`)}'`;

/** @param {HTMLElement} from @param {HTMLButtonElement} button */
async function copy(from, button) {
  try {
    await navigator.clipboard.writeText(from.textContent ?? "");
    button.textContent = "Copied";
  } catch {
    // Without the right to the clipboard, the line is selected to be copied by hand.
    getSelection()?.selectAllChildren(from);
    button.textContent = "Selected";
  }
  setTimeout(() => {
    button.textContent = "Copy";
  }, 2_000);
}
