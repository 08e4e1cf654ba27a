/**
 * What stands in AWS of a stage: its three stacks in each region, as CloudFormation tells.
 *
 * Only asks. A stack that cannot be worked on (another deployment under way, a first one that failed) is an error
 * here, with what to do, before anything is begun.
 */
import { CloudFormationClient, DescribeStacksCommand } from "@aws-sdk/client-cloudformation";

/** The three stacks of a region: where osls finds each, and what it is called. */
export const STACKS = {
  state: { folder: "infra", service: "sorl-state", holds: "state (tables, topics, queues)" },
  subscriptions: { folder: "infra/subscriptions", service: "sorl-subscriptions", holds: "subscriptions (to every region's topics)" },
  running: { folder: ".", service: "sorl", holds: "what runs (functions, WebSocket API, alarms)" },
};

export const stackName = (kind, stage) => `${STACKS[kind].service}-${stage}`;

/** @returns {Promise<Record<string, Record<string, Record<string, string> | null>>>} outputs by region and kind. */
export async function observe(stage, regions) {
  const observed = {};
  for (const region of regions) observed[region] = await observeRegion(stage, region);
  return observed;
}

async function observeRegion(stage, region) {
  const client = new CloudFormationClient({ region });
  const outputs = {};
  for (const kind of Object.keys(STACKS)) outputs[kind] = await outputsOf(client, stackName(kind, stage), region);
  client.destroy();
  return outputs;
}

/** The stack's outputs; null if it is not there or never was deployed whole. */
async function outputsOf(client, name, region) {
  const stack = await describe(client, name, region);
  if (!stack) return null;
  const fault = faultOf(stack.StackStatus);
  if (fault) throw new Error(`stack ${name} in ${region} is ${stack.StackStatus}: ${fault(name, region)}`);
  return Object.fromEntries((stack.Outputs ?? []).map(({ OutputKey, OutputValue }) => [OutputKey, OutputValue]));
}

async function describe(client, name, region) {
  try {
    const { Stacks } = await client.send(new DescribeStacksCommand({ StackName: name }));
    return Stacks.find((stack) => stack.StackStatus !== "DELETE_COMPLETE");
  } catch (error) {
    if (error.name === "ValidationError" && /does not exist/.test(error.message)) return undefined;
    throw new Error(explain(error, region), { cause: error });
  }
}

function faultOf(status) {
  if (status.endsWith("_IN_PROGRESS")) return () => "somebody is working on it; wait until that has ended";
  if (["ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED"].includes(status)) {
    return (name, region) => `its first deployment failed; aws cloudformation delete-stack --stack-name ${name} --region ${region}`;
  }
  if (status === "UPDATE_ROLLBACK_FAILED") {
    return (name, region) => `aws cloudformation continue-update-rollback --stack-name ${name} --region ${region}`;
  }
  return undefined;
}

/** What went wrong between here and AWS, in words for whoever deploys. */
export function explain(error, region) {
  const text = `${error.name ?? ""} ${error.message ?? error}`;
  if (/CredentialsProviderError|Could not load credentials|Missing credentials/i.test(text)) {
    return "no AWS credentials: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";
  }
  if (/ExpiredToken/i.test(text)) return "the AWS credentials have expired: sign in again";
  if (/UnrecognizedClient|InvalidClientTokenId|security token.*invalid/i.test(text)) {
    return `${region} does not accept the credentials: are they right, and is the region enabled in this account?`;
  }
  if (/AccessDenied|not authorized/i.test(text)) {
    return `${error.message}\n(the rights that whoever deploys needs are in infra/deployer-policy.json)`;
  }
  if (/ENOTFOUND|ECONNREFUSED|EAI_AGAIN/i.test(text)) {
    return `AWS cannot be reached in ${region} (${error.message}): is it the name of a region, and AWS_ENDPOINT_URL right?`;
  }
  return `${region}: ${error.message ?? error}`;
}
