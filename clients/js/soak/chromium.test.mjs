/** The soak in a page of headless Chromium, against the release binary. */

import { after, before, test } from "node:test";
import { RUN, startService } from "../../../tests/browser/service.mjs";
import { launch } from "../../../tests/browser/tab.mjs";
import { servePages } from "./pages.js";
import { inBadWeather, judge, judgeMemory, SAMPLES, SECONDS } from "./weather.js";

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

test("in_chromium_nothing_is_lost_or_shown_twice_and_memory_is_flat", async (context) => {
  const page = await browser.newPage();
  await page.goto(pages.url);
  const devtools = await page.context().newCDPSession(page);
  const heaps = [];
  const sample = async () => {
    await devtools.send("HeapProfiler.collectGarbage");
    heaps.push((await devtools.send("Runtime.getHeapUsage")).usedSize);
  };
  const timer = setInterval(sample, (SECONDS * 1_000) / SAMPLES);
  const options = { url: service.url, seconds: SECONDS, run: `${RUN}-page` };
  const work = page.evaluate(async (given) => (await import("/soak/life.js")).soak(given), options);
  const report = await inBadWeather(service.url, work).finally(() => clearInterval(timer));
  context.diagnostic(JSON.stringify({ ...report, heaps }));
  judge(report);
  judgeMemory(heaps, report);
});
