/**
 * Alarms and dashboards: each metric that they name is one that the code emits or that AWS has, each alarm leads to its
 * runbook, and one cause rings once.
 *
 * Not whether CloudWatch takes them (cfn-lint: lint.test.mjs; the emulator: tests/deployed). What the code emits stands
 * in docs/metrics.md, which tests/tidy compares with the code.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";

import { ROOT } from "../../infra/artifacts.mjs";
import { PICTURE, RECORDING, drawn } from "../../infra/dashboards/draw.mjs";
import { REGIONS, ofType, packaged, plain, workshop } from "./templates.mjs";

const work = workshop();
after(work.close);
let [home, other] = [];
before(async () => {
  home = (await packaged(work, "running", REGIONS[0])).template;
  other = (await packaged(work, "running", REGIONS[1])).template;
});

/** Metric → the sets of dimensions that the documents say CloudWatch has it by, as text. */
function documented() {
  const table = readFileSync(path.join(ROOT, "docs/metrics.md"), "utf8").split("\n").filter((line) => line.startsWith("| "));
  const sets = new Map();
  for (const cell of table.slice(1).flatMap((row) => row.split(" | ")[2]?.split("; ") ?? [])) {
    const [name, ...labels] = [...cell.matchAll(/`(\w+)`/g)].map(([, word]) => word);
    if (name) sets.set(name, [...(sets.get(name) ?? []), ["stage", ...labels].sort().join()]);
  }
  return sets;
}

/** AWS's own, with the dimensions that AWS has them by. */
const AWS_HAS = {
  "AWS/ApiGateway IntegrationError": "ApiId,Stage",
  "AWS/ApiGateway MessageCount": "ApiId",
  "AWS/DynamoDB ReplicationLatency": "ReceivingRegion,TableName",
  "AWS/Lambda ConcurrentExecutions": "FunctionName",
  "AWS/Lambda Duration": "FunctionName",
  "AWS/Lambda Errors": "FunctionName",
  "AWS/Lambda Invocations": "FunctionName",
  "AWS/SNS NumberOfMessagesPublished": "TopicName",
  "AWS/SQS ApproximateAgeOfOldestMessage": "QueueName",
  "AWS/SQS ApproximateNumberOfMessagesVisible": "QueueName",
};

/** What is wrong with naming a metric so; made in the template itself are those of a filter of the logs. */
function fault(template, namespace, name, dimensions) {
  const named = [...dimensions].sort().join();
  const known = documented();
  if (namespace !== "Sorl") return AWS_HAS[`${namespace} ${name}`] === named ? [] : [`${namespace} ${name} by ${named}`];
  const filters = Object.values(ofType(template, "AWS::Logs::MetricFilter")).flatMap(({ Properties }) => Properties.MetricTransformations);
  if (named === "" && filters.some(({ MetricName }) => MetricName === name)) return [];
  return known.get(name)?.includes(named) ? [] : [`Sorl ${name} by ${named}`];
}

const alarms = (template) => Object.values(ofType(template, "AWS::CloudWatch::Alarm")).map(({ Properties }) => Properties);
const trouble = (template) => Object.values(ofType(template, "AWS::CloudWatch::CompositeAlarm")).map(({ Properties }) => Properties);
const dashboards = (template) => Object.values(ofType(template, "AWS::CloudWatch::Dashboard"))
  .map(({ Properties }) => ({ name: Properties.DashboardName, ...JSON.parse(Properties.DashboardBody) }));

/** The metrics that an alarm watches, whether by name or by an expression. */
function watched(alarm) {
  const metrics = alarm.Metrics?.flatMap(({ MetricStat }) => MetricStat?.Metric ?? []) ?? [alarm];
  return metrics.map(({ Namespace, MetricName, Dimensions = [] }) => [Namespace, MetricName, Dimensions.map(({ Name }) => Name)]);
}

/** The metrics of a dashboard: `[namespace, name, dimension, value, …, options]`. */
function shown({ widgets }) {
  const rows = widgets.flatMap(({ properties }) => properties.metrics ?? []).filter(([first]) => typeof first === "string");
  return rows.map(([namespace, name, ...rest]) => [namespace, name, rest.filter((part, at) => at % 2 === 0 && typeof part === "string")]);
}

test("every metric of an alarm is one that the code emits, or AWS's", () => {
  for (const template of [home, other]) {
    const faults = alarms(template).flatMap((alarm) => watched(alarm).flatMap((metric) => fault(template, ...metric)));
    assert.deepEqual(faults, []);
  }
});

test("every metric of a dashboard is one that the code emits, or AWS's", () => {
  for (const template of [home, other]) {
    for (const dashboard of dashboards(template)) {
      assert.ok(shown(dashboard).length > 10, dashboard.name);
      assert.deepEqual(shown(dashboard).flatMap((metric) => fault(template, ...metric)), [], dashboard.name);
    }
  }
});

test("a metric that nobody emits is found", () => {
  assert.equal(fault(home, "Sorl", "posted", ["stage"]).length, 1);
  assert.equal(fault(home, "Sorl", "throttled", ["stage"]).length, 1);
  assert.equal(fault(home, "AWS/SQS", "ApproximateAgeOfOldestMessage", ["Queue"]).length, 1);
  assert.deepEqual(fault(home, "Sorl", "throttled", ["stage", "kind"]), []);
});

test("every alarm leads to a section that says what it means, what to do and when it is over", () => {
  const page = readFileSync(path.join(ROOT, "docs/operations/alarms.md"), "utf8");
  const sections = new Map(page.split("\n## ").slice(1).map((text) => [text.split("\n")[0], text]));
  const linked = new Set();
  for (const alarm of [...alarms(home), ...trouble(home)]) {
    const [, section] = alarm.AlarmDescription.match(/Runbook: docs\/operations\/alarms\.md#([\w-]+)$/) ?? [];
    assert.ok(sections.has(section), `${alarm.AlarmName}: ${section}`);
    assert.ok(alarm.AlarmDescription.length <= 1024, alarm.AlarmName);
    const words = sections.get(section);
    assert.ok(words.includes(alarm.AlarmName.replace("sorl-t-", "")), alarm.AlarmName);
    for (const part of ["**Means**", "**Users feel**", "**Do**", "**Over**"]) assert.ok(words.includes(part.slice(0, -2)), `${section}: ${part}`);
    linked.add(section);
  }
  assert.deepEqual([...sections.keys()].filter((section) => !linked.has(section)), []);
});

test("the runbooks may be elsewhere", async () => {
  const params = { runbooks: "https://wiki.example/alarms" };
  const { template } = await packaged(work, "running", REGIONS[1], { params });
  for (const { AlarmDescription } of alarms(template)) assert.match(AlarmDescription, /Runbook: https:\/\/wiki\.example\/alarms#/);
});

test("one cause rings once: what users feel tells through one alarm, the rest is not urgent", () => {
  const [composite, ...more] = trouble(home);
  assert.equal(more.length, 0);
  const names = (list) => list.map(({ AlarmName }) => AlarmName.replace("sorl-t-", "")).sort();
  const ringing = alarms(home).filter(({ AlarmActions }) => AlarmActions);
  assert.deepEqual(names(ringing), ["dead-letters", "posts-near-quota", "posts-unusual"]);
  const quiet = Object.entries(ofType(home, "AWS::CloudWatch::Alarm")).filter(([, { Properties }]) => !Properties.AlarmActions);
  const gathered = [...composite.AlarmRule.matchAll(/ALARM\("<(\w+)>"\)/g)].map(([, id]) => id);
  assert.deepEqual(gathered.sort(), quiet.map(([id]) => id).sort());
  assert.equal(composite.AlarmRule.replace(/ALARM\("<\w+>"\)/g, "x").replace(/\s+/g, " ").replace(/x OR /g, ""), "x");
});

test("alarms tell the topic that is named, and nobody without one", () => {
  const { Properties } = home.Resources.TroubleAlarm;
  assert.deepEqual(home.Conditions.TellsAlarms, { "Fn::Not": [{ "Fn::Equals": ["", ""] }] });
  assert.equal(Properties.AlarmActions["Fn::If"][0], "TellsAlarms");
  assert.deepEqual(Properties.AlarmActions["Fn::If"][2], { Ref: "AWS::NoValue" });
});

test("posts are near the quota at 80 % of what sorl.toml says", async () => {
  const threshold = (template) => Number(template.Resources.PostsNearQuotaAlarm.Properties.Threshold);
  assert.equal(threshold(home), 8_000);
  const { template } = await packaged(work, "running", REGIONS[0], { toml: '[limits]\nposts = "2500/s"\n' });
  assert.equal(threshold(template), 2_000);
});

test("each region has a dashboard of its own, the home region that of the stage as well", () => {
  assert.deepEqual(dashboards(home).map(({ name }) => name).sort(), ["sorl-t", "sorl-t-us-east-1"]);
  assert.deepEqual(dashboards(other).map(({ name }) => name), ["sorl-t-eu-north-1"]);
  const stage = dashboards(home).find(({ name }) => name === "sorl-t");
  const regions = new Set(stage.widgets.flatMap(({ properties }) => properties.metrics ?? []).map((metric) => metric.at(-1).region));
  assert.deepEqual([...regions], REGIONS);
  assert.match(plain(home.Resources.RegionDashboard).Properties.DashboardBody, /"ApiId","<WebsocketsApi>"/);
});

test("no chart of a dashboard lies on another, and each says what it shows", () => {
  for (const { name, widgets } of [...dashboards(home), ...dashboards(other)]) {
    const taken = new Set();
    for (const { type, x, y, width, height, properties } of widgets) {
      assert.ok(type === "text" || properties.title.length > 5, name);
      for (let column = x; column < x + width; column += 1) {
        for (let row = y; row < y + height; row += 1) {
          const place = `${column},${row}`;
          assert.ok(column < 24 && !taken.has(place), `${name}: ${properties.title ?? properties.markdown} at ${place}`);
          taken.add(place);
        }
      }
    }
  }
});

test("the picture in the documents is drawn from the recording and the widgets of today", () => {
  const recording = JSON.parse(readFileSync(RECORDING, "utf8"));
  assert.equal(readFileSync(PICTURE, "utf8"), drawn(recording), "draw it anew: node infra/dashboards/draw.mjs");
});

test("expressions name metrics of their own chart or alarm", () => {
  const functions = new Set(["IF", "AND", "FILL", "MAX", "PERIOD", "ANOMALY_DETECTION_BAND"]);
  const unknown = (expressions, ids) => expressions.flatMap((text) => text.match(/[A-Za-z_]\w*/g)).filter((word) => !functions.has(word) && !ids.has(word));
  for (const { Metrics = [] } of alarms(home)) {
    const ids = new Set(Metrics.map(({ Id }) => Id));
    assert.deepEqual(unknown(Metrics.flatMap(({ Expression }) => Expression ?? []), ids), []);
  }
  for (const { properties } of dashboards(home).flatMap(({ widgets }) => widgets)) {
    const options = (properties.metrics ?? []).map((metric) => metric.at(-1));
    const ids = new Set(options.flatMap(({ id }) => id ?? []));
    assert.deepEqual(unknown(options.flatMap(({ expression }) => expression ?? []), ids), [], properties.title);
  }
});
