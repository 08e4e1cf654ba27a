/** What the template of what runs promises: variables, bounds, routes, logs without tokens, alarms that help. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { ofType, packaged, plain, workshop } from "./templates.mjs";

const work = workshop();
after(work.close);
let template;
before(async () => {
  template = (await packaged(work, "running", "eu-north-1")).template;
});
const functions = () => ofType(template, "AWS::Lambda::Function");
const properties = (id) => plain(template.Resources[id]).Properties;

const EVERYBODYS = ["SORL_LOG", "SORL_LOG_SAMPLE", "SORL_METRICS", "SORL_STAGE", "SORL_TRACE_SAMPLE"];
/** Each function's variables: the whole contract between template and code. */
const VARIABLES = {
  authorize: ["SORL_SECRET"],
  canary: ["SORL_CANARY_TOKEN", "SORL_CANARY_URL", "SORL_SECRET"],
  connect: ["SORL_CONNECTIONS_TABLE"],
  disconnect: ["SORL_CONNECTIONS_TABLE", "SORL_RELAY_TOPIC"],
  command: ["SORL_COMPLETE_SINCE", "SORL_CONNECTIONS_TABLE", "SORL_MESSAGES_TABLE", "SORL_RELAY_TOPIC"],
  deliver: [
    "SORL_BULK_CONCURRENCY", "SORL_BULK_QUEUE", "SORL_COMPLETE_SINCE", "SORL_CONNECTIONS_TABLE",
    "SORL_DEAD_LETTERS_QUEUE",
    "SORL_GATEWAY", "SORL_MESSAGES_TABLE", "SORL_RELAY_TOPIC",
  ],
};

test("each function gets the variables that it needs and no other", () => {
  const given = Object.values(functions()).map(({ Properties }) => [
    Properties.FunctionName.replace("sorl-t-", ""),
    Object.keys(Properties.Environment.Variables).filter((name) => !EVERYBODYS.includes(name)).sort(),
  ]);
  assert.deepEqual(Object.fromEntries(given), VARIABLES);
});

test("no secret is in a variable, only its name", () => {
  assert.equal(properties("AuthorizeLambdaFunction").Environment.Variables.SORL_SECRET, "sorl-t-jwt");
  assert.ok(!JSON.stringify(template).includes("resolve:secretsmanager"));
});

test("without a shared secret, authorize is told of none", async () => {
  const toml = '[auth]\nalgorithm = "RS256"\njwks = "https://id.example/jwks.json"\n';
  const other = (await packaged(work, "running", "eu-north-1", { toml })).template;
  assert.deepEqual(other.Conditions.HasSecret, { "Fn::Equals": ["false", "true"] });
});

test("a region can refuse whoever is new, and by default does not", async () => {
  const reserved = (template) => template.Resources.AuthorizeLambdaFunction.Properties.ReservedConcurrentExecutions;
  assert.deepEqual(reserved(template), { "Fn::If": ["RefusesHandshakes", 0, { Ref: "AWS::NoValue" }] });
  assert.deepEqual(template.Conditions.RefusesHandshakes, { "Fn::Equals": ["taken", "refused"] });
  const drained = (await packaged(work, "running", "eu-north-1", { params: { handshakes: "refused" } })).template;
  assert.deepEqual(drained.Conditions.RefusesHandshakes, { "Fn::Equals": ["refused", "refused"] });
});

test("clients wait at most as long as the gateway does, and deliver half a minute", () => {
  for (const { Properties } of Object.values(functions())) {
    const isDeliver = Properties.FunctionName.endsWith("-deliver");
    const isCanary = Properties.FunctionName.endsWith("-canary");
    assert.equal(Properties.Timeout, isDeliver || isCanary ? 30 : 10);
    // That of `authorize` is a draining region's, above.
    if (!Properties.FunctionName.endsWith("-authorize")) assert.equal(Properties.ReservedConcurrentExecutions, undefined);
    assert.equal(Properties.Runtime, "provided.al2023");
    assert.equal(Properties.RecursiveLoop, isDeliver ? "Allow" : undefined);
  }
});

test("deliver polls both queues, bounded, and reports what failed", () => {
  const mappings = Object.values(ofType(template, "AWS::Lambda::EventSourceMapping")).map(({ Properties }) => Properties);
  const bounds = mappings.map((mapping) => [mapping.EventSourceArn.split("-").at(-1), mapping.ScalingConfig.MaximumConcurrency]);
  assert.deepEqual(bounds.sort(), [["bulk", 4], ["live", 10]]);
  for (const mapping of mappings) assert.deepEqual(mapping.FunctionResponseTypes, ["ReportBatchItemFailures"]);
});

test("deliver posts to the gateway of its own region and stage", () => {
  assert.equal(
    properties("DeliverLambdaFunction").Environment.Variables.SORL_GATEWAY,
    "https://<WebsocketsApi>.execute-api.<Region>.<URLSuffix>/t",
  );
});

test("architecture, memory, retention, log level, the share of successes told and metrics are parameters", async () => {
  const params = {
    architecture: "arm64", memory: 320, deliverMemory: 1024, logRetention: 7, logLevel: "debug", logSample: 0.5, metrics: "off",
  };
  const other = (await packaged(work, "running", "eu-north-1", { params })).template;
  const { Properties } = plain(other.Resources.DeliverLambdaFunction);
  assert.deepEqual([Properties.Architectures, Number(Properties.MemorySize)], [["arm64"], 1024]);
  assert.equal(Number(other.Resources.CommandLambdaFunction.Properties.MemorySize), 320);
  const { SORL_LOG, SORL_LOG_SAMPLE, SORL_METRICS } = Properties.Environment.Variables;
  assert.deepEqual([SORL_LOG, Number(SORL_LOG_SAMPLE), SORL_METRICS], ["debug", 0.5, "off"]);
  for (const group of Object.values(ofType(other, "AWS::Logs::LogGroup"))) assert.equal(Number(group.Properties.RetentionInDays), 7);
});

test("the authorizer is asked about everybody, however the token comes", () => {
  assert.deepEqual(properties("AuthorizeWebsocketsAuthorizer").IdentitySource, []);
  assert.equal(properties("SconnectWebsocketsRoute").AuthorizationType, "CUSTOM");
});

test("what $default returns is sent to the client", () => {
  assert.equal(properties("SdefaultWebsocketsRoute").RouteResponseSelectionExpression, "$default");
  assert.equal(Object.keys(ofType(template, "AWS::ApiGatewayV2::RouteResponse")).length, 1);
});

test("the stage is throttled, and logs neither frames nor headers nor query strings", () => {
  const { DefaultRouteSettings, AccessLogSettings } = properties("WebsocketsDeploymentStage");
  assert.ok(Number(DefaultRouteSettings.ThrottlingRateLimit) > 0 && Number(DefaultRouteSettings.ThrottlingBurstLimit) > 0);
  assert.deepEqual([DefaultRouteSettings.DataTraceEnabled, DefaultRouteSettings.LoggingLevel], [false, "OFF"]);
  const named = AccessLogSettings.Format.match(/\$context\.[\w.]+/g);
  assert.ok(named.length > 5);
  for (const name of named) assert.doesNotMatch(name, /header|query|path|authorizer\.(?!status)|identity/i);
  assert.doesNotMatch(AccessLogSettings.Format, /\n/);
});

test("every log is kept for a time, not for ever", () => {
  const groups = Object.values(ofType(template, "AWS::Logs::LogGroup"));
  assert.equal(groups.length, 7);
  for (const { Properties } of groups) assert.equal(Number(Properties.RetentionInDays), 30);
});

test("every alarm says what to do, and authorize's refusals ring none", () => {
  const alarms = Object.values(ofType(template, "AWS::CloudWatch::Alarm")).map(({ Properties }) => Properties);
  assert.ok(alarms.length > 5);
  for (const alarm of alarms) {
    assert.ok(alarm.AlarmDescription.length > 100, alarm.AlarmName);
    // Who says nothing is well, but for the canary.
    assert.equal(alarm.TreatMissingData, alarm.AlarmName === "sorl-t-canary" ? "breaching" : "notBreaching");
    const watched = (alarm.Dimensions ?? []).map(({ Value }) => Value);
    assert.ok(!(alarm.MetricName === "Errors" && watched.includes("sorl-t-authorize")), alarm.AlarmName);
  }
});

test("the template tells the configuration that it was made with, without any secret", async () => {
  const secret = "a secret of more than thirty-two bytes";
  const toml = `auth = { secret = "${secret}" }\n[namespaces.room]\nshards = 2\n`;
  const { template: told } = await packaged(work, "running", "eu-north-1", { toml });
  assert.ok(told.Metadata.Sorl.Configuration.includes("shards = 2"));
  assert.ok(!JSON.stringify(told).includes(secret));
});
