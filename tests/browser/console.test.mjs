/**
 * The console's chats and tools as a person meets them: the release binary,
 * Chromium, and tabs in several regions. What the page shows of the stage is in
 * `overview.test.mjs`. Screenshots are left in `target/screenshots/`.
 */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { RUN, startService } from "./service.mjs";
import { join, launch, open, screenshot } from "./tab.mjs";

const [US, EU, AP] = ["us-east-1", "eu-north-1", "ap-southeast-2"];

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

/** Two people in one channel, each in a tab and a region of their own. */
async function pair(name) {
  const { url } = service;
  const channel = `${name}-${RUN}`;
  const alice = await join(browser, url, { region: EU, user: "alice", channel });
  const bob = await join(browser, url, { region: US, user: "bob", channel });
  const close = async () => {
    await alice.close();
    await bob.close();
  };
  return { alice, bob, close };
}

async function setFaults(faults) {
  const answer = await fetch(`${service.url}/faults`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(faults),
  });
  assert.equal(answer.status, 200);
}

test("two_tabs_in_two_regions_chat_and_see_each_other", async () => {
  const { alice, bob, close } = await pair("room:hall");
  await alice.chat.members("alice", "bob");
  await bob.chat.members("alice", "bob");
  await alice.chat.say("hello from the north");
  await bob.chat.say("hello from the west");
  for (const { chat } of [alice, bob]) {
    const north = await chat.heard("hello from the north");
    assert.equal(await north.getAttribute("data-region"), EU);
    assert.equal(await north.getByTestId("sender").textContent(), "alice");
    assert.match((await north.getByTestId("message-time").textContent()) ?? "", /\d m?s$/);
    await chat.heard("hello from the west");
  }
  await bob.chat.part("connect").click();
  await alice.chat.note(/bob left/);
  await alice.chat.members("alice");
  await close();
});

test("a_cut_region_chats_on_and_gets_the_rest_when_it_is_back", async () => {
  const { alice, bob, close } = await pair("room:storm");
  await alice.chat.members("alice", "bob");
  try {
    await setFaults({ cut: [EU] });
    await alice.chat.say("alone in the north");
    await alice.chat.heard("alone in the north");
    await bob.chat.say("missed by the north");
    await bob.chat.heard("missed by the north");
    assert.equal(await alice.chat.times("missed by the north"), 0);
    assert.equal(await bob.chat.times("alone in the north"), 0);
  } finally {
    await setFaults({});
  }
  await alice.chat.heard("missed by the north");
  await bob.chat.heard("alone in the north");
  for (const { chat } of [alice, bob]) {
    assert.equal(await chat.times("missed by the north"), 1);
    assert.equal(await chat.times("alone in the north"), 1);
  }
  await close();
});

test("an_unplugged_client_recovers_what_it_missed_and_shows_it_once", async () => {
  const { alice, bob, close } = await pair("room:tunnel");
  await bob.chat.say("before the tunnel");
  await alice.chat.heard("before the tunnel");
  await alice.chat.part("unplug").click();
  await alice.chat.state("waiting");
  for (const text of ["in the tunnel 1", "in the tunnel 2"]) {
    await bob.chat.say(text);
    await bob.chat.heard(text);
  }
  assert.equal(await alice.chat.times("in the tunnel"), 0);
  await alice.chat.part("unplug").click();
  await alice.chat.note("2 messages recovered");
  for (const text of ["in the tunnel 1", "in the tunnel 2"]) {
    const line = await alice.chat.heard(text);
    assert.equal(await line.getAttribute("data-recovered"), "true");
    assert.equal(await alice.chat.times(text), 1);
  }
  assert.equal(await alice.chat.times("before the tunnel"), 1);
  await screenshot(alice.page, "recovered");
  await close();
});

test("a_client_that_returns_through_another_region_misses_nothing", async () => {
  const { alice, bob, close } = await pair("room:move");
  await bob.chat.say("before the move");
  await alice.chat.heard("before the move");
  await alice.chat.part("unplug").click();
  await alice.chat.state("waiting");
  await bob.chat.say("during the move");
  await bob.chat.heard("during the move");
  await alice.chat.part("gateway").selectOption(AP);
  await alice.chat.part("unplug").click();
  await alice.chat.note(`Back through ${AP}: 1 message recovered`);
  assert.equal(await alice.chat.times("during the move"), 1);
  assert.equal(await alice.chat.times("before the move"), 1);
  await bob.chat.say("after the move");
  await alice.chat.heard("after the move");
  await close();
});

test("the_publish_form_reaches_every_region_and_shows_its_shell_line", async () => {
  const { page, pane, close } = await open(browser, service.url);
  await page.getByTestId("connect-all").click();
  for (const region of [US, EU, AP]) await pane(region).entered();
  await page.getByTestId("publish-region").selectOption(AP);
  const text = `it's invoice ${RUN}`;
  await page.getByTestId("publish-text").fill(text);
  const command = page.getByTestId("command");
  const line = (await command.textContent()) ?? "";
  assert.match(line, /^aws sns publish --endpoint-url http:\/\/127\.0\.0\.1:\d+ /);
  assert.match(line, /--topic-arn arn:aws:sns:ap-southeast-2:000000000000:sorl-dev-messages/);
  assert.ok(line.includes(`"data":{"text":"it'\\''s invoice ${RUN}"}`), line);
  await page.getByTestId("publish-send").click();
  await page.getByTestId("published").filter({ hasText: "Accepted" }).waitFor();
  const ids = new Set();
  for (const region of [US, EU, AP]) {
    const message = await pane(region).heard(text);
    ids.add(await message.getAttribute("data-id"));
    assert.equal(await message.getAttribute("data-region"), AP);
  }
  assert.equal(ids.size, 1, "one id in all regions");

  await page.getByTestId("publish-plain").check();
  assert.match((await command.textContent()) ?? "", /--message-attributes '\{"channel":/);
  await page.getByTestId("publish-text").fill(`plain words ${RUN}`);
  await page.getByTestId("publish-send").click();
  for (const region of [US, EU, AP]) await pane(region).heard(`plain words ${RUN}`);
  await close();
});

test("a_dead_letter_is_listed_with_its_reason_and_redriven", async () => {
  const { page, close } = await open(browser, service.url);
  const form = new URLSearchParams({
    Action: "Publish",
    Version: "2010-03-31",
    TopicArn: `arn:aws:sns:${US}:000000000000:sorl-dev-messages`,
    Message: "neither JSON nor a channel",
  });
  assert.equal((await fetch(service.url, { method: "POST", body: form })).status, 200);
  const letters = page.locator(`[data-testid=dead-letter][data-region="${EU}"]`);
  const letter = letters.filter({ hasText: "neither JSON nor a channel" }).first();
  await letter.waitFor();
  assert.match((await letter.getByTestId("reason").textContent()) ?? "", /\w+/);
  const id = await letter.getAttribute("data-id");
  await letter.getByTestId("redrive").click();
  await page.locator(`[data-id="${id}"]`).waitFor({ state: "detached" });
  // It is as bad as before, so it comes back, as another letter.
  await letter.waitFor();
  await close();
});

test("the_switches_set_the_faults_and_show_those_in_force", async () => {
  const { page, close } = await open(browser, service.url);
  try {
    await page.getByTestId(`cut-${EU}`).check();
    await page.getByTestId("faults-badge").filter({ hasText: `${EU} cut off` }).waitFor();
    const faults = await (await fetch(`${service.url}/faults`)).json();
    assert.deepEqual(faults.cut, [EU]);
    const other = await open(browser, service.url);
    await other.page.getByTestId("faults-badge").filter({ hasText: EU }).waitFor();
    await other.close();
    await page.getByTestId("heal").click();
    await page.getByTestId("faults-badge").waitFor({ state: "hidden" });
  } finally {
    await setFaults({});
  }
  await close();
});

test("what_a_message_holds_never_becomes_part_of_the_page", async () => {
  const { alice, bob, close } = await pair("room:mark");
  const text = '<img src=x onerror="document.title=1"><b>bold</b>';
  await alice.chat.say(text);
  const line = await bob.chat.heard("<b>bold</b>");
  assert.equal(await line.getByTestId("message-text").textContent(), text);
  assert.equal(await line.locator("img, b").count(), 0);
  await close();
});
