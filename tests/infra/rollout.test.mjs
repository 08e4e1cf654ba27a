/**
 * Versions and the alias `live`: nobody calls a function but by it, and where it is asked for a new version takes over by
 * degrees, watched by alarms that there are.
 *
 * Not what CodeDeploy makes of it, which only AWS has; that versions take over and give back while clients stay is shown in
 * tests/deployed.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { FUNCTIONS } from "../../infra/artifacts.mjs";
import { ofType, packaged, plain, workshop } from "./templates.mjs";

const work = workshop();
after(work.close);
const REGION = "eu-north-1";
let [atOnce, gradual] = [];
before(async () => {
  atOnce = (await packaged(work, "running", REGION)).template;
  gradual = (await packaged(work, "running", REGION, { params: { rollout: "Canary10Percent10Minutes", canary: "on" } })).template;
});
const title = (name) => name[0].toUpperCase() + name.slice(1);
/** The functions that CodeDeploy moves. */
const MOVED = FUNCTIONS.filter((name) => name !== "canary");
const properties = (template, type) => Object.values(ofType(template, type)).map(({ Properties }) => Properties);

test("every function has a version, and an alias that names it", () => {
  const versions = ofType(atOnce, "AWS::Lambda::Version");
  assert.equal(Object.keys(versions).length, FUNCTIONS.length);
  for (const name of FUNCTIONS) {
    const { Properties } = plain(atOnce.Resources[`${title(name)}LiveAlias`]);
    const [version] = Object.keys(versions).filter((id) => versions[id].Properties.FunctionName === `<${title(name)}LambdaFunction>`);
    assert.deepEqual(Properties, { Name: "live", FunctionName: `<${title(name)}LambdaFunction>`, FunctionVersion: `<${version}.Version>` });
  }
});

test("whoever calls a function does so by its alias, and may not otherwise", () => {
  const callers = [
    ...properties(atOnce, "AWS::ApiGatewayV2::Integration").map(({ IntegrationUri }) => IntegrationUri),
    ...properties(atOnce, "AWS::ApiGatewayV2::Authorizer").map(({ AuthorizerUri }) => AuthorizerUri),
    ...properties(atOnce, "AWS::Lambda::EventSourceMapping").map(({ FunctionName }) => FunctionName),
    ...properties(atOnce, "AWS::Events::Rule").flatMap(({ Targets }) => Targets.map(({ Arn }) => Arn)),
  ];
  assert.equal(callers.length, 3 + 1 + 2 + 1);
  const permissions = properties(atOnce, "AWS::Lambda::Permission").map(({ FunctionName }) => FunctionName);
  assert.equal(permissions.length, 3 + 1 + 1);
  for (const called of [...callers, ...permissions]) assert.match(called, /<\w+LambdaFunction\.Arn>:live(\/invocations)?$/);
  // Before the alias is there, nothing may name it.
  for (const [id, { DependsOn }] of Object.entries(atOnce.Resources).filter(([, { Type }]) => Type === "AWS::Lambda::Permission")) {
    assert.ok([DependsOn].flat().some((other) => other.endsWith("LiveAlias")), id);
  }
});

test("what was deployed stays there for a way back, but not what failed to deploy", () => {
  for (const [id, { DeletionPolicy }] of Object.entries(ofType(atOnce, "AWS::Lambda::Version"))) {
    assert.equal(DeletionPolicy, "RetainExceptOnCreate", id);
  }
});

test("a version is another as soon as its function is", async () => {
  const versions = (template) => Object.keys(ofType(template, "AWS::Lambda::Version")).sort();
  assert.deepEqual(versions(gradual), versions(atOnce), "how it is rolled out changes nothing");
  const other = (await packaged(work, "running", REGION, { params: { deliverMemory: 1024 } })).template;
  const changed = versions(other).filter((id) => !versions(atOnce).includes(id));
  assert.deepEqual(changed.map((id) => id.split("LambdaVersion")[0]), ["Deliver"]);
});

test("without being asked for, no rollout is gradual, and CodeDeploy is not needed", () => {
  assert.deepEqual(atOnce.Conditions.IsGradual, { "Fn::Not": [{ "Fn::Equals": ["AllAtOnce", "AllAtOnce"] }] });
  assert.deepEqual(gradual.Conditions.IsGradual, { "Fn::Not": [{ "Fn::Equals": ["Canary10Percent10Minutes", "AllAtOnce"] }] });
  const conditional = Object.entries(atOnce.Resources).filter(([, { Condition }]) => Condition === "IsGradual").map(([id]) => id);
  assert.deepEqual(conditional.sort(), ["Rollout", "RolloutRole", ...MOVED.map((name) => `${title(name)}Rollout`)].sort());
});

test("a gradual rollout moves every alias but the canary's, which watches the others", () => {
  for (const name of MOVED) {
    assert.deepEqual(gradual.Resources[`${title(name)}LiveAlias`].UpdatePolicy.CodeDeployLambdaAliasUpdate, {
      "Fn::If": ["IsGradual", { ApplicationName: { Ref: "Rollout" }, DeploymentGroupName: { Ref: `${title(name)}Rollout` } }, { Ref: "AWS::NoValue" }],
    });
    const group = plain(gradual.Resources[`${title(name)}Rollout`]).Properties;
    assert.deepEqual([group.ApplicationName, group.DeploymentGroupName], ["<Rollout>", name]);
    assert.equal(group.DeploymentConfigName, "CodeDeployDefault.LambdaCanary10Percent10Minutes");
    assert.deepEqual(group.DeploymentStyle, { DeploymentType: "BLUE_GREEN", DeploymentOption: "WITH_TRAFFIC_CONTROL" });
  }
  assert.equal(gradual.Resources.CanaryLiveAlias.UpdatePolicy, undefined);
});

test("it goes back when it fails, when it is stopped, and when an alarm of the function or the canary rings", () => {
  for (const name of MOVED) {
    const { AutoRollbackConfiguration: back, AlarmConfiguration: watched } = plain(gradual.Resources[`${title(name)}Rollout`]).Properties;
    assert.deepEqual(back, { Enabled: true, Events: ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM", "DEPLOYMENT_STOP_ON_REQUEST"] });
    const alarms = watched.Alarms.map(({ Name }) => Name.slice(1, -1));
    assert.ok(watched.Enabled && alarms.length <= 10 && alarms.includes("CanaryAlarm"), name);
    for (const id of alarms) assert.equal(gradual.Resources[id].Type, "AWS::CloudWatch::Alarm", `${name}: ${id}`);
    const own = alarms.filter((id) => id === "AuthorizeFaultsAlarm" || id.endsWith("ErrorsAlarm")).map((id) => id.replace(/(Faults|Errors)Alarm/, ""));
    assert.ok(own.includes(title(name)) && own.every((of) => [title(name), "Gateway"].includes(of)), `${name}: ${own}`);
  }
});

test("alarms of a function's errors ring for all its versions", () => {
  const errors = properties(atOnce, "AWS::CloudWatch::Alarm").filter(({ Namespace }) => Namespace === "AWS/Lambda");
  assert.equal(errors.length, 4);
  for (const { Dimensions } of errors) assert.deepEqual(Dimensions.map(({ Name }) => Name), ["FunctionName"]);
});

test("CodeDeploy's role is AWS's own for this, for this account's deployments", () => {
  const { Properties } = plain(gradual.Resources.RolloutRole);
  assert.deepEqual(Properties.ManagedPolicyArns, ["arn:<Partition>:iam::aws:policy/service-role/AWSCodeDeployRoleForLambdaLimited"]);
  assert.equal(Properties.Policies, undefined);
  const [statement, ...more] = Properties.AssumeRolePolicyDocument.Statement;
  assert.deepEqual([more, statement.Principal], [[], { Service: "codedeploy.amazonaws.com" }]);
  assert.deepEqual(statement.Condition, { StringEquals: { "aws:SourceAccount": "<AccountId>" } });
});

test("a rollout that CodeDeploy does not know is refused before anything is deployed", async () => {
  await assert.rejects(packaged(work, "running", REGION, { params: { rollout: "Canary20Percent" } }), ({ stdout, stderr }) =>
    /rollout Canary20Percent: AllAtOnce, Canary10Percent10Minutes/.test(stdout + stderr));
});
