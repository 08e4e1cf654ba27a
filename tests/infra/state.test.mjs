/** What the state and subscription templates promise: kept, encrypted, bounded, linked, and closed to strangers. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { REGIONS, ofType, packaged, plain, workshop } from "./templates.mjs";

const work = workshop();
after(work.close);
const state = {};
const links = {};
before(async () => {
  for (const region of REGIONS.slice(0, 2)) {
    state[region] = (await packaged(work, "state", region)).template;
    links[region] = (await packaged(work, "subscriptions", region)).template;
  }
});
const home = () => state["us-east-1"];
const HOLDS = ["AWS::DynamoDB::GlobalTable", "AWS::DynamoDB::Table", "AWS::SNS::Topic", "AWS::SQS::Queue", "AWS::SecretsManager::Secret"];

test("everything that holds state is kept when its stack goes", () => {
  const holders = HOLDS.flatMap((type) => Object.entries(ofType(home(), type)));
  assert.equal(holders.length, 9);
  for (const [id, resource] of holders) {
    assert.equal(resource.DeletionPolicy, "RetainExceptOnCreate", id);
    assert.equal(resource.UpdateReplacePolicy, "Retain", id);
  }
});

test("state goes only where that was asked for", async () => {
  const { template } = await packaged(work, "state", "us-east-1", { params: { onRemove: "Delete" } });
  for (const resource of HOLDS.flatMap((type) => Object.values(ofType(template, type)))) {
    assert.equal(resource.DeletionPolicy, "Delete");
    // An update that changes nothing but a deletion policy is none to CloudFormation.
    assert.equal(resource.Metadata.OnRemove, "Delete");
  }
  // Secrets Manager deletes no secret that has replicas.
  assert.deepEqual(template.Resources.Secret.Properties.ReplicaRegions, { Ref: "AWS::NoValue" });
});

test("only the home region has the connections table, with a replica in every region", () => {
  const { Connections } = home().Resources;
  assert.deepEqual(Connections.Properties.Replicas.map((replica) => replica.Region), REGIONS);
  assert.deepEqual(home().Conditions.IsHome, { "Fn::Equals": ["true", "true"] });
  assert.deepEqual(state["eu-north-1"].Conditions.IsHome, { "Fn::Equals": ["false", "true"] });
  for (const id of ["Connections", "Secret"]) assert.match(home().Resources[id].Condition, /IsHome|HasSecret/);
});

test("replicas may be fewer, as CloudFormation adds one an update", async () => {
  const { template } = await packaged(work, "state", "us-east-1", { params: { replicas: "us-east-1,eu-north-1" } });
  assert.deepEqual(template.Resources.Connections.Properties.Replicas.map((replica) => replica.Region), REGIONS.slice(0, 2));
  assert.equal(template.Outputs.Replicas.Value, "us-east-1,eu-north-1");
});

test("tables can be restored to a point in time, forget what expired, and cost nothing idle", () => {
  const { Connections, Messages } = home().Resources;
  for (const { Properties } of [Connections, Messages]) {
    assert.deepEqual(Properties.TimeToLiveSpecification, { AttributeName: "expires_at", Enabled: true });
    assert.equal(Properties.BillingMode, "PAY_PER_REQUEST");
  }
  const points = [Messages.Properties, ...Connections.Properties.Replicas].map((table) => table.PointInTimeRecoverySpecification);
  for (const point of points) assert.deepEqual(point, { PointInTimeRecoveryEnabled: true });
  assert.deepEqual(Connections.Properties.GlobalSecondaryIndexes[0].Projection, { ProjectionType: "KEYS_ONLY" });
});

test("queues keep 14 days and 1 MiB, encrypted in the way that lets SNS in", () => {
  for (const { Properties } of Object.values(ofType(home(), "AWS::SQS::Queue"))) {
    assert.equal(Properties.MessageRetentionPeriod, 14 * 86_400);
    assert.equal(Properties.MaximumMessageSize, 1_048_576);
    assert.equal(Properties.SqsManagedSseEnabled, true);
    assert.equal(Properties.KmsMasterKeyId, undefined);
  }
  for (const { Properties } of Object.values(ofType(home(), "AWS::SNS::Topic"))) assert.equal(Properties.KmsMasterKeyId, undefined);
});

test("a record is handed out a hundred times, each after six times deliver's time, before it is given up", () => {
  for (const id of ["LiveQueue", "BulkQueue"]) {
    const { VisibilityTimeout, RedrivePolicy } = plain(home().Resources[id]).Properties;
    assert.ok(Number(VisibilityTimeout) >= 6 * 30);
    assert.deepEqual(RedrivePolicy, { deadLetterTargetArn: "<DeadLetters.Arn>", maxReceiveCount: 100 });
  }
});

test("every region's queue hears every topic of every region, and says which", () => {
  const subscriptions = Object.values(ofType(links["eu-north-1"], "AWS::SNS::Subscription")).map(({ Properties }) => Properties);
  const heard = subscriptions.map(({ TopicArn }) => TopicArn).sort();
  const told = REGIONS.flatMap((region) =>
    ["messages", "relay", "control"].map((topic) => `arn:<Partition>:sns:${region}:<AccountId>:sorl-t-${topic}`),
  );
  assert.deepEqual(heard, told.sort());
  for (const { Region, TopicArn, Endpoint, RawMessageDelivery, RedrivePolicy } of subscriptions) {
    assert.ok(TopicArn.includes(`:${Region}:`));
    assert.equal(Endpoint, "arn:<Partition>:sqs:<Region>:<AccountId>:sorl-t-live");
    assert.equal(RawMessageDelivery, false);
    assert.equal(RedrivePolicy.deadLetterTargetArn, `arn:<Partition>:sqs:${Region}:<AccountId>:sorl-t-dead-letters`);
  }
});

test("only SNS may send to a queue, and only for the stage's topics", () => {
  const policies = Object.values(ofType(home(), "AWS::SQS::QueuePolicy"));
  assert.equal(policies.length, 2);
  for (const statement of policies.flatMap(({ Properties }) => Properties.PolicyDocument.Statement)) {
    assert.match(statement.Principal.Service, /^sns\./);
    assert.equal(statement.Action, "sqs:SendMessage");
    assert.ok(statement.Condition.ArnEquals["aws:SourceArn"].length >= 3);
  }
});

test("regions that are opted in to are known to SNS by names of their own", async () => {
  const toml = 'regions = ["us-east-1", "eu-south-1", "af-south-1"]\n';
  const senders = async (region) => {
    const { template } = await packaged(work, "state", region, { toml });
    const statements = template.Resources.LiveQueuePolicy.Properties.PolicyDocument.Statement;
    return Object.fromEntries(
      statements.flatMap(({ Principal, Condition }) =>
        plain(Condition.ArnEquals["aws:SourceArn"]).map((arn) => [arn.split(":")[3], Principal.Service]),
      ),
    );
  };
  assert.deepEqual(await senders("us-east-1"), {
    "us-east-1": "sns.amazonaws.com",
    "eu-south-1": "sns.eu-south-1.amazonaws.com",
    "af-south-1": "sns.af-south-1.amazonaws.com",
  });
  assert.deepEqual(await senders("eu-south-1"), {
    "us-east-1": "sns.eu-south-1.amazonaws.com",
    "eu-south-1": "sns.amazonaws.com",
    "af-south-1": "sns.eu-south-1.amazonaws.com",
  });
});

const policyOf = (template, id) => plain(template.Resources[id]).Properties.PolicyDocument.Statement;

test("other accounts publish messages where they are named, and never relay or control", async () => {
  const { template } = await packaged(work, "state", "us-east-1", { toml: 'publishers = ["123456789012"]\n' });
  assert.deepEqual(policyOf(template, "MessagesTopicPolicy")[0].Principal.AWS, [
    "arn:<Partition>:iam::<AccountId>:root",
    "arn:<Partition>:iam::123456789012:root",
  ]);
  assert.deepEqual(policyOf(home(), "MessagesTopicPolicy")[0].Principal.AWS, ["arn:<Partition>:iam::<AccountId>:root"]);
  for (const id of ["RelayTopicPolicy", "ControlTopicPolicy"]) {
    assert.ok(!JSON.stringify(policyOf(template, id)).includes("123456789012"), id);
  }
});

test("relay refuses everybody but the three roles of its region", () => {
  const [statement, ...more] = policyOf(home(), "RelayTopicPolicy");
  assert.equal(more.length, 0);
  assert.deepEqual([statement.Effect, statement.Principal, statement.Action], ["Deny", "*", "sns:Publish"]);
  const names = statement.Condition.ArnNotLike["aws:PrincipalArn"].map((arn) => arn.split("role/")[1].replace("/*", ""));
  assert.deepEqual([...new Set(names)].sort(), ["sorl-t-command-us-east-1", "sorl-t-deliver-us-east-1", "sorl-t-disconnect-us-east-1"]);
});

test("the secret is made by AWS, replicated, and only where tokens need one", async () => {
  const { Properties } = home().Resources.Secret;
  assert.equal(Properties.SecretString, undefined);
  assert.equal(Properties.GenerateSecretString.PasswordLength, 64);
  assert.deepEqual(Properties.ReplicaRegions.map(({ Region }) => Region), REGIONS.slice(1));
  const toml = '[auth]\nalgorithm = "RS256"\njwks = "https://id.example/jwks.json"\n';
  const { template } = await packaged(work, "state", "us-east-1", { toml });
  assert.deepEqual(template.Conditions.HasSecret["Fn::And"][1], { "Fn::Equals": ["false", "true"] });
});

test("packaging twice gives the same template", async () => {
  assert.deepEqual((await packaged(work, "state", "us-east-1")).template, home());
});
