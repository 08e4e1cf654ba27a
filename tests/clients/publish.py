"""Publishes with boto3 as any Python program would: publish.py REGION TOPIC CHANNEL.

Prints what SNS answered as one JSON object. The endpoint and the credentials come from the environment, so
there is nothing of Sorl in here.
"""

import json
import sys

import boto3
from botocore.exceptions import ClientError

region, topic, channel = sys.argv[1:]
sns = boto3.client("sns", region_name=region)


def envelope(data, **more):
    return json.dumps({"channel": channel, "data": data, **more})


def relay_refuses():
    try:
        sns.publish(TopicArn=topic.removesuffix("messages") + "relay", Message="{}")
    except ClientError as refusal:
        return refusal.response["Error"]["Code"]
    return None


single = sns.publish(TopicArn=topic, Message=envelope({"text": "hello"}, user="billing-bot"))
sns.publish(
    TopicArn=topic,
    Message="plain text",
    MessageAttributes={"channel": {"DataType": "String", "StringValue": channel}},
)
entries = [{"Id": f"n{n}", "Message": envelope(n)} for n in range(8)]
# SNS refuses an attribute of no known type; Sorl cannot use a message without a channel.
entries.append({
    "Id": "refused",
    "Message": "x",
    "MessageAttributes": {"channel": {"DataType": "Nonsense", "StringValue": channel}},
})
entries.append({"Id": "useless", "Message": "no channel"})
batch = sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=entries)

print(json.dumps({
    "message_id": single["MessageId"],
    "successful": len(batch["Successful"]),
    "failed": [entry["Id"] for entry in batch["Failed"]],
    "relay": relay_refuses(),
}))
