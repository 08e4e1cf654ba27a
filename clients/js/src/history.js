/**
 * The past of a channel: one page to await, or all pages to iterate over.
 *
 * It moves no cursor, and what it brings is not remembered as seen.
 */

import { tailOf } from "./message_id.js";

/**
 * @typedef {import("./protocol.js").Page} Page
 * @typedef {import("./protocol.js").Message} Message
 * @typedef {import("./channel.js").HistoryOptions} HistoryOptions
 * @typedef {Promise<Page> & AsyncIterable<Message>} History
 * a page when awaited; with `for await`, every message in the direction asked:
 * forwards from `since`, else from the latest, or from `before`, backwards
 */

/**
 * @param {(options: HistoryOptions) => Promise<Page>} ask for one page
 * @param {HistoryOptions} [options]
 * @returns {History}
 */
export function history(ask, options = {}) {
  const first = ask(options);
  return Object.assign(first, { [Symbol.asyncIterator]: () => all(ask, first, options) });
}

/**
 * @param {(options: HistoryOptions) => Promise<Page>} ask
 * @param {Promise<Page>} first
 * @param {HistoryOptions} options
 */
async function* all(ask, first, { since, limit }) {
  /** A retried publish may stand on two pages. @type {Set<string>} */
  const tails = new Set();
  for (let page = await first; ; ) {
    const { more, cursor } = page;
    const messages = since ? page.messages : [...page.messages].reverse();
    const before = tails.size;
    for (const message of messages) {
      const tail = tailOf(message.id);
      if (!tails.has(tail)) yield message;
      tails.add(tail);
    }
    // A page of which nothing is new would lead to itself.
    if (!more || tails.size === before) return;
    page = await ask(since ? { since: cursor, limit } : { before: messages.at(-1)?.id, limit });
  }
}
