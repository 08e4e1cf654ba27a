/** The ten-line page in headless Chromium, against the release binary: two visitors, one chat. */

import { after, before, test } from "node:test";
import { startService } from "../../../tests/browser/service.mjs";
import { launch } from "../../../tests/browser/tab.mjs";
import { servePages } from "../soak/pages.js";

let browser;
let service;
let pages;

before(async () => {
  [browser, service] = await Promise.all([launch(), startService()]);
  pages = await servePages(service.url);
});

after(async () => {
  await browser?.close();
  pages?.stop();
  await service?.stop();
});

async function visitor() {
  const page = await browser.newPage();
  await page.goto(`${pages.url}/examples/chat.html`);
  return page;
}

test("what_one_visitor_says_both_see_and_who_comes_later_too", async () => {
  const [one, two] = await Promise.all([visitor(), visitor()]);
  await one.fill("[name=text]", "hello <b>there</b>");
  await one.click("button");
  for (const page of [one, two]) await page.getByText("guest: hello <b>there</b>").waitFor();
  await (await visitor()).getByText("guest: hello <b>there</b>").waitFor();
});
