/**
 * What happens to the service during a soak, and what is said of the end.
 *
 * It runs beside the clients, in Node, as a page may not turn the switches.
 */

import assert from "node:assert/strict";

const CALM_MS = 6_000;

/** How long a soak lasts; half a minute unless told. */
export const SECONDS = Number(process.env.SORL_SOAK_MINUTES || 0.5) * 60;

/** How often memory is looked at meanwhile. */
export const SAMPLES = 5;

/**
 * Cuts regions off and heals them, delivers twice and refuses posts, until the
 * work is done; then all is well again.
 *
 * @template Result
 * @param {string} url of the service
 * @param {Promise<Result>} work that lasts `SECONDS` and a while
 * @returns {Promise<Result>}
 */
export async function inBadWeather(url, work) {
  const regions = await (await fetch(`${url}/regions`)).json();
  const set = (/** @type {object} */ faults) => {
    return fetch(`${url}/faults`, { method: "POST", body: JSON.stringify(faults) });
  };
  const end = Date.now() + SECONDS * 1_000;
  const faults = (async () => {
    for (let n = 0; Date.now() < end; n++) {
      const cut = n % 2 ? [regions[Math.floor(Math.random() * regions.length)].region] : [];
      const answer = await set({ cut, duplicate: 0.2, throttle: n % 4 === 3 ? 0.02 : 0, lag_ms: 500 });
      assert.equal(answer.status < 300, true, "the switches turn");
      await new Promise((resolve) => setTimeout(resolve, Math.min(CALM_MS, Math.max(end - Date.now(), 0))));
    }
    await set({});
  })();
  await Promise.race([faults, work]);
  await faults;
  return work;
}

/** Fails unless the promises were kept, and enough has happened to say so. @param {any} report */
export function judge({ lost, doubled, gaps, refused, accepted, published, rotations, returns, cuts }) {
  assert.deepEqual({ lost, doubled, gaps }, { lost: 0, doubled: 0, gaps: 0 });
  assert.equal(accepted + refused, published);
  assert.equal(refused, 0, "no publish was given up");
  for (const happened of [accepted, rotations, returns, cuts]) assert.ok(happened > SECONDS / 10);
}

/**
 * Fails if memory grows by more than what a client is to remember: the tail of
 * each message shown within 16 minutes.
 *
 * @param {number[]} heaps bytes in use, evenly over the soak and from a while after its beginning
 * @param {any} report
 */
export function judgeMemory(heaps, { accepted, readers }) {
  assert.ok(heaps.length >= SAMPLES - 1, "it was looked at");
  const [first = 0, ...later] = heaps;
  const grown = Math.max(...later) - first;
  const remembered = accepted * readers * REMEMBERED_BYTES;
  assert.ok(grown < remembered + SLACK_BYTES, `${grown} bytes more, ${remembered} of them remembered`);
}

/** A sliced string, the id that it keeps, and a place in a map: 142 bytes in Node 20, and the counts here. */
const REMEMBERED_BYTES = 200;
const SLACK_BYTES = 3 * 2 ** 20;
