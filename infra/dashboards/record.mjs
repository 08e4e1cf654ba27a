/**
 * `node infra/dashboards/record.mjs`: records the metrics of one region of a `sorl dev` of its own while it carries a load
 * and has troubles, for the picture in the documents; `draw.mjs` draws it.
 *
 * Not a measurement: the machine does other things. `SORL_BIN` names the program, else target/release/sorl.
 */
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";

import { ROOT } from "../artifacts.mjs";
import { main } from "../main.mjs";
import { RECORDING } from "./draw.mjs";

const PROGRAM = process.env.SORL_BIN ?? path.join(ROOT, "target/release/sorl");
const REGION = "eu-north-1";
const STEP = 2;
const STEPS = 60;
const LOAD = ["--connections", "240", "--rate", "25", "--channels", "12", "--connect-rate", "40"];
/** What goes wrong, and when, in seconds; each lasts until the next. */
const TROUBLES = [
  { at: 40, what: "20 % of the posts are answered 429", faults: { throttle: 0.2 } },
  { at: 60, what: "over", faults: {} },
  { at: 76, what: "eu-north-1 is cut off", faults: { cut: [REGION] } },
  { at: 94, what: "and back", faults: {} },
];
const WHAT = "240 clients, 25 messages a second; 429 to a fifth of the posts from 40 s to 60 s; cut off from 76 s to 94 s";

await main(async () => {
  const dev = spawn(PROGRAM, ["dev", "--json", "--port", "0", "--log", "error"], { stdio: ["ignore", "pipe", "inherit"] });
  try {
    const { url, stage, regions } = JSON.parse(await firstLine(dev.stdout));
    await record(url, { stage, region: REGION, regions: regions.map(({ region }) => region), posts: 10_000 });
  } finally {
    dev.kill();
  }
});

async function firstLine(stream) {
  for await (const line of createInterface({ input: stream })) return line;
  throw new Error(`${PROGRAM} ended before it served`);
}

async function record(url, stage) {
  const load = spawn(PROGRAM, ["load", "--url", url, "--duration", `${STEP * STEPS}s`, ...LOAD], { stdio: "ignore" });
  const samples = [];
  const begun = Date.now();
  for (let step = 0; step <= STEPS; step += 1) {
    await sleep(begun + step * STEP * 1000 - Date.now());
    samples.push(await taken(url));
    for (const { faults } of TROUBLES.filter(({ at }) => at === step * STEP)) await trouble(url, stage, faults);
  }
  load.kill();
  const marks = TROUBLES.map(({ at, what }) => ({ at, what }));
  const recording = { what: WHAT, stage, step: STEP, steps: STEPS, marks, series: merged(samples) };
  writeFileSync(RECORDING, `${JSON.stringify(recording)}\n`);
}

async function trouble(url, stage, faults) {
  await fetch(`${url}/faults`, { method: "POST", body: JSON.stringify(faults) });
  // And a publisher's mistake, so that there are dead letters.
  const form = { Action: "Publish", TopicArn: `arn:aws:sns:${REGION}:000000000000:sorl-${stage.stage}-messages`, Message: "no envelope" };
  await fetch(url, { method: "POST", body: new URLSearchParams(form) });
}

async function taken(url) {
  const answer = await fetch(`${url}/metrics`, { headers: { accept: "application/json" } });
  const { samples } = await answer.json();
  return samples.filter(({ labels }) => labels.region === REGION);
}

/** Each series with a value for every sample, zero before it began; those that never counted are left out. */
function merged(samples) {
  const all = new Map();
  for (const [at, list] of samples.entries()) {
    for (const { name, labels: { region, ...labels }, value } of list) {
      const key = JSON.stringify([name, labels]);
      if (!all.has(key)) all.set(key, { name, labels, values: Array(samples.length).fill(0) });
      all.get(key).values[at] = value;
    }
  }
  return [...all.values()].filter(({ name, values }) => name.startsWith("sorl_") && values.some((value) => value !== 0));
}
