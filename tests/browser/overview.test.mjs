/**
 * What the console shows of the stage: map, latencies, charts, the way of a
 * message, one verdict on all of it; for every screen, theme and hand.
 */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { RUN, startService } from "./service.mjs";
import { launch, open, screenshot } from "./tab.mjs";

const REGIONS = ["us-east-1", "eu-north-1", "ap-southeast-2"];
const [US, EU, AP] = REGIONS;
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Bytes of the whole page: what an operator on a slow line waits for. */
const BUDGET = 500_000;

let service;
let browser;

before(async () => {
  service = await startService();
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await service?.stop();
});

/** A tab with somebody connected in each region. */
async function connected(how) {
  const tab = await open(browser, service.url, how);
  await tab.page.getByTestId("connect-all").click();
  for (const region of REGIONS) await tab.pane(region).entered();
  return tab;
}

/** Publishes as an external program does. */
async function publish(region, message) {
  const form = new URLSearchParams({
    Action: "Publish",
    Version: "2010-03-31",
    TopicArn: `arn:aws:sns:${region}:000000000000:sorl-dev-messages`,
    Message: message,
  });
  const answer = await fetch(service.url, { method: "POST", body: form });
  assert.equal(answer.status, 200);
}

/** A few messages from every region, until the page has heard of them all. */
async function talk({ page, pane }) {
  for (const region of REGIONS) {
    await publish(region, JSON.stringify({ channel: "room:lobby", data: `News from ${region}`, user: "news" }));
    await pane(region).say(`Good morning from ${region}`);
  }
  for (const region of REGIONS) {
    for (const other of REGIONS) await pane(region).heard(`Good morning from ${other}`);
  }
  for (const origin of REGIONS) {
    for (const region of REGIONS) {
      await page.getByTestId(`latency-${origin}-${region}`).filter({ hasText: "ms" }).waitFor();
    }
  }
}

async function faults(wanted) {
  const headers = { "content-type": "application/json" };
  await fetch(`${service.url}/faults`, { method: "POST", headers, body: JSON.stringify(wanted) });
}

/** The verdict once there is one; dead letters of another test make it a warning. */
const calm = (page) => page.locator("[data-testid=verdict]:is([data-level=good], [data-level=warn])");

test("the_map_and_the_table_show_every_region_and_who_is_connected", async () => {
  const { page, close } = await connected();
  for (const region of REGIONS) {
    await page.getByTestId(`map-connections-${region}`).getByText("1", { exact: true }).waitFor();
    await page.getByTestId(`region-${region}`).locator("td").first().getByText("1", { exact: true }).waitFor();
  }
  const label = await page.getByTestId("map").getByRole("img").getAttribute("aria-label");
  assert.equal(label, "World map: 3 regions, 3 connections");
  await close();
});

test("a_message_shows_its_way_in_the_inspector", async () => {
  const { page, pane, close } = await connected();
  const text = `inspect me ${RUN}`;
  await pane(US).say(text);
  const line = await pane(AP).heard(text);
  const id = await line.getAttribute("data-id");
  await page.locator(`[data-testid=way][data-id="${id}"]`).waitFor();
  await line.getByTestId("inspect").click();
  await page.getByTestId("way-id").getByText(id).waitFor();
  for (const region of REGIONS) {
    const words = page.getByTestId(`way-${region}`);
    await words.filter({ hasText: /queued .+ received \+.+ posted \+.+ to 1 connection/ }).waitFor();
  }
  assert.equal(await page.getByTestId("way-channel").textContent(), "room:lobby");
  await page.getByTestId("ways-filter").fill("room:nowhere");
  await page.getByTestId("ways").getByText("No message in such a channel.").waitFor();
  await pane(US).part("focus").click();
  await page.getByTestId("inspector").waitFor({ state: "hidden" });
  await (await pane(US).heard(text)).getByTestId("inspect").click();
  await page.getByTestId("way-id").getByText(id).waitFor();
  await close();
});

test("messages_fly_over_the_map_unless_motion_is_unwanted", async () => {
  const moving = await connected({ motion: true });
  const spark = moving.page.locator(".spark").first().waitFor({ state: "attached" });
  await moving.pane(EU).say(`fly ${RUN}`);
  await spark;
  await moving.close();
  const still = await connected();
  await still.pane(EU).say(`stay ${RUN}`);
  const line = await still.pane(US).heard(`stay ${RUN}`);
  const id = await line.getAttribute("data-id");
  await still.page.locator(`[data-testid=way][data-id="${id}"]`).waitFor();
  assert.equal(await still.page.locator(".spark, .ripple").count(), 0);
  await still.close();
});

test("charts_move_and_latencies_fill_in", async () => {
  const tab = await connected();
  const drawing = () => tab.page.locator("[data-testid=chart-delivered] canvas").evaluate((canvas) => canvas.toDataURL());
  const before = await drawing();
  await talk(tab);
  await tab.page.getByTestId("chart-coalescing").locator(".value").filter({ hasText: /^[1-9]/ }).waitFor();
  assert.notEqual(await drawing(), before);
  await tab.close();
});

test("one_glance_says_whether_all_is_well", async () => {
  const { page, close } = await open(browser, service.url);
  await calm(page).waitFor();
  try {
    await page.getByTestId(`cut-${EU}`).check();
    await page.locator("[data-testid=verdict][data-level=bad]").getByText("1 region is cut off").waitFor();
    await page.locator(`[data-testid="map-${EU}"].cut`).waitFor();
    await page.getByTestId(`region-state-${EU}`).getByText("cut off").waitFor();
    await publish(US, JSON.stringify({ channel: "room:wait", data: 1 }));
    const waiting = page.getByTestId(`region-${EU}`).locator("td").nth(3);
    await waiting.getByText("1", { exact: true }).waitFor();
  } finally {
    await faults({});
  }
  await calm(page).waitFor();
  await close();
});

test("the_theme_is_the_systems_until_one_is_chosen", async () => {
  const { page, close } = await open(browser, service.url, { dark: true });
  const colour = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
  const dark = await colour();
  await page.getByTestId("theme").selectOption("light");
  const light = await colour();
  assert.notEqual(light, dark);
  await page.reload();
  await page.getByTestId("pane").first().waitFor({ state: "attached" });
  assert.equal(await colour(), light);
  await page.getByTestId("theme").selectOption("auto");
  assert.equal(await colour(), dark);
  await close();
});

/** Presses Tab until the element with that test id has the focus. */
async function tabTo(page, wanted, within = "body") {
  for (let presses = 0; presses < 120; presses++) {
    await page.keyboard.press("Tab");
    const isThere = await page.evaluate(
      ([id, place]) => document.activeElement?.matches(`${place} [data-testid="${id}"]`),
      [wanted, within],
    );
    if (isThere) return;
  }
  assert.fail(`no way to ${wanted} by the tab key`);
}

test("the_keyboard_alone_connects_writes_inspects_and_breaks", async () => {
  const { page, pane, close } = await open(browser, service.url);
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  const chat = `[data-region="${US}"]`;
  await tabTo(page, "user", chat);
  await page.keyboard.press("Enter");
  await pane(US).entered();
  await tabTo(page, "text", chat);
  for (const text of ["by hand 1", "by hand 2"]) {
    await page.keyboard.type(`${text} ${RUN}`);
    await page.keyboard.press("Enter");
    await pane(US).heard(`${text} ${RUN}`);
  }
  const last = await (await pane(US).heard(`by hand 2 ${RUN}`)).getAttribute("data-id");
  await page.locator(`[data-testid=way][data-id="${last}"]`).waitFor();
  await tabTo(page, "way");
  await page.keyboard.press("ArrowDown");
  const before = await (await pane(US).heard(`by hand 1 ${RUN}`)).getAttribute("data-id");
  await page.getByTestId("way-id").getByText(before).waitFor();
  await tabTo(page, `cut-${US}`);
  try {
    await page.keyboard.press("Space");
    await page.getByTestId("faults-badge").getByText(`${US} cut off`).waitFor();
    await page.keyboard.press("Space");
    await page.getByTestId("faults-badge").waitFor({ state: "hidden" });
  } finally {
    await faults({});
  }
  await close();
});

test("axe_finds_no_serious_fault_in_light_and_dark", async () => {
  await publish(US, "neither JSON nor a channel");
  for (const dark of [false, true]) {
    const tab = await connected({ dark });
    await talk(tab);
    await tab.page.getByTestId("dead-letter").first().waitFor();
    await tab.page.evaluate(AXE);
    const { violations } = await tab.page.evaluate(() => globalThis.axe.run(document));
    const faulty = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
    const told = faulty.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join("\n  ")}`);
    assert.deepEqual(told, [], dark ? "dark" : "light");
    await tab.close();
  }
});

test("it_fits_phone_laptop_and_wide_screen_in_light_and_dark", async () => {
  for (const [width, height] of [[390, 844], [1280, 800], [1920, 1080]]) {
    for (const dark of [false, true]) {
      const tab = await connected({ width, height, dark });
      await talk(tab);
      await tab.pane(AP).members("alice", "bob", "carol");
      const overflow = await tab.page.evaluate(
        () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
      );
      assert.equal(overflow, 0, `${width}: nothing sticks out sideways`);
      await screenshot(tab.page, `console-${width}-${dark ? "dark" : "light"}`);
      await tab.close();
    }
  }
});

test("the_page_is_light", async (t) => {
  const { page, close } = await open(browser, service.url);
  const { bytes, files, paint } = await page.evaluate(() => {
    const loaded = performance.getEntriesByType("resource").filter(({ initiatorType }) => initiatorType !== "fetch");
    const all = [...performance.getEntriesByType("navigation"), ...loaded];
    const bytes = all.reduce((sum, { transferSize }) => sum + transferSize, 0);
    const [first] = performance.getEntriesByName("first-contentful-paint");
    return { bytes, files: all.length, paint: first?.startTime ?? 0 };
  });
  t.diagnostic(`${bytes} bytes in ${files} files, first contentful paint after ${Math.round(paint)} ms`);
  assert.ok(bytes > 0 && bytes < BUDGET, `${bytes} bytes`);
  await close();
});
