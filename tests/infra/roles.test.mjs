/**
 * Each function's role has the rights that its handler's ports need, and no other.
 *
 * The ports are read from the handlers' sources: a call that is added there fails this test until the role has its
 * right, and a right that no call needs fails it too.
 */
import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";

import { FUNCTIONS, HANDLERS, ROOT } from "../../infra/artifacts.mjs";
import { ofType, packaged, workshop } from "./templates.mjs";

const work = workshop();
after(work.close);
let roles;
before(async () => {
  roles = ofType((await packaged(work, "running", "eu-north-1")).template, "AWS::IAM::Role");
});

const table = (name) => `arn:<Partition>:dynamodb:<Region>:<AccountId>:table/sorl-t-${name}`;
const queue = (name) => `arn:<Partition>:sqs:<Region>:<AccountId>:sorl-t-${name}`;
const posts = (verb) => `execute-api:ManageConnections arn:<Partition>:execute-api:<Region>:<AccountId>:<WebsocketsApi>/t/${verb}/@connections/*`;
const CONNECTIONS = table("connections");
const MESSAGES = table("messages");

/** What each call of a port does to AWS. */
const RIGHTS = {
  "registry.put": [`dynamodb:PutItem ${CONNECTIONS}`],
  "registry.get": [`dynamodb:Query ${CONNECTIONS}`],
  "registry.delete": [`dynamodb:DeleteItem ${CONNECTIONS}`],
  "registry.audience": [`dynamodb:Query ${CONNECTIONS}`],
  "registry.presence": [`dynamodb:Query ${CONNECTIONS}`],
  "registry.rows_of": [`dynamodb:Query ${CONNECTIONS}/index/by-connection`],
  "registry.put_block": [`dynamodb:PutItem ${CONNECTIONS}`],
  "registry.blocks": [`dynamodb:Query ${CONNECTIONS}`],
  "registry.spend": [`dynamodb:Query ${CONNECTIONS}`, `dynamodb:PutItem ${CONNECTIONS}`],
  "log.append": [`dynamodb:BatchWriteItem ${MESSAGES}`],
  "log.mark": [`dynamodb:PutItem ${MESSAGES}`],
  "log.marks": [`dynamodb:Query ${MESSAGES}`],
  "log.read": [`dynamodb:Query ${MESSAGES}`],
  "log.range": [`dynamodb:Query ${MESSAGES}`],
  "log.epochs": [`dynamodb:Query ${MESSAGES}`],
  "bus.publish": ["sns:Publish arn:<Partition>:sns:<Region>:<AccountId>:sorl-t-relay"],
  "queue.send": [`sqs:SendMessage ${queue("bulk")}`],
  "queue.bury": [`sqs:SendMessage ${queue("dead-letters")}`],
  "gateway.post": [posts("POST")],
  "gateway.close": [posts("DELETE")],
  "keys.find": ["secretsmanager:GetSecretValue arn:<Partition>:secretsmanager:<Region>:<AccountId>:secret:sorl-t-jwt-??????"],
};

/** What Lambda does in the function's name, whatever the handler. */
const OF_LAMBDA = (name) => [
  ...["CreateLogStream", "PutLogEvents"].map((action) => `logs:${action} arn:<Partition>:logs:<Region>:<AccountId>:log-group:/aws/lambda/sorl-t-${name}:*`),
  ...(name === "deliver" ? ["ReceiveMessage", "DeleteMessage", "GetQueueAttributes"] : []).flatMap((action) =>
    ["live", "bulk"].map((of) => `sqs:${action} ${queue(of)}`),
  ),
];

const CORE = path.join(ROOT, "crates/sorl-core/src");
const filesOf = (handler) =>
  existsSync(path.join(CORE, handler))
    ? readdirSync(path.join(CORE, handler)).filter((file) => file !== "tests.rs").map((file) => path.join(CORE, handler, file))
    : [path.join(CORE, `${handler}.rs`)];
const sourceOf = (handler) => filesOf(handler).map((file) => readFileSync(file, "utf8").split("\n#[cfg(test)]")[0]).join("\n");

/** The calls of ports in a handler's source, and in the functions that it takes from other handlers. */
function callsOf(handler) {
  const own = sourceOf(handler);
  const borrowed = [...own.matchAll(/use crate::(\w+)::(?:\{([^}]*)\}|(\w+));/g)]
    .filter(([, other]) => HANDLERS.includes(other) && other !== handler)
    .flatMap(([, other, many, one]) => (many ?? one).split(",").map((name) => bodyOf(other, name.trim())));
  const calls = [own, ...borrowed].join("\n").matchAll(/\b(registry|log|bus|queue|gateway|keys)\s*\.\s*(\w+)\s*\(/g);
  return [...new Set([...calls].map(([, port, method]) => `${port}.${method}`))].filter((call) => call in RIGHTS);
}

function bodyOf(handler, name) {
  const [, body] = sourceOf(handler).split(new RegExp(`\\bfn ${name}\\b`));
  return body?.split("\n}\n")[0] ?? "";
}

/** A role's rights, one `action resource` each. */
function rightsOf(name) {
  const role = Object.values(roles).find(({ Properties }) => Properties.RoleName === `sorl-t-${name}-eu-north-1`);
  const statements = role.Properties.Policies.flatMap(({ PolicyDocument }) => PolicyDocument.Statement);
  for (const { Effect } of statements) assert.equal(Effect, "Allow");
  return statements.flatMap(({ Action, Resource }) => [Action].flat().flatMap((action) => [Resource].flat().map((of) => `${action} ${of}`)));
}

for (const name of HANDLERS) {
  test(`the role of ${name} has what its handler's ports need, and nothing else`, () => {
    const calls = callsOf(name);
    assert.ok(calls.length > 0, "the handler calls no port: has its source moved?");
    // `deliver` also writes down, once a cold start, how long the log keeps what (a put of the log's own).
    const needed = new Set([...OF_LAMBDA(name), ...calls.flatMap((call) => RIGHTS[call])]);
    assert.deepEqual([...new Set(rightsOf(name))].sort(), [...needed].sort());
  });
}

test("the canary may read the one secret that its token comes from, and nothing else", async () => {
  const secret = (name) => `secretsmanager:GetSecretValue arn:<Partition>:secretsmanager:<Region>:<AccountId>:secret:${name}-??????`;
  assert.deepEqual([...rightsOf("canary")].sort(), [...OF_LAMBDA("canary"), secret("sorl-t-jwt")].sort());
  const params = { canaryToken: "sorl-canary-token" };
  const told = ofType((await packaged(work, "running", "eu-north-1", { params })).template, "AWS::IAM::Role");
  assert.ok(JSON.stringify(told.CanaryRole).includes("secret:sorl-canary-token-??????"));
  assert.ok(!JSON.stringify(told.CanaryRole).includes("sorl-t-jwt"));
});

test("every method of a port is known here", () => {
  const methods = ["registry", "log", "bus", "queue", "gateway", "keys"].flatMap((port) => {
    const text = readFileSync(path.join(CORE, "ports", `${port}.rs`), "utf8");
    return [...text.matchAll(/async fn (\w+)/g)].map(([, method]) => `${port}.${method}`);
  });
  assert.deepEqual(methods.sort(), Object.keys(RIGHTS).sort());
});

test("the adapters make no call that no role allows", () => {
  const folder = path.join(ROOT, "crates/sorl-aws/src");
  const sources = readdirSync(folder, { recursive: true }).filter((file) => file.endsWith(".rs"));
  const text = sources.map((file) => readFileSync(path.join(folder, file), "utf8")).join("\n");
  for (const call of ["scan", "get_item", "batch_get_item", "update_item", "transact_write_items", "execute_statement"]) {
    assert.ok(!text.includes(`.${call}()`), call);
  }
});

test("only Lambda takes on the roles of functions", () => {
  for (const [id, { Properties }] of Object.entries(roles).filter(([id]) => id !== "RolloutRole")) {
    assert.deepEqual(Properties.AssumeRolePolicyDocument.Statement.map(({ Principal }) => Principal), [{ Service: "lambda.amazonaws.com" }], id);
    assert.equal(Properties.ManagedPolicyArns, undefined, id);
  }
});

test("nothing is allowed on everything, and every pattern has a written reason", () => {
  for (const name of FUNCTIONS) {
    for (const [action, resource] of rightsOf(name).map((right) => right.split(" "))) {
      assert.match(action, /^[a-z-]+:\w+$/);
      // The service, the region, the account and the beginning of the name are given.
      assert.match(resource, /^arn:<Partition>:[a-z-]+:<Region>:<AccountId>:[\w<>-]+/);
    }
  }
  const text = readFileSync(path.join(ROOT, "infra/roles.yml"), "utf8");
  for (const statement of text.split(/\n(?=\s*- (?:&\w+\n\s*)?(?:Sid:|!If))/)) {
    const patterns = statement.split("\n").filter((line) => /arn:\S*[*?]/.test(line));
    if (patterns.length > 0) assert.match(statement, /^\s*# /m, patterns.join("\n"));
  }
});
