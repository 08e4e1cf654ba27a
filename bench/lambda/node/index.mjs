/**
 * The peer of `deliver` in Node, as a team writes it with the AWS SDK, and written well: one batch write to the log,
 * audiences read page by page, posts by as many workers as there are sockets.
 *
 * Around the handler stands a loop over Lambda's runtime API as the managed runtime has it. Not Sorl's whole work: no
 * retries by slices, no clean-up, no coalescing.
 */
import { createHash } from "node:crypto";
import http from "node:http";

import { ApiGatewayManagementApiClient, PostToConnectionCommand } from "@aws-sdk/client-apigatewaymanagementapi";
import { BatchWriteItemCommand, DynamoDBClient, QueryCommand } from "@aws-sdk/client-dynamodb";
import { NodeHttpHandler } from "@smithy/node-http-handler";

const { AWS_REGION: region, AWS_LAMBDA_RUNTIME_API: api, SORL_GATEWAY: endpoint } = process.env;
/** The SDK's default; more is asked for by an agent of our own. */
const DEFAULT_SOCKETS = 50;
const sockets = Number(process.env.SOCKETS ?? DEFAULT_SOCKETS);

const agents = { httpAgent: { maxSockets: sockets, keepAlive: true }, httpsAgent: { maxSockets: sockets, keepAlive: true } };
const tuned = sockets === DEFAULT_SOCKETS ? {} : { requestHandler: new NodeHttpHandler(agents) };
const dynamodb = new DynamoDBClient({});
const gateway = new ApiGatewayManagementApiClient({ endpoint, ...tuned });

async function handler(event) {
  const messages = event.Records.map((record) => read(JSON.parse(record.body)));
  await log(messages);
  const posts = [];
  await Promise.all(
    messages.map(async (message) => {
      const Data = Buffer.from(JSON.stringify({ type: "messages", messages: [message] }));
      for await (const ConnectionId of audience(message.channel)) posts.push({ ConnectionId, Data });
    }),
  );
  let next = 0;
  const worker = async () => {
    while (next < posts.length) await gateway.send(new PostToConnectionCommand(posts[next++]));
  };
  await Promise.all(Array.from({ length: sockets }, worker));
  return { batchItemFailures: [] };
}

/** The message of an SNS notification, with an id that is the same in every region. */
function read({ MessageId, Message, Timestamp }) {
  const { channel, data } = JSON.parse(Message);
  const at = Date.parse(Timestamp);
  const time = at.toString(16).padStart(12, "0");
  const tail = createHash("sha256").update(MessageId).digest("hex");
  const id = `${time.slice(0, 8)}-${time.slice(8)}-7${tail.slice(0, 3)}-8${tail.slice(3, 6)}-${tail.slice(6, 18)}`;
  return { id, channel, data, at, region };
}

async function log(messages) {
  const puts = messages.map((message) => ({
    PutRequest: {
      Item: {
        pk: { S: message.channel },
        sk: { S: message.id },
        message: { S: JSON.stringify(message) },
        expires_at: { N: String(Math.ceil(message.at / 1000) + 86_400) },
      },
    },
  }));
  for (let from = 0; from < puts.length; from += 25) {
    const RequestItems = { [process.env.SORL_MESSAGES_TABLE]: puts.slice(from, from + 25) };
    await dynamodb.send(new BatchWriteItemCommand({ RequestItems }));
  }
}

async function* audience(channel) {
  let ExclusiveStartKey;
  do {
    const page = await dynamodb.send(
      new QueryCommand({
        TableName: process.env.SORL_CONNECTIONS_TABLE,
        KeyConditionExpression: "pk = :pk",
        ExpressionAttributeValues: { ":pk": { S: `${channel}#${region}#0` } },
        ProjectionExpression: "sk, expires_ms",
        ConsistentRead: true,
        ExclusiveStartKey,
      }),
    );
    const now = Date.now();
    for (const row of page.Items) if (Number(row.expires_ms.N) > now) yield row.sk.S;
    ExclusiveStartKey = page.LastEvaluatedKey;
  } while (ExclusiveStartKey);
}

const [host, port] = api.split(":");
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });

/** A call of the runtime API. */
function call(method, path, body) {
  return new Promise((resolve, reject) => {
    const request = http.request({ host, port, agent, method, path: `/2018-06-01/runtime/${path}` }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (part) => (text += part));
      response.on("end", () => resolve({ headers: response.headers, text }));
    });
    request.on("error", reject);
    if (body !== undefined) request.setHeader("Content-Length", Buffer.byteLength(body));
    request.end(body);
  });
}

for (;;) {
  const { headers, text } = await call("GET", "invocation/next");
  const id = headers["lambda-runtime-aws-request-id"];
  try {
    await call("POST", `invocation/${id}/response`, JSON.stringify(await handler(JSON.parse(text))));
  } catch (fault) {
    console.error(fault);
    await call("POST", `invocation/${id}/error`, JSON.stringify({ errorMessage: String(fault) }));
  }
}
