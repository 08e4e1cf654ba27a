/**
 * `make hello`: a first message through a stage just deployed. Connects as alice in every region, publishes in the
 * first, and shows when it arrives where.
 *
 * Not a test. The token is signed here with the stage's secret (`SORL_SECRET`); where an identity provider signs them,
 * it comes in `SORL_TOKEN`.
 */
import { createHmac } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";

import { Sorl } from "@sorl/client";
import WebSocket from "ws";

import { ROOT } from "./artifacts.mjs";
import { main } from "./main.mjs";
import { readOptions } from "./options.mjs";

const CHANNEL = "room:lobby";
/** Cold starts included. */
const PATIENCE_MS = 20_000;

await main(async () => {
  const { stage } = readOptions();
  const { regions, secret } = deployed(stage);
  const token = process.env.SORL_TOKEN ?? signed(stage, regions[0].region, secret);
  const lobbies = await Promise.all(regions.map((region) => enter(region, token)));
  const [first] = lobbies;
  const begun = Date.now();
  const text = `hello ${begun}`;
  const arrivals = lobbies.map((lobby) => arrival(lobby, text, begun));
  console.log(`publishing ${JSON.stringify(text)} in ${CHANNEL}, ${first.region}`);
  await first.channel.publish({ text });
  await Promise.all(arrivals);
  for (const { sorl } of lobbies) sorl.close();
});

function deployed(stage) {
  const file = path.join(ROOT, "target/deploy", `${stage}.json`);
  if (!existsSync(file)) throw new Error(`${file} is not there: make deploy STAGE=${stage} writes it`);
  return JSON.parse(readFileSync(file, "utf8"));
}

/** An HS256 token for alice, good for five minutes. */
function signed(stage, region, secret) {
  const { SORL_SECRET } = process.env;
  if (!secret) throw new Error("your identity provider signs the tokens: put one into SORL_TOKEN");
  if (!SORL_SECRET) {
    throw new Error(
      `put the stage's secret into SORL_SECRET:\n  export SORL_SECRET=$(aws secretsmanager get-secret-value --region ${region} --secret-id ${secret} --query SecretString --output text)`,
    );
  }
  const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const claims = { sub: "alice", exp: Math.floor(Date.now() / 1000) + 300 };
  const text = `${part({ alg: "HS256", typ: "JWT" })}.${part(claims)}`;
  return `${text}.${createHmac("sha256", SORL_SECRET).update(text).digest("base64url")}`;
}

async function enter({ region, url }, token) {
  const sorl = new Sorl({ endpoints: [{ region, url }], token: async () => token, WebSocket });
  const channel = sorl.subscribe(CHANNEL);
  await inTime(new Promise((resolve) => channel.on("subscribed", resolve)), `no answer from ${url}`);
  console.log(`${region}: connected`);
  return { region, sorl, channel };
}

function arrival({ region, channel }, text, begun) {
  const arrived = new Promise((resolve) => {
    channel.on("message", (message) => message.data?.text === text && resolve());
  });
  return inTime(arrived, `${region}: the message did not arrive`).then(() =>
    console.log(`${region}: arrived after ${Date.now() - begun} ms`),
  );
}

/** Fails, and ends the command, if it takes too long. */
function inTime(promise, complaint) {
  const late = new Promise((_, reject) => {
    setTimeout(() => reject(new Error(`${complaint} within ${PATIENCE_MS / 1000} s`)), PATIENCE_MS).unref();
  });
  return Promise.race([promise, late]);
}
