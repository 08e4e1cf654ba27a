/**
 * Runs osls for one stack of one region and waits for it.
 *
 * One at a time: osls works in `.serverless` below the service's folder. Its chatter is shown only when it fails, with
 * what can be done about it.
 */
import { spawn } from "node:child_process";
import path from "node:path";

import stage from "./stage.cjs";
import { STACKS, explain, stackName } from "./stacks.mjs";

const OSLS = path.join(stage.ROOT, "node_modules/osls/bin/serverless.js");
/** Lines of its output that are worth showing when it failed. */
const TAIL = 25;

/** @param {"deploy" | "remove"} verb */
export async function osls(verb, { kind, region, params = {} }, stageName) {
  const args = [OSLS, verb, "--stage", stageName, "--region", region];
  for (const [name, value] of Object.entries(params)) args.push("--param", `${name}=${value}`);
  const { status, output } = await child(args, path.join(stage.ROOT, STACKS[kind].folder));
  if (status !== 0) {
    const name = stackName(kind, stageName);
    const text = output.split("\n").filter((line) => line.trim()).slice(-TAIL).join("\n");
    throw new Error(`osls ${verb} of ${name} in ${region} failed:\n\n${text}\n\n${advise(output, name, region)}`);
  }
}

function child(args, cwd) {
  return new Promise((resolve, reject) => {
    const process = spawn(globalThis.process.execPath, args, { cwd, env: environment(), stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    process.stdout.on("data", (bytes) => (output += bytes));
    process.stderr.on("data", (bytes) => (output += bytes));
    process.on("error", reject);
    process.on("close", (status) => resolve({ status, output }));
  });
}

function environment() {
  const { AWS_ENDPOINT_URL } = process.env;
  return {
    ...process.env,
    SORL_CONFIG: stage.configPath(),
    NODE_NO_WARNINGS: "1",
    NO_UPDATE_NOTIFIER: "1",
    // AWS takes minutes and bounds how often it is asked; what answers at another address does neither.
    ...(AWS_ENDPOINT_URL ? { SLS_AWS_MONITORING_FREQUENCY: "300" } : {}),
  };
}

function advise(output, name, region) {
  if (/already exists/i.test(output)) {
    return (
      "Something of this name is there, but not in this stack: probably kept when an earlier stack of this stage was " +
      "deleted by hand. Import it into the stack, or delete it if it is not needed."
    );
  }
  if (/No export named/i.test(output)) return `Its region lacks the state stack: run make deploy for the whole stage.`;
  if (/ROLLBACK|CREATE_FAILED|UPDATE_FAILED/.test(output)) {
    return `The reason is in: aws cloudformation describe-stack-events --stack-name ${name} --region ${region}. Mend it and run the same command again.`;
  }
  return explain({ name: "", message: "Mend it and run the same command again." + hint(output) }, region);
}

const hint = (output) => (/AccessDenied|not authorized/i.test(output) ? " (not authorized)" : "");
