/**
 * Publishes with the AWS SDK for JavaScript as any Node program would:
 * publish.mjs REGION TOPIC CHANNEL.
 *
 * Prints what SNS answered as one JSON object. The endpoint and the credentials
 * come from the environment, so there is nothing of Sorl in here.
 */

import { PublishBatchCommand, PublishCommand, SNSClient } from "@aws-sdk/client-sns";

const [region, topic, channel] = process.argv.slice(2);
const sns = new SNSClient({ region });

const envelope = (data, more = {}) => JSON.stringify({ channel, data, ...more });
const attribute = (DataType) => ({ channel: { DataType, StringValue: channel } });

async function relayRefuses() {
  const relay = topic.replace(/messages$/, "relay");
  try {
    await sns.send(new PublishCommand({ TopicArn: relay, Message: "{}" }));
    return null;
  } catch (refusal) {
    return refusal.Code ?? refusal.name.replace(/Exception$/, "");
  }
}

const single = await sns.send(
  new PublishCommand({ TopicArn: topic, Message: envelope({ text: "hello" }, { user: "billing-bot" }) }),
);
await sns.send(
  new PublishCommand({ TopicArn: topic, Message: "plain text", MessageAttributes: attribute("String") }),
);
const entries = Array.from({ length: 8 }, (_, n) => ({ Id: `n${n}`, Message: envelope(n) }));
// SNS refuses an attribute of no known type; Sorl cannot use a message without a channel.
entries.push({ Id: "refused", Message: "x", MessageAttributes: attribute("Nonsense") });
entries.push({ Id: "useless", Message: "no channel" });
const batch = await sns.send(
  new PublishBatchCommand({ TopicArn: topic, PublishBatchRequestEntries: entries }),
);

console.log(
  JSON.stringify({
    message_id: single.MessageId,
    successful: batch.Successful?.length ?? 0,
    failed: (batch.Failed ?? []).map((entry) => entry.Id),
    relay: await relayRefuses(),
  }),
);
