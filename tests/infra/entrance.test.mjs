/**
 * The entrance and the canary: there only where they are wanted, one name for all regions and one for each, and a region
 * whose canary does not get through is left out by DNS.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import entrance from "../../infra/entrance.cjs";
import { ofType, packaged, plain, workshop } from "./templates.mjs";

const work = workshop();
after(work.close);
const REGION = "eu-north-1";
const certificate = (region) => `arn:aws:acm:${region}:123456789012:certificate/for-${region}`;
const PARAMS = {
  domain: "chat.example.com",
  zone: "Z0123456789ABCDEFGHIJ",
  certificates: `${certificate("us-east-1")};${certificate(REGION)}`,
};
let [without, whole] = [];
before(async () => {
  without = (await packaged(work, "running", REGION)).template;
  whole = (await packaged(work, "running", REGION, { params: PARAMS })).template;
});
const properties = (id) => plain(whole.Resources[id]).Properties;
/** Whether a condition holds in a template. */
function holds(template, condition) {
  const value = template.Conditions[condition] ?? condition;
  if ("Fn::Equals" in value) return value["Fn::Equals"][0] === value["Fn::Equals"][1];
  if ("Fn::Not" in value) return !holds(template, value["Fn::Not"][0]);
  if ("Fn::Or" in value) return value["Fn::Or"].some((part) => holds(template, part));
  return holds(template, value.Condition);
}
const conditional = (condition) => Object.entries(whole.Resources).filter(([, { Condition }]) => Condition === condition).map(([id]) => id);

test("without a domain there is no entrance, and no canary unless it is asked for", async () => {
  assert.deepEqual([holds(without, "HasDomain"), holds(without, "HasCanary")], [false, false]);
  assert.deepEqual([holds(whole, "HasDomain"), holds(whole, "HasCanary")], [true, true]);
  const alone = (await packaged(work, "running", REGION, { params: { canary: "on" } })).template;
  assert.deepEqual([holds(alone, "HasDomain"), holds(alone, "HasCanary")], [false, true]);
});

test("whatever belongs to the entrance or to the canary is there only where they are", () => {
  const belongs = (pattern) => Object.keys(whole.Resources).filter((id) => pattern.test(id)).sort();
  assert.deepEqual(conditional("HasDomain").sort(), belongs(/^Entrance|^Region(?!Dashboard)/));
  assert.deepEqual(conditional("HasCanary").sort(), belongs(/^Canary/));
  assert.ok(conditional("HasCanary").length >= 6 && conditional("HasDomain").length >= 7);
});

test("the canary flies once a minute, with a bound", () => {
  const [rule] = Object.values(ofType(whole, "AWS::Events::Rule"));
  assert.deepEqual([rule.Properties.ScheduleExpression, rule.Properties.State], ["rate(1 minute)", "ENABLED"]);
  assert.equal(properties("CanaryLambdaFunction").Timeout, 30);
});

test("the canary comes by the region's own name, or else by the API's address, or as it is told", async () => {
  const url = (template) => plain(template.Resources.CanaryLambdaFunction).Properties.Environment.Variables.SORL_CANARY_URL;
  assert.equal(url(whole), "wss://eu-north-1.chat.example.com");
  assert.equal(url(without), "wss://<WebsocketsApi>.execute-api.<Region>.<URLSuffix>/t");
  const told = await packaged(work, "running", REGION, { params: { ...PARAMS, canaryUrl: "ws://127.0.0.1/${WebsocketsApi}" } });
  assert.equal(url(told.template), "ws://127.0.0.1/<WebsocketsApi>");
});

test("both names show the region's certificate and lead to the stage", () => {
  for (const [name, domain] of [["Entrance", "chat.example.com"], ["Region", "eu-north-1.chat.example.com"]]) {
    const { DomainName, DomainNameConfigurations: [tls] } = properties(`${name}Domain`);
    assert.deepEqual([DomainName, tls.CertificateArn, tls.EndpointType], [domain, certificate(REGION), "REGIONAL"]);
    assert.deepEqual(properties(`${name}Mapping`), { ApiId: "<WebsocketsApi>", Stage: "<WebsocketsDeploymentStage>", DomainName: `<${name}Domain>` });
    assert.deepEqual(properties(`${name}Record`).AliasTarget, {
      DNSName: `<${name}Domain.RegionalDomainName>`,
      HostedZoneId: `<${name}Domain.RegionalHostedZoneId>`,
    });
  }
});

test("DNS answers the one name with the nearest region that is well, and each region's own name always", () => {
  const { Region, SetIdentifier, HealthCheckId } = properties("EntranceRecord");
  assert.deepEqual([Region, SetIdentifier, HealthCheckId], [REGION, REGION, "<RegionHealth>"]);
  const own = properties("RegionRecord");
  assert.deepEqual([own.Region, own.HealthCheckId], [undefined, undefined]);
});

test("a region is well as long as its canary says so, and one that says nothing is not", () => {
  const { HealthCheckConfig: config } = properties("RegionHealth");
  assert.deepEqual(config.AlarmIdentifier, { Name: "<CanaryAlarm>", Region: REGION });
  assert.deepEqual([config.Type, config.InsufficientDataHealthStatus], ["CLOUDWATCH_METRIC", "Unhealthy"]);
  // Route 53 follows an alarm of one metric only.
  const alarm = properties("CanaryAlarm");
  assert.deepEqual([alarm.MetricName, alarm.Metrics, alarm.TreatMissingData], ["canary_ok", undefined, "breaching"]);
});

test("clients are told the names", () => {
  assert.equal(whole.Outputs.Entrance.Value, "wss://chat.example.com");
  assert.equal(whole.Outputs.RegionEntrance.Value, "wss://eu-north-1.chat.example.com");
});

test("a domain that lacks something is refused, with all that it lacks", () => {
  const refused = (more, region = REGION) => {
    try {
      entrance.certificateOf({ ...PARAMS, ...more }, region);
    } catch (fault) {
      return fault.message;
    }
    return "";
  };
  assert.equal(refused({}), "");
  assert.match(entrance.certificateOf({ domain: "", zone: "", certificates: "" }, REGION), /certificate\/none$/);
  assert.match(refused({}, "ap-southeast-2"), /none of ap-southeast-2; ask ACM there/);
  assert.match(refused({ zone: "" }), /zone: the id/);
  assert.match(refused({ domain: "https://chat.example.com" }), /^domain https/);
  assert.match(refused({ domain: "chat", zone: "x", certificates: "y" }), /domain .*zone.*y is no certificate.*none of eu-north-1/);
});
