/**
 * The console in a browser's tab, in the words of whoever sits before it.
 *
 * Everything waits for what is to be seen, within a generous time; nothing
 * sleeps. An error that the page logs or throws fails the test that closes it.
 */

import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const SCREENSHOTS = fileURLToPath(new URL("../../target/screenshots/", import.meta.url));
const PATIENCE_MS = 20_000;

/** A browser; `more` are further flags of it. */
export function launch(more = []) {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--headless=new",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      ...more,
    ],
  });
}

/** A tab that shows the whole console. */
export async function open(browser, url, { width = 1440, height = 900, dark = false, motion = false } = {}) {
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme: dark ? "dark" : "light",
    reducedMotion: motion ? "no-preference" : "reduce",
  });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  const errors = [];
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("console", (line) => line.type() === "error" && errors.push(line.text()));
  await page.goto(url);
  await page.getByTestId("pane").first().waitFor({ state: "attached" });
  const close = async () => {
    await context.close();
    assert.deepEqual(errors, [], "the page must log no error");
  };
  return { page, close, pane: (region) => new Pane(page, region) };
}

/** A tab that one region has to itself, with somebody connected there. */
export async function join(browser, url, { region, user, channel }) {
  const tab = await open(browser, `${url}/#region=${region}&user=${user}&channel=${channel}`);
  const pane = tab.pane(region);
  await pane.state("connected");
  await pane.entered();
  return { ...tab, chat: pane };
}

export async function screenshot(page, name) {
  await mkdir(SCREENSHOTS, { recursive: true });
  // The masthead stays at the top of what is seen.
  await page.evaluate(() => scrollTo({ top: 0, behavior: "instant" }));
  await page.screenshot({ path: `${SCREENSHOTS}${name}.png`, fullPage: true });
}

export class Pane {
  constructor(page, region) {
    this.page = page;
    this.root = page.locator(`[data-testid=pane][data-region="${region}"]`);
  }

  part(name) {
    return this.root.getByTestId(name);
  }

  /** Waits until the connection is in that state. */
  async state(state) {
    await this.root.locator(`[data-testid=state][data-state="${state}"]`).waitFor();
  }

  /** Waits until the channel is entered. */
  async entered() {
    await this.note(/^In /);
  }

  async note(text) {
    await this.part("note").filter({ hasText: text }).first().waitFor();
  }

  async say(text) {
    await this.part("text").fill(text);
    await this.part("send").click();
  }

  /** The line of the message with that text, once it is shown. */
  async heard(text) {
    const line = this.part("message").filter({ hasText: text }).first();
    await line.waitFor();
    return line;
  }

  /** How often a message with that text is shown by now. */
  times(text) {
    return this.part("message").filter({ hasText: text }).count();
  }

  /** Waits until these are the members, whatever the order. */
  async members(...names) {
    const wanted = [...names].sort().join(" ");
    const list = await this.part("members").elementHandle();
    await this.page.waitForFunction(
      ([element, expected]) => {
        const items = [...element.querySelectorAll("[data-testid=member]")];
        return items.map((item) => item.textContent.trim()).sort().join(" ") === expected;
      },
      [list, wanted],
    );
  }
}
