/**
 * Clients that live with breaks against a real service, in Node or in a page:
 * tokens of a few seconds, lines cut at random, moves between regions. Faults
 * of the service itself are the caller's part.
 *
 * What is promised, and counted here: every message whose publish succeeded is
 * shown to every reader, no message twice, and no reader is told of a gap.
 */

import { Sorl } from "../src/index.js";
import { cuttable } from "./cuttable.js";
import { Tally } from "./tally.js";

const CHANNELS = 3;
const PUBLISHED_A_SECOND = 25;
const BREAK_MS = 700;
const CATCH_UP_MS = 90_000;

/**
 * @typedef {{ cut: () => void, over: () => boolean }} Socket
 * @typedef {{ sorl: Sorl, sockets: Set<Socket>, seen: Tally }} Life
 */

/**
 * @param {{ url: string, seconds: number, run: string,
 *   WebSocket?: new (url: string, protocols: string[]) => any }} options `url` of the service
 */
export async function soak({ url, seconds, run, WebSocket = globalThis.WebSocket }) {
  const endpoints = await (await fetch(`${url}/regions`)).json();
  const regions = endpoints.map((/** @type {{ region: string }} */ { region }) => region);
  const channels = Array.from({ length: CHANNELS }, (_, n) => `room:soak-${run}-${n}`);
  const counts = { published: 0, refused: 0, cuts: 0, moves: 0, gaps: 0, rotations: 0, returns: 0 };
  const begin = (/** @type {string} */ user, /** @type {string | undefined} */ region) => {
    return life({ url, endpoints, user, region, WebSocket, counts });
  };
  const readers = [...regions, undefined].map((region, n) => begin(`reader-${n}`, region));
  const publishers = regions.map((/** @type {string} */ region, /** @type {number} */ n) => begin(`publisher-${n}`, region));
  await Promise.all(readers.map((reader) => read(reader, channels, counts)));

  const accepted = new Tally();
  const end = Date.now() + seconds * 1_000;
  const lives = [...readers, ...publishers];
  const [work] = await Promise.all([
    publish(publishers, channels, end, accepted, counts),
    disturb(lives, regions, end, counts),
  ]);
  await Promise.allSettled(work);
  const patience = Date.now() + CATCH_UP_MS;
  const lost = () => readers.reduce((sum, { seen }) => sum + seen.missing(accepted), 0);
  while (lost() > 0 && Date.now() < patience) await pause(100);
  // What would be shown twice has a moment to come.
  await pause(2_000);
  const doubled = readers.reduce((sum, { seen }) => sum + seen.doubled, 0);
  const states = lives.map(({ sorl }) => sorl.state);
  for (const { sorl } of lives) sorl.close();
  return { ...counts, accepted: accepted.size, readers: readers.length, lost: lost(), doubled, states };
}

/** @param {any} options @returns {Life} */
function life({ url, endpoints, user, region, WebSocket, counts }) {
  /** @type {Set<Socket>} */
  const sockets = new Set();
  const token = async () => {
    const body = JSON.stringify({ user, ttl: 4 + Math.floor(Math.random() * 5) });
    const answer = await fetch(`${url}/token`, { method: "POST", body });
    return (await answer.json()).token;
  };
  const Socket = cuttable(WebSocket, (socket) => sockets.add(socket));
  const sorl = new Sorl({ endpoints, region, token, WebSocket: Socket });
  sorl.on("state", ({ state, reason }) => {
    if (reason === "renewed") counts.rotations++;
    if (state === "waiting") counts.returns++;
    for (const socket of sockets) if (socket.over()) sockets.delete(socket);
  });
  return { sorl, sockets, seen: new Tally() };
}

/** Resolves when it is a member everywhere. @param {Life} reader @param {string[]} channels @param {{ gaps: number }} counts */
function read({ sorl, seen }, channels, counts) {
  return Promise.all(channels.map((name, n) => {
    const channel = sorl.subscribe(name, { ordered: n === 0 });
    channel.on("message", ({ data }) => seen.add(/** @type {any} */ (data)));
    channel.on("gap", () => counts.gaps++);
    return new Promise((resolve) => channel.on("subscribed", resolve));
  }));
}

/**
 * @param {Life[]} publishers
 * @param {string[]} channels
 * @param {number} end
 * @param {Tally} accepted
 * @param {{ published: number, refused: number }} counts
 */
async function publish(publishers, channels, end, accepted, counts) {
  /** What has no answer yet. @type {Set<Promise<void>>} */
  const open = new Set();
  for (let n = 0; Date.now() < end; n++) {
    const publisher = `publisher-${n % publishers.length}`;
    const message = { publisher, n };
    const attempt = publishers[n % publishers.length]?.sorl.publish(channels[n % 7 % channels.length] ?? "", message);
    const answered = Promise.resolve(attempt).then(() => accepted.add(message), () => void counts.refused++);
    open.add(answered);
    void answered.then(() => open.delete(answered));
    counts.published++;
    await pause(1_000 / PUBLISHED_A_SECOND);
  }
  return open;
}

/** @param {Life[]} lives @param {string[]} regions @param {number} end @param {{ cuts: number, moves: number }} counts */
async function disturb(lives, regions, end, counts) {
  while (Date.now() < end) {
    const one = lives[Math.floor(Math.random() * lives.length)];
    if (Math.random() < 0.2) {
      one?.sorl.use(regions[Math.floor(Math.random() * regions.length)] ?? "");
      counts.moves++;
    } else {
      for (const socket of one?.sockets ?? []) if (Math.random() < 0.7) socket.cut();
      counts.cuts++;
    }
    await pause(Math.random() * 2 * BREAK_MS);
  }
}

/** @param {number} ms */
function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
