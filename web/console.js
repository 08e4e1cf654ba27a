/**
 * The console: a chat pane per region, and the tools around them.
 *
 * It speaks to the service as anyone could: the JavaScript client for
 * messaging, and the embedded service's published addresses for the rest.
 */

import { formatAddress, readAddress } from "./address.js";
import { setUpDeadLetters } from "./dead_letters.js";
import { byId } from "./element.js";
import { setUpFaults } from "./faults.js";
import { Pane } from "./pane.js";
import { setUpPublish } from "./publish.js";
import * as service from "./service.js";

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
  if (!focused) return;
  focused.fill({ user, channel });
  document.title = `${focused.region} · Sorl`;
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

async function start() {
  const regions = await service.regions();
  const template = byId("pane", HTMLTemplateElement);
  panes = regions.map((region, index) => {
    const user = USERS[index % USERS.length] ?? "";
    return new Pane({ region, regions, user, channel: CHANNEL, template, changed: panesChanged });
  });
  chats.append(...panes.map((pane) => pane.element));
  setUpPublish(regions);
  setUpFaults(panes.map(({ region }) => region), ({ cut }) => {
    for (const pane of panes) pane.setCut(cut.includes(pane.region));
  });
  setUpDeadLetters();
  connectAll.addEventListener("click", () => {
    const leaving = allActive();
    for (const pane of panes) leaving ? pane.leave() : pane.connect();
  });
  addEventListener("hashchange", followAddress);
  followAddress();
}

start().catch((error) => {
  const trouble = byId("trouble", HTMLElement);
  trouble.textContent = `The service cannot be reached: ${error.message}`;
  trouble.hidden = false;
});
