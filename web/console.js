/**
 * The console: what goes on in the stage, a chat pane per region, and tools.
 *
 * It speaks to the service as anyone could: the JavaScript client for
 * messaging, and the embedded service's published addresses for the rest.
 */

import { formatAddress, readAddress } from "./address.js";
import { Pane } from "./chat/pane.js";
import { byId } from "./element.js";
import { Inspector } from "./inspector/inspector.js";
import { setUpOverview } from "./overview/overview.js";
import * as service from "./service.js";
import { Feed } from "./stage/feed.js";
import { Health } from "./stage/health.js";
import { setUpTheme } from "./theme.js";
import { setUpDeadLetters } from "./tools/dead_letters.js";
import { setUpFaults } from "./tools/faults.js";
import { setUpPublish } from "./tools/publish.js";

const USERS = ["alice", "bob", "carol", "dave", "erin", "frank"];
const CHANNEL = "room:lobby";

const chats = byId("chats", HTMLElement);
const connectAll = byId("connect-all", HTMLButtonElement);

/** @type {Pane[]} */
let panes = [];

const allActive = () => panes.every(({ active }) => active);

/** Shows the region that the address names, or all. */
function followAddress() {
  const { region, user, channel } = readAddress();
  const focused = panes.find((pane) => pane.region === region);
  for (const pane of panes) pane.element.hidden = focused !== undefined && pane !== focused;
  document.body.classList.toggle("focused", focused !== undefined);
  byId("show-all", HTMLElement).hidden = focused === undefined;
  connectAll.hidden = focused !== undefined;
  document.title = focused ? `${focused.region} · Sorl` : "Sorl console";
  if (!focused) return;
  focused.fill({ user, channel });
  if (user && channel) focused.connect();
}

/** A pane that has the page to itself comes back after a reload. */
function panesChanged() {
  connectAll.textContent = allActive() ? "Leave all" : "Connect all";
  connectAll.classList.toggle("primary", !allActive());
  const { region } = readAddress();
  const focused = panes.find((pane) => pane.region === region);
  if (!focused) return;
  const who = focused.active ? { user: focused.user, channel: focused.channel } : {};
  history.replaceState(null, "", formatAddress({ region, ...who }));
}

/** @param {import("./stage/health.js").Finding} verdict */
function showVerdict({ level, text }) {
  const verdict = byId("verdict", HTMLElement);
  if (verdict.dataset.level === level && verdict.textContent === text) return;
  verdict.dataset.level = level;
  verdict.textContent = text;
}

/** @param {import("./service.js").Region[]} regions @param {(id: string) => void} inspect */
function setUpChats(regions, inspect) {
  const template = byId("pane", HTMLTemplateElement);
  panes = regions.map((region, index) => {
    const user = USERS[index % USERS.length] ?? "";
    const who = { user, channel: CHANNEL };
    return new Pane({ region, regions, ...who, template, changed: panesChanged, inspect });
  });
  chats.append(...panes.map((pane) => pane.element));
  connectAll.addEventListener("click", () => {
    const leaving = allActive();
    for (const pane of panes) leaving ? pane.leave() : pane.connect();
  });
}

async function start() {
  const regions = await service.regions();
  const names = regions.map(({ region }) => region);
  const overview = setUpOverview(names);
  const inspector = new Inspector(names);
  const health = new Health(names, showVerdict);
  setUpTheme(overview.recolour);
  setUpChats(regions, (id) => {
    // A pane that has the page to itself gives it back: the inspector is beside it.
    if (readAddress().region) {
      location.hash = "#inspector";
      followAddress();
    }
    inspector.inspect(id);
  });
  setUpPublish(regions);
  setUpFaults(names, (faults) => {
    for (const pane of panes) pane.setCut(faults.cut.includes(pane.region));
    overview.setCut(faults.cut);
    health.faults(faults);
  });
  setUpDeadLetters((letters) => health.deadLetters(letters));
  const feed = new Feed();
  feed.onTick((tick) => {
    overview.read(tick);
    inspector.read(tick);
    health.read(tick);
  });
  feed.onLost(() => health.lost());
  feed.start();
  addEventListener("hashchange", followAddress);
  followAddress();
}

start().catch((error) => {
  const trouble = byId("trouble", HTMLElement);
  trouble.textContent = `The service cannot be reached: ${error.message}`;
  trouble.hidden = false;
});
