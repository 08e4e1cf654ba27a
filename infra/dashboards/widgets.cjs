/**
 * What the dashboards show: one of a region, one of the whole stage. CommonJS, as osls reads it.
 *
 * Not the metrics: their names are the catalogue's (`crates/sorl-metrics`), and a test compares. The invariant: every
 * number on a dashboard says in its title what it is and in which unit; the widgets of a region answer, from the top,
 * "do users get their messages?", "what carries them?", "what is in the way?", "what will it cost?".
 */
"use strict";

const COLUMNS = 24;
const PERIOD = 60;

/** A metric of Sorl's own; `labels` are pairs of dimension and value. */
const own = (stage, name, labels = [], options = {}) => ["Sorl", name, "stage", stage, ...labels.flat(), options];
const sum = { stat: "Sum" };

/** A line of metric math over the hidden metrics before it. */
const math = (expression, label, id = "shown") => [{ expression, label, id }];
const hidden = (id, metric) => [...metric.slice(0, -1), { ...metric.at(-1), id, visible: false }];

/** What a region's dashboard shows; `api` is its WebSocket API's id. */
function ofRegion({ stage, region, regions, posts, api }) {
  const name = `sorl-${stage}`;
  const s = (metric, labels, options) => own(stage, metric, labels, { ...sum, ...options });
  const lambda = (metric, options) => ["authorize", "connect", "disconnect", "command", "deliver"]
    .map((role) => ["AWS/Lambda", metric, "FunctionName", `${name}-${role}`, { ...options, label: role }]);
  const queue = (metric, stat) => ["live", "bulk", "dead-letters"]
    .map((lane) => ["AWS/SQS", metric, "QueueName", `${name}-${lane}`, { stat, label: lane }]);
  const latency = (stat) => own(stage, "delivery_seconds", [], { stat, label: `${stat}, all regions` });
  return [
    heading("Do users get their messages?"),
    chart("Acceptance to post, seconds", [
      latency("p50"), latency("p99"),
      ...regions.map((from) => own(stage, "delivery_seconds", [["origin", from]], { stat: "p99", label: `p99, from ${from}` })),
      own(stage, "canary_seconds", [], { stat: "Average", label: "the canary's whole round" }),
    ]),
    chart("Age of the oldest record, seconds", queue("ApproximateAgeOfOldestMessage", "Maximum").slice(0, 2)),
    chart("Messages a minute", [
      s("accepted", [["via", "websocket"]], { label: "accepted from clients" }),
      ["AWS/SNS", "NumberOfMessagesPublished", "TopicName", `${name}-messages`, { stat: "Sum", label: "accepted by SNS" }],
      s("messages", [], { label: "taken from the queue" }), s("delivered", [], { label: "delivered, by connection" }),
    ]),
    heading("What carries them"),
    chart("Posts a second, and the quota", [hidden("posts", s("posts")), math("posts/PERIOD(posts)", "posts a second")], {
      annotations: { horizontal: [{ label: "quota", value: posts }, { label: "80 %", value: posts * 0.8 }] },
    }),
    chart("Messages a post (coalescing)", [
      hidden("delivered", s("delivered")), hidden("posts", s("posts")),
      hidden("presence", s("presence_posts")), math("delivered/(posts-FILL(presence,0))", "messages a post"),
    ]),
    chart("Fill of a frame, bytes of 32,768", [
      hidden("bytes", s("posted_bytes")), hidden("posts", s("posts")), math("bytes/posts", "bytes a post"),
    ]),
    chart("Size of an audience, members", [
      hidden("members", s("audience_members")), hidden("reads", s("audiences")), math("members/reads", "mean"),
      own(stage, "audience_members", [], { stat: "Maximum", label: "largest in one invocation" }),
    ]),
    chart("Handshakes a minute", [
      s("connections_opened", [], { label: "opened" }), s("connections_closed", [], { label: "closed" }),
      ...["unauthorized", "blocked", "unavailable"].map((reason) => s("handshakes_refused", [["reason", reason]], { label: reason })),
    ]),
    chart("Frames from clients a minute, by what came of them", ["none", "forbidden", "rate_limited", "unavailable", "internal"]
      .map((error) => s("commands", [["error", error]], { label: error === "none" ? "answered" : error }))),
    heading("What is in the way"),
    chart("Posts that were not taken, a minute", [
      s("throttled", [["kind", "account"]], { label: "429, the account's rate" }),
      s("throttled", [["kind", "connection"]], { label: "429, a slow client" }),
      s("gone", [], { label: "410, gone" }), s("unanswered", [], { label: "no answer" }), s("forbidden", [], { label: "403" }),
    ]),
    chart("Tried again, a minute", [
      s("retries"), s("slices"), s("records_failed", [], { label: "records failed" }), s("closed_slow", [], { label: "closed slow" }),
      s("marks", [], { label: "late marks" }),
    ]),
    chart("Records that wait", queue("ApproximateNumberOfMessagesVisible", "Maximum")),
    chart("Dead letters, by reason", ["not_a_message", "too_large", "control", "relay", "other"]
      .map((reason) => s("dead_letters", [["reason", reason]], { label: reason }))),
    chart("Failures of the functions", lambda("Errors", { stat: "Sum" }).slice(1)),
    chart("Duration of the functions, p99, ms", lambda("Duration", { stat: "p99" })),
    chart("Cold starts", ["authorize", "connect", "disconnect", "command", "deliver"]
      .map((role) => s("cold_starts", [["function", role]], { label: role }))),
    chart("Functions at work", lambda("ConcurrentExecutions", { stat: "Maximum" })),
    chart("Replication lag to here and from here, ms", regions.filter((other) => other !== region)
      .map((other) => ["AWS/DynamoDB", "ReplicationLatency", "TableName", `${name}-connections`, "ReceivingRegion", other, { stat: "Average", label: `to ${other}` }])),
    heading("What it will cost"),
    chart("What AWS counts, an hour", [
      own(stage, "posts", [], { stat: "Sum", period: 3600, label: "posts" }),
      ["AWS/ApiGateway", "MessageCount", "ApiId", api, { stat: "Sum", period: 3600, label: "frames in and out" }],
      ["AWS/Lambda", "Invocations", "FunctionName", `${name}-deliver`, { stat: "Sum", period: 3600, label: "deliver" }],
      ["AWS/Lambda", "Invocations", "FunctionName", `${name}-command`, { stat: "Sum", period: 3600, label: "command" }],
    ], { period: 3600 }),
  ];
}

/** What the dashboard of the whole stage shows: each chart has a line for each region. */
function ofStage({ stage, regions }) {
  const name = `sorl-${stage}`;
  const everywhere = (metric, labels, stat) => regions.map((region) => own(stage, metric, labels, { stat, region, label: region }));
  const ages = (lane) => regions.map((region) =>
    ["AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", `${name}-${lane}`, { stat: "Maximum", region, label: region }]);
  const letters = regions.map((region) =>
    ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", `${name}-dead-letters`, { stat: "Maximum", region, label: region }]);
  return [
    heading("Every region, side by side"),
    chart("Acceptance to post, p99, seconds", everywhere("delivery_seconds", [], "p99")),
    chart("Age of the oldest record, seconds", ages("live")),
    chart("Dead letters that wait", letters),
    chart("Delivered a minute, by connection", everywhere("delivered", [], "Sum")),
    chart("Connections opened a minute", everywhere("connections_opened", [], "Sum")),
    chart("429 by the account's rate, a minute", everywhere("throttled", [["kind", "account"]], "Sum")),
    chart("Handshakes refused a minute: unauthorized", everywhere("handshakes_refused", [["reason", "unauthorized"]], "Sum")),
    chart("Handshakes refused a minute: unavailable", everywhere("handshakes_refused", [["reason", "unavailable"]], "Sum")),
    chart("Clients closed because they do not read", everywhere("closed_slow", [], "Sum")),
    chart("The canary gets through: 1, or 0", everywhere("canary_ok", [], "Minimum")),
  ];
}

const heading = (markdown) => ({ type: "text", height: 1, properties: { markdown: `## ${markdown}` } });
const chart = (title, metrics, more = {}) => ({ type: "metric", height: 6, properties: { title, metrics, ...more } });

/** The body of a dashboard: headings take a row, charts stand three in a row. */
function body(widgets, region) {
  let [x, y] = [0, 0];
  const placed = widgets.map((widget) => {
    const width = widget.type === "text" ? COLUMNS : COLUMNS / 3;
    if (x + width > COLUMNS || (widget.type === "text" && x > 0)) [x, y] = [0, y + 6];
    const here = { ...widget, x, y, width };
    [x, y] = widget.type === "text" ? [0, y + 1] : [x + width, y];
    if (widget.type === "text") return here;
    const usual = { view: "timeSeries", stacked: false, period: PERIOD, region };
    return { ...here, properties: { ...usual, ...widget.properties } };
  });
  return { widgets: placed };
}

module.exports = { body, ofRegion, ofStage };
