/**
 * An osls plugin: each function is published as a version, and whoever calls it does so by its alias `live`.
 *
 * Not how a new version takes over (rollout.yml). The invariant: routes, the authorizer, the queues and the schedule name
 * the alias and have the right to call it alone, so what is deployed serves nobody before the alias points at it.
 */
"use strict";

const ALIAS = "live";
/** As CodeDeploy names them, behind `CodeDeployDefault.Lambda`. */
const ROLLOUTS = /^(AllAtOnce|Canary10Percent(5|10|15|30)Minutes|Linear10PercentEvery(1Minute|(2|3|10)Minutes))$/;

module.exports = class Live {
  constructor(serverless) {
    this.service = serverless.service;
    const { naming } = serverless.getProvider("aws");
    this.logicalId = (name) => `${naming.getNormalizedFunctionName(name)}LiveAlias`;
    this.functionId = (name) => naming.getLambdaLogicalId(name);
    this.hooks = {
      "before:package:compileFunctions": () => this.aim(),
      "after:package:compileFunctions": () => this.publish(),
    };
  }

  /** What osls makes of a function's events from here on calls the alias. */
  aim() {
    const { rollout } = this.service.custom;
    if (!ROLLOUTS.test(rollout)) {
      throw new Error(`rollout ${rollout}: AllAtOnce, Canary10Percent10Minutes (5, 10, 15, 30) or Linear10PercentEvery1Minute (2Minutes, 3, 10)`);
    }
    for (const [name, called] of this.functions()) called.targetAlias = { name: ALIAS, logicalId: this.logicalId(name) };
  }

  publish() {
    const { Resources } = this.service.provider.compiledCloudFormationTemplate;
    for (const [name, { condition, versionLogicalId, targetAlias }] of this.functions()) {
      // Former versions are kept, for a way back. Not one whose deployment failed: the next attempt may be the same to the
      // byte, and Lambda publishes nothing twice.
      Resources[versionLogicalId].DeletionPolicy = "RetainExceptOnCreate";
      Resources[targetAlias.logicalId] = {
        Type: "AWS::Lambda::Alias",
        ...(condition ? { Condition: condition } : {}),
        Properties: {
          Name: ALIAS,
          FunctionName: { Ref: this.functionId(name) },
          FunctionVersion: { "Fn::GetAtt": [versionLogicalId, "Version"] },
        },
      };
    }
  }

  functions() {
    return this.service.getAllFunctions().map((name) => [name, this.service.getFunction(name)]);
  }
};
