/** In which order a stage is deployed, grows, shrinks and goes, from whatever stands. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { planDeparture, planDeployment, planRemoval } from "../../infra/plan.mjs";

const [A, B, C, D] = ["us-east-1", "eu-north-1", "ap-southeast-2", "eu-west-1"];
const NOTHING = { state: null, subscriptions: null, running: null };
const whole = (more = {}, since = "start") => ({
  state: { MessagesTopicArn: "arn", ...more },
  subscriptions: {},
  running: { ApiId: "api", CompleteSince: since },
});
/** What stands: `home` with its replicas, and the other regions whole. */
const standing = (regions) =>
  Object.fromEntries(regions.map((region, index) => [region, whole(index === 0 ? { Replicas: regions.join(",") } : {})]));
const nothing = (regions) => Object.fromEntries(regions.map((region) => [region, NOTHING]));
const brief = (steps) => steps.map(({ verb, kind, region }) => `${verb} ${kind} ${region}`);
const replicas = (steps) => steps.filter(({ kind, region }) => kind === "state" && region === A).map(({ params }) => params.replicas);
const since = (steps) => Object.fromEntries(steps.filter(({ kind }) => kind === "running").map(({ region, params }) => [region, params.completeSince]));

test("at first: state everywhere, then subscriptions everywhere, then what runs", () => {
  const steps = planDeployment({ regions: [A, B], observed: nothing([A, B]) });
  assert.deepEqual(brief(steps), [
    `deploy state ${A}`, `deploy state ${B}`,
    `deploy subscriptions ${A}`, `deploy subscriptions ${B}`,
    `deploy running ${A}`, `deploy running ${B}`,
  ]);
  assert.deepEqual(replicas(steps), [`${A},${B}`]);
  assert.deepEqual(since(steps), { [A]: "start", [B]: "start" });
});

test("later: the same order, one list of replicas, and what was known of completeness stands", () => {
  const observed = standing([A, B]);
  observed[B].running.CompleteSince = "1764000000000";
  const steps = planDeployment({ regions: [A, B], observed });
  assert.deepEqual(replicas(steps), [`${A},${B}`]);
  assert.deepEqual(since(steps), { [A]: "start", [B]: "1764000000000" });
});

test("who restored a log says since when it is complete, whatever was known before", () => {
  const observed = standing([A, B]);
  observed[B].running.CompleteSince = "1764000000000";
  const steps = planDeployment({ regions: [A, B], only: [B], observed, params: { completeSince: "now" } });
  assert.deepEqual(since(steps), { [B]: "now" });
});

test("regions that are added get their replicas one by one, and are complete from their subscription on", () => {
  const regions = [A, B, C, D];
  const observed = { ...nothing(regions), ...standing([A, B]) };
  const steps = planDeployment({ regions, observed });
  assert.deepEqual(replicas(steps), [`${A},${B}`, `${A},${B},${C}`, `${A},${B},${C},${D}`]);
  assert.deepEqual(since(steps), { [A]: "start", [B]: "start", [C]: "now", [D]: "now" });
  const kinds = steps.map(({ kind }) => kind);
  assert.ok(kinds.lastIndexOf("state") < kinds.indexOf("subscriptions"));
  assert.ok(kinds.lastIndexOf("subscriptions") < kinds.indexOf("running"));
});

test("a first deployment that broke off is taken up again, and claims no more than it knows", () => {
  const observed = { ...nothing([A, B]), [A]: { ...NOTHING, state: { MessagesTopicArn: "arn", Replicas: `${A},${B}` } } };
  const steps = planDeployment({ regions: [A, B], observed });
  assert.equal(steps.length, 6);
  assert.deepEqual(since(steps), { [A]: "now", [B]: "now" });
});

test("a region that was deployed by hand and knows nothing learns it", () => {
  const observed = standing([A, B]);
  observed[B].running.CompleteSince = "unknown";
  assert.deepEqual(since(planDeployment({ regions: [A, B], observed })), { [A]: "start", [B]: "now" });
});

test("some regions only: what runs changes there, what links them is everywhere", () => {
  const steps = planDeployment({ regions: [A, B], only: [B], observed: standing([A, B]) });
  assert.deepEqual(brief(steps).filter((step) => step.includes("running")), [`deploy running ${B}`]);
  assert.equal(steps.filter(({ kind }) => kind === "subscriptions").length, 2);
});

test("mistakes are refused before anything is begun", () => {
  const observed = { ...nothing([A, B, C]), ...standing([A, B]) };
  assert.throws(() => planDeployment({ regions: [A, B], only: [C], observed }), /add it there first/);
  assert.throws(() => planDeployment({ regions: [A], observed }), /eu-north-1 is deployed but not in sorl.toml/);
  assert.throws(() => planDeployment({ regions: [B, A], observed }), /home region.*is us-east-1/);
});

test("removal takes what runs, where it runs", () => {
  const observed = standing([A, B]);
  observed[B].running = null;
  assert.deepEqual(brief(planRemoval({ regions: [A, B], observed })), [`remove running ${A}`]);
});

test("removal of everything goes the other way round, and tells each stack first that nothing is kept", () => {
  const steps = planRemoval({ regions: [A, B], observed: standing([A, B]), withState: true });
  assert.deepEqual(brief(steps), [
    `remove running ${A}`, `remove running ${B}`,
    `remove subscriptions ${A}`, `remove subscriptions ${B}`,
    `deploy state ${B}`, `remove state ${B}`,
    `deploy state ${A}`, `remove state ${A}`,
  ]);
  for (const { params } of steps.filter(({ kind }) => kind === "state")) assert.equal(params.onRemove, "Delete");
});

test("a region leaves: its clients first, then what links the others to it, then its replica, then its state", () => {
  const steps = planDeparture({ regions: [A, B], leaving: [C], observed: standing([A, B, C]) });
  assert.deepEqual(brief(steps), [
    `remove running ${C}`,
    `deploy subscriptions ${A}`, `deploy subscriptions ${B}`,
    `remove subscriptions ${C}`,
    `deploy state ${A}`, `deploy state ${B}`,
    `deploy state ${C}`, `remove state ${C}`,
  ]);
  assert.deepEqual(replicas(steps), [`${A},${B}`]);
});

test("regions leave one replica at a time", () => {
  const steps = planDeparture({ regions: [A], leaving: [B, C], observed: standing([A, B, C]) });
  assert.deepEqual(replicas(steps), [`${A},${C}`, A]);
});
