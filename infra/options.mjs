/**
 * The options of `make deploy` and `make remove`, read and checked before anything is begun.
 */
import path from "node:path";
import { parseArgs } from "node:util";

import stageOf from "./stage.cjs";

export function readOptions() {
  const { values } = parseArgs({
    options: {
      stage: { type: "string" },
      regions: { type: "string" },
      config: { type: "string" },
      params: { type: "string", default: "" },
      state: { type: "string", default: "keep" },
      confirm: { type: "string" },
    },
  });
  if (!values.stage) throw new Error("say which stage: STAGE=dev");
  const stage = stageOf.checkStage(values.stage);
  if (values.config) process.env.SORL_CONFIG = path.resolve(values.config);
  if (!["keep", "delete"].includes(values.state)) throw new Error(`STATE=${values.state}: delete, or nothing`);
  return {
    stage,
    config: stageOf.readConfig(),
    regions: values.regions ? words(values.regions) : undefined,
    params: { ...ofEndpoint(stage), ...readParams(values.params) },
    withState: values.state === "delete",
    confirm: values.confirm,
  };
}

const words = (text) => text.split(/[\s,]+/).filter(Boolean);

/** `memory=512 logLevel=debug`: any parameter of the templates. */
function readParams(text) {
  const pairs = words(text).map((word) => [word, word.indexOf("=")]);
  const wrong = pairs.find(([, at]) => at < 1);
  if (wrong) throw new Error(`PARAMS: ${wrong[0]} is not name=value`);
  return Object.fromEntries(pairs.map(([word, at]) => [word.slice(0, at), word.slice(at + 1)]));
}

/** What answers in AWS's place has its gateway below the same address. */
function ofEndpoint(stage) {
  const { AWS_ENDPOINT_URL } = process.env;
  if (!AWS_ENDPOINT_URL) return {};
  const gateway = `${AWS_ENDPOINT_URL.replace(/\/$/, "")}/_aws/execute-api/\${WebsocketsApi}/${stage}`;
  return { gateway, canaryUrl: gateway.replace(/^http/, "ws") };
}
