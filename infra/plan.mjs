/**
 * What has to be done, in an order that holds for the first time and for every later one. Decides from what stands;
 * does nothing itself.
 *
 * The invariant of deploying: what a topic accepts reaches every region. So topics and queues are everywhere before
 * the first subscription, and all subscriptions before the first function. Of removing: the other way round.
 */

/**
 * The steps that deploy a stage.
 * @param {{regions: string[], only?: string[], observed: object, params?: object}} wanted
 */
export function planDeployment({ regions, only = regions, observed, params = {} }) {
  const [home, ...others] = regions;
  checkRegions({ regions, only, observed });
  const standing = replicasOf(observed, home);
  const first = standing ? [home, ...others.filter((region) => standing.includes(region))] : regions;
  return [
    state(home, params, first, "deploy"),
    ...others.map((region) => state(region, params, first, "deploy")),
    ...oneByOne(first, regions).map((replicas) => state(home, params, replicas, "deploy")),
    ...regions.map((region) => ({ verb: "deploy", kind: "subscriptions", region, params })),
    ...regions
      .filter((region) => only.includes(region))
      .map((region) => ({
        verb: "deploy",
        kind: "running",
        region,
        params: { ...params, completeSince: params.completeSince ?? completeSince(region, observed) },
      })),
  ];
}

/** The steps that remove what runs, everywhere; and with `withState` everything. */
export function planRemoval({ regions, observed, params = {}, withState }) {
  const [home, ...others] = regions;
  const removal = (kind) => (region) => ({ verb: "remove", kind, region, params });
  const steps = regions.filter((region) => observed[region].running).map(removal("running"));
  if (!withState) return steps;
  const standing = replicasOf(observed, home) ?? regions;
  return [
    ...steps,
    ...regions.filter((region) => observed[region].subscriptions).map(removal("subscriptions")),
    // The home region last: its table's replicas are in all of them.
    ...[...others, home].filter((region) => observed[region].state).flatMap((region) => dropState(region, params, standing)),
  ];
}

/** The steps that take regions away, already taken out of the list, while the others go on. */
export function planDeparture({ regions, leaving, observed, params = {} }) {
  const [home, ...others] = regions;
  const standing = replicasOf(observed, home) ?? regions;
  const staying = standing.filter((region) => !leaving.includes(region));
  const removal = (kind) => (region) => ({ verb: "remove", kind, region, params });
  return [
    ...leaving.filter((region) => observed[region].running).map(removal("running")),
    ...regions.map((region) => ({ verb: "deploy", kind: "subscriptions", region, params })),
    ...leaving.filter((region) => observed[region].subscriptions).map(removal("subscriptions")),
    ...oneByOne(standing, staying).map((replicas) => state(home, params, replicas, "deploy")),
    ...others.map((region) => state(region, params, staying, "deploy")),
    ...leaving.filter((region) => observed[region].state).flatMap((region) => dropState(region, params, staying)),
  ];
}

/** The regions whose replicas the home region has; undefined before its first deployment. */
export const replicasOf = (observed, home) => observed[home].state?.Replicas?.split(",");

/** CloudFormation adds or takes away one replica an update: the lists on the way from one to the other. */
function oneByOne(from, to) {
  const lists = [];
  let now = from;
  for (const region of from.filter((region) => !to.includes(region))) {
    now = now.filter((other) => other !== region);
    lists.push(now);
  }
  for (const region of to.filter((region) => !from.includes(region))) {
    now = [...now, region];
    lists.push(now);
  }
  return lists;
}

const state = (region, params, replicas, verb) => ({
  verb,
  kind: "state",
  region,
  params: { ...params, replicas: replicas.join(",") },
});

/** What is kept on removal goes only after its stack was told so. */
function dropState(region, params, replicas) {
  const step = state(region, { ...params, onRemove: "Delete" }, replicas, "deploy");
  return [step, { ...step, verb: "remove" }];
}

/**
 * Since when the region's log is complete: what was once found stands. A stage that is new in every region begins
 * now, everywhere; a region that comes later is complete from when its queue is subscribed, which is now, when the
 * step is done (`now` is replaced then). Only an operator who restored a table knows better, and says so.
 */
function completeSince(region, observed) {
  const standing = observed[region].running?.CompleteSince;
  if (standing && standing !== "unknown") return standing;
  const isNew = Object.values(observed).every(({ state, running }) => !state?.MessagesTopicArn && !running?.ApiId);
  return isNew ? "start" : "now";
}

function checkRegions({ regions, only, observed }) {
  const [home] = regions;
  const strangers = only.filter((region) => !regions.includes(region));
  if (strangers.length > 0) {
    throw new Error(`${strangers.join(", ")}: not in the regions of sorl.toml (${regions.join(", ")}); add it there first`);
  }
  const former = regions.find((region) => region !== home && observed[region].state?.Replicas);
  if (former) {
    throw new Error(`the stage's home region, which owns the connections table, is ${former}: list it first in sorl.toml`);
  }
  const forgotten = (replicasOf(observed, home) ?? []).filter((region) => !regions.includes(region));
  if (forgotten.length > 0) {
    throw new Error(
      `${forgotten.join(", ")} is deployed but not in sorl.toml: put it back, or run make remove with REGIONS=${forgotten.join(",")}`,
    );
  }
}
