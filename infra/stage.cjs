/**
 * What the templates need to know of a stage: its regions, as `sorl.toml` lists them, and what follows from that
 * list. Read by osls (`${file(...)}`), so CommonJS; and by the deploy tool.
 *
 * Not a second parser of `sorl.toml`: the Lambdas read it whole, this reads four keys of it. The regions' list
 * stands nowhere else.
 */
"use strict";

const { readFileSync } = require("node:fs");
const path = require("node:path");
const { parse, stringify } = require("smol-toml");

const { addressOf, certificateOf } = require("./entrance.cjs");
const { body, ofRegion, ofStage } = require("./dashboards/widgets.cjs");

const ROOT = path.join(__dirname, "..");
/** As in the service's own defaults. */
const REGIONS = ["us-east-1", "eu-north-1", "ap-southeast-2"];
const TOPICS = ["messages", "relay", "control"];
/** As in the service's own defaults: API Gateway's quota. */
const POSTS = 10_000;
/** Regions that every account has; all others are opted in to, and SNS delivers there under other names. */
const ALWAYS_ENABLED = new Set([
  "us-east-1", "us-east-2", "us-west-1", "us-west-2", "ca-central-1", "sa-east-1",
  "eu-central-1", "eu-west-1", "eu-west-2", "eu-west-3", "eu-north-1",
  "ap-south-1", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-southeast-1", "ap-southeast-2",
]);

/** The file that configures the stage: `SORL_CONFIG`, or the repository's own. */
const configPath = () => path.resolve(ROOT, process.env.SORL_CONFIG || "sorl.toml");

/** The keys of `sorl.toml` that shape the deployment; every fault of theirs at once. */
function readConfig(file = configPath()) {
  const config = parse(readFileSync(file, "utf8"));
  const { regions = REGIONS, publishers = [], auth = {}, limits = {} } = config;
  const faults = [];
  if (!isListOf(regions, /^[a-z]{2}(-[a-z]+)+-\d$/) || regions.length === 0) {
    faults.push("regions: a list of AWS regions, each once, the home region first");
  }
  if (!isListOf(publishers, /^\d{12}$/)) faults.push("publishers: a list of 12-digit account ids");
  if (faults.length > 0) throw new Error(`${file}: ${faults.join("; ")}`);
  const usesSecret = (auth.algorithm ?? "HS256") === "HS256";
  // "2500/s"; what else it might say, the service refuses.
  return { file, regions, publishers, usesSecret, posts: Number.parseInt(limits.posts, 10) || POSTS };
}

/** The whole configuration but for its secret: the template tells it, to whoever asks what is deployed. */
function toldConfig(file) {
  const config = parse(readFileSync(file, "utf8"));
  if (config.auth) delete config.auth.secret;
  return `# As deployed, without any secret.\n${stringify(config)}`;
}

const isListOf = (list, form) =>
  Array.isArray(list) && new Set(list).size === list.length && list.every((item) => form.test(item));

/** A stage's name is part of role names, which AWS bounds to 64 characters. */
function checkStage(stage) {
  if (!/^[A-Za-z0-9-]{1,32}$/.test(stage ?? "")) {
    throw new Error(`stage ${JSON.stringify(stage)}: a name of 1 to 32 letters, digits and -`);
  }
  return stage;
}

const sub = (text) => ({ "Fn::Sub": text });
/** A text, for CloudFormation to fill in if it has anything to. */
const filled = (text) => (text.includes("${") ? sub(text) : text);
const topicArn = (stage, region, topic) =>
  sub(`arn:\${AWS::Partition}:sns:${region}:\${AWS::AccountId}:sorl-${stage}-${topic}`);

/** The name under which SNS of `from` sends to a queue in `to`. */
function snsPrincipal(from, to) {
  if (from === to) return "sns.amazonaws.com";
  if (!ALWAYS_ENABLED.has(to)) return `sns.${to}.amazonaws.com`;
  return ALWAYS_ENABLED.has(from) ? "sns.amazonaws.com" : `sns.${from}.amazonaws.com`;
}

/** Who may send to the `live` queue of `region`: SNS, for the topics of the stage's regions only. */
function liveQueueStatements(stage, region, regions) {
  const bySender = new Map();
  for (const from of regions) {
    const sender = snsPrincipal(from, region);
    bySender.set(sender, [...(bySender.get(sender) ?? []), from]);
  }
  return [...bySender].map(([sender, senders]) => ({
    Effect: "Allow",
    Principal: { Service: sender },
    Action: "sqs:SendMessage",
    Resource: { "Fn::GetAtt": ["LiveQueue", "Arn"] },
    Condition: {
      ArnEquals: { "aws:SourceArn": senders.flatMap((from) => TOPICS.map((topic) => topicArn(stage, from, topic))) },
    },
  }));
}

/** Whose IAM decides about publishing to `messages`: this account, and those that `sorl.toml` names. */
const publisherAccounts = (publishers) =>
  ["${AWS::AccountId}", ...publishers].map((account) => sub(`arn:\${AWS::Partition}:iam::${account}:root`));

/** One replica of the connections table a region. */
const replicas = (regions) =>
  regions.map((region) => ({
    Region: region,
    PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
  }));

/** `live` of this region, subscribed to every topic of every region. */
function subscriptions(stage, regions) {
  const resources = {};
  for (const region of regions) {
    for (const topic of TOPICS) {
      resources[logicalId(topic, region)] = {
        Type: "AWS::SNS::Subscription",
        Properties: {
          Protocol: "sqs",
          Region: region,
          TopicArn: topicArn(stage, region, topic),
          Endpoint: sub(`arn:\${AWS::Partition}:sqs:\${AWS::Region}:\${AWS::AccountId}:sorl-${stage}-live`),
          // Off: the notification's TopicArn, which nobody can forge, says which topic a message came through.
          RawMessageDelivery: false,
          // SNS wants it in the topic's region: what cannot be delivered waits where it was published.
          RedrivePolicy: {
            deadLetterTargetArn: sub(
              `arn:\${AWS::Partition}:sqs:${region}:\${AWS::AccountId}:sorl-${stage}-dead-letters`,
            ),
          },
        },
      };
    }
  }
  return resources;
}

/** `messages` in `eu-north-1`: MessagesOfEuNorth1. */
const logicalId = (topic, region) =>
  [topic, "of", ...region.split("-")].map((word) => word[0].toUpperCase() + word.slice(1)).join("");

/** The lag to each other region, and the greatest of them; a stage of one region has none to itself. */
function replicationLag(stage, region, regions) {
  const others = regions.filter((other) => other !== region);
  const lags = (others.length > 0 ? others : [region]).map((other, index) => ({
    Id: `lag${index}`,
    ReturnData: false,
    MetricStat: {
      Metric: {
        Namespace: "AWS/DynamoDB",
        MetricName: "ReplicationLatency",
        Dimensions: [
          { Name: "TableName", Value: `sorl-${stage}-connections` },
          { Name: "ReceivingRegion", Value: other },
        ],
      },
      Stat: "Average",
      Period: 60,
    },
  }));
  const greatest = { Id: "greatest", Expression: `MAX([${lags.map(({ Id }) => Id).join(",")}])`, ReturnData: true };
  return [greatest, ...lags];
}

/** The region's dashboard, and in the home region that of the whole stage: resources by logical id. */
function dashboards(stage, region, regions, posts) {
  const of = (DashboardName, DashboardBody) => ({
    Type: "AWS::CloudWatch::Dashboard",
    Condition: "HasDashboards",
    Properties: { DashboardName, DashboardBody },
  });
  const text = (widgets) => JSON.stringify(body(widgets, region));
  // The API's id is CloudFormation's to fill in; nothing else in a dashboard has a `${`.
  const own = ofRegion({ stage, region, regions, posts, api: "${WebsocketsApi}" });
  const all = { RegionDashboard: of(`sorl-${stage}-${region}`, sub(text(own))) };
  if (region === regions[0]) all.StageDashboard = of(`sorl-${stage}`, text(ofStage({ stage, regions })));
  return { Resources: all };
}

/** What `${file(stage.cjs):…}` offers. */
module.exports = async ({ options, resolveVariable }) => {
  const stage = checkStage(options.stage ?? (await resolveVariable("self:provider.stage")));
  const region = options.region ?? (await resolveVariable("self:provider.region"));
  const { file, regions, publishers, usesSecret, posts } = readConfig();
  const given = (name) => options.param?.find((text) => text.startsWith(`${name}=`))?.slice(name.length + 1);
  // Also as the template's default; the stacks of state know none of these.
  const param = async (name) => given(name) ?? (await resolveVariable(`param:${name}, ''`));
  const entrance = { domain: await param("domain"), zone: await param("zone"), certificates: await param("certificates") };
  const chosen = given("replicas");
  const [home, ...others] = regions;
  // A secret with replicas cannot be deleted, so they go first.
  const copies = given("onRemove") === "Delete" ? [] : others;
  return {
    stage,
    home,
    isHome: String(region === home),
    usesSecret: String(usesSecret),
    config: path.relative(ROOT, file),
    told: toldConfig(file),
    replicaNames: chosen ?? regions.join(","),
    replicas: replicas(chosen?.split(",") ?? regions),
    secretReplicas: copies.length > 0 ? copies.map((name) => ({ Region: name })) : { Ref: "AWS::NoValue" },
    liveQueueStatements: liveQueueStatements(stage, region, regions),
    publisherAccounts: publisherAccounts(publishers),
    subscriptions: subscriptions(stage, regions),
    // What the alarms watch: 80 % of the quota, the other regions' replicas.
    postsNearQuota: posts * 0.8,
    replicationLag: replicationLag(stage, region, regions),
    certificate: certificateOf(entrance, region),
    canaryUrl: filled((await param("canaryUrl")) || addressOf(entrance, stage, region)),
    canarySecret: (await param("canaryToken")) || `sorl-${stage}-jwt`,
    dashboards: dashboards(stage, region, regions, posts),
  };
};
Object.assign(module.exports, { ROOT, TOPICS, checkStage, configPath, readConfig, snsPrincipal, toldConfig });
