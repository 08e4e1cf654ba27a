/**
 * Carries out the steps of a plan, one after the other, and says how far it is.
 *
 * Each step may be done again: osls deploys only what changed, so after a failure the same command goes on.
 */
import { osls } from "./osls.mjs";
import { STACKS } from "./stacks.mjs";

export async function carryOut(steps, stageName) {
  for (const [index, step] of steps.entries()) {
    const verb = step.verb === "remove" ? "remove " : "";
    const kept = step.verb === "deploy" && step.params.onRemove === "Delete" ? ", no longer kept" : "";
    process.stdout.write(`[${index + 1}/${steps.length}] ${step.region}: ${verb}${STACKS[step.kind].holds}${kept} … `);
    const begun = Date.now();
    await osls(step.verb, { ...step, params: atThisMoment(step.params) }, stageName);
    console.log(`${((Date.now() - begun) / 1000).toFixed(0)} s`);
  }
}

/** A region added later is complete from when all its subscriptions stood, which is before this step and after all others. */
const atThisMoment = (params) =>
  params.completeSince === "now" ? { ...params, completeSince: String(Date.now()) } : params;
