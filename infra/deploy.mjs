/**
 * `make deploy`: brings a stage to all its regions, for the first time, with changes, or with regions added to
 * `sorl.toml`: the same command for all.
 *
 * Not the order (plan.mjs) nor the templates. Deploys only what was packaged from the present sources and
 * configuration, and writes the stage's addresses to `target/deploy/STAGE.json`.
 */
import path from "node:path";

import { writeAddresses } from "./addresses.mjs";
import { ARTIFACTS, checkArtifacts } from "./artifacts.mjs";
import { main } from "./main.mjs";
import { readOptions } from "./options.mjs";
import { planDeployment } from "./plan.mjs";
import { observe } from "./stacks.mjs";
import { carryOut } from "./steps.mjs";

await main(async () => {
  const options = readOptions();
  const { stage, config, params } = options;
  checkArtifacts(params.artifacts ?? ARTIFACTS, { config: config.file, architecture: params.architecture ?? "x86_64" });
  const observed = await observe(stage, config.regions);
  const steps = planDeployment({ ...config, only: options.regions, observed, params });
  console.log(`stage ${stage}, regions ${config.regions.join(", ")}`);
  await carryOut(steps, stage);
  report(options, await observe(stage, config.regions));
});

function report({ stage, config }, observed) {
  const regions = config.regions
    .filter((region) => observed[region].running)
    .map((region) => ({
      region,
      url: urlOf(observed[region].running, stage),
      topic: observed[region].state.MessagesTopicArn,
      control: observed[region].state.ControlTopicArn,
    }));
  const running = Object.values(observed).find((stacks) => stacks.running?.Entrance);
  const entrance = running ? { entrance: running.running.Entrance } : {};
  const secret = config.usesSecret ? { secret: `sorl-${stage}-jwt` } : {};
  const file = writeAddresses({ stage, ...entrance, regions, ...secret });
  console.log(`\n${table(regions)}\n\nThese are in ${path.relative(process.cwd(), file)} too. Try:\n`);
  console.log(whatNext(stage, config, regions));
}

/** Where clients connect: the region's own name, else AWS's address, or that of an endpoint which answers in its place. */
function urlOf({ ApiId, RegionEntrance, ServiceEndpointWebsocket }, stage) {
  const { AWS_ENDPOINT_URL } = process.env;
  if (!AWS_ENDPOINT_URL) return RegionEntrance ?? ServiceEndpointWebsocket;
  return `${AWS_ENDPOINT_URL.replace(/^http/, "ws").replace(/\/$/, "")}/_aws/execute-api/${ApiId}/${stage}`;
}

function table(regions) {
  const width = (key) => Math.max(...regions.map((row) => row[key].length), key.length);
  const line = (row) => ["region", "url", "topic"].map((key) => row[key].padEnd(width(key))).join("  ").trimEnd();
  return [line({ region: "region", url: "WebSocket", topic: "topic for publishers" }), ...regions.map(line)].join("\n");
}

function whatNext(stage, { usesSecret }, [{ region, topic }]) {
  const key = usesSecret
    ? `  export SORL_SECRET=$(aws secretsmanager get-secret-value --region ${region} \\
    --secret-id sorl-${stage}-jwt --query SecretString --output text)`
    : "  export SORL_TOKEN=…                  # from your identity provider";
  return `${key}
  make hello STAGE=${stage}                  # connect in every region, publish in one

  # a message to everybody in room:lobby, from outside
  aws sns publish --region ${region} --topic-arn ${topic} \\
    --message '{"channel":"room:lobby","data":{"text":"hello"}}'
`;
}
