/**
 * `make remove`: takes away what runs and keeps what holds state; or all of it (`STATE=delete`); or single regions
 * that were taken out of `sorl.toml` (`REGIONS=`), while the others go on.
 *
 * A region that leaves takes its state with it: its log is a copy of what every other region has, and one with a gap
 * must not be taken up again as if it were whole.
 */
import { createInterface } from "node:readline/promises";

import { forgetRegions } from "./addresses.mjs";
import { main } from "./main.mjs";
import { readOptions } from "./options.mjs";
import { planDeparture, planRemoval, replicasOf } from "./plan.mjs";
import { observe } from "./stacks.mjs";
import { carryOut } from "./steps.mjs";

await main(async () => {
  const options = readOptions();
  await (options.regions ? removeRegions(options) : removeStage(options));
});

async function removeRegions(options) {
  const { stage, config, regions: leaving, params } = options;
  const listed = leaving.filter((region) => config.regions.includes(region));
  if (listed.length > 0) {
    throw new Error(`take ${listed.join(", ")} out of the regions in ${config.file} first, so that it does not come back`);
  }
  const observed = await observe(stage, [...config.regions, ...leaving]);
  const home = leaving.find((region) => observed[region].state?.Replicas);
  if (home) throw new Error(`${home} is the home region, which owns the connections table: it leaves only with the stage`);
  await confirm(options, `${leaving.join(", ")}: its clients are cut off (they reconnect elsewhere), and its log, dead letters and topics are deleted.`);
  await carryOut(planDeparture({ ...config, leaving, observed, params }), stage);
  forgetRegions(stage, leaving);
  console.log(`\n${leaving.join(", ")} left stage ${stage}; ${config.regions.join(", ")} went on.`);
}

async function removeStage(options) {
  const { stage, config, params, withState } = options;
  const observed = await observe(stage, config.regions);
  const forgotten = (replicasOf(observed, config.regions[0]) ?? []).filter((region) => !config.regions.includes(region));
  if (forgotten.length > 0) throw new Error(`${forgotten.join(", ")} is deployed too: remove it first with REGIONS=${forgotten.join(",")}`);
  if (withState) await confirm(options, `everything of stage ${stage} in ${config.regions.join(", ")}: histories, dead letters, the signing secret, for ever.`);
  const steps = planRemoval({ ...config, observed, params, withState });
  if (steps.length === 0) console.log(`nothing of stage ${stage} runs in ${config.regions.join(", ")}`);
  await carryOut(steps, stage);
  console.log(withState ? `\nStage ${stage} is gone. SQS takes a minute before the names of its queues are free again.` : kept(stage));
}

function kept(stage) {
  return `
Kept, and still billed by use: the tables sorl-${stage}-connections and sorl-${stage}-messages, three topics and three
queues a region, the secret sorl-${stage}-jwt. What is published meanwhile waits in the queues for 14 days.
  make deploy STAGE=${stage}                 puts back what was removed
  make remove STAGE=${stage} STATE=delete    deletes the rest as well`;
}

async function confirm({ stage, confirm: given }, consequences) {
  console.log(`This deletes ${consequences}`);
  if (given === stage) return;
  if (given || !process.stdin.isTTY) throw new Error(`not confirmed: say CONFIRM=${stage}`);
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  const answer = await terminal.question(`Type the stage's name to go on: `);
  terminal.close();
  if (answer.trim() !== stage) throw new Error("not confirmed; nothing was done");
}
