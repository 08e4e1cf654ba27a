//! One message's way in the log: with `--trace-sample 1`, each step of it, in each region, under one trace.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use sorl_tests::names::room;
use sorl_tests::server::{Launch, Server};

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SECRET: &str = "what nobody may read in a log";

async fn start(flags: &[&str]) -> Server {
    Launch::plain().flags(&[&["--log-json", "--log", "info"], flags].concat()).start().await
}

/// The log's lines that say this of `name`.
fn lines(server: &Server, name: &str, value: &str) -> Vec<Value> {
    let log = server.log();
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| line[name] == value).collect()
}

/// The lines of a trace, once each of three regions has delivered.
async fn way(server: &Server, trace: &str) -> Vec<Value> {
    sorl_tests::eventually("three regions have delivered it", async || {
        let way = lines(server, "trace", trace);
        let delivered: BTreeSet<_> = way
            .iter()
            .filter(|line| line["step"] == "delivered")
            .map(|line| line["region"].to_string())
            .collect();
        (delivered.len() == 3).then_some(way)
    })
    .await
}

#[tokio::test]
async fn a_messages_way_is_found_by_its_id_from_acceptance_to_the_posts_of_every_region() {
    let server = start(&["--trace-sample", "1"]).await;
    let (stage, channel) = (&server.stage, room());
    let [here, ..] = stage.three();
    let mut members = stage.members(&channel).await;
    let id = members[0].publish(&channel, SECRET).await;
    for member in &mut members {
        member.message(&channel, SECRET).await;
    }
    let way = way(&server, &id.replace('-', "")).await;
    let accepted: Vec<_> = way.iter().filter(|line| line["step"] == "accepted").collect();
    assert!(matches!(accepted.as_slice(), [line] if line["region"] == here), "{way:?}");
    for line in &way {
        assert_eq!((&line["message_id"], &line["origin"]), (&json!(id), &json!(here)), "{line}");
    }
    for line in way.iter().filter(|line| line["step"] == "delivered") {
        assert_eq!(
            (&line["posts"], &line["queue"], &line["failed"]),
            (&json!(1), &json!("live"), &json!(false))
        );
        let [taken, first, last] =
            ["taken_ms", "first_post_ms", "last_post_ms"].map(|name| line[name].as_f64().expect(name));
        assert!(taken <= first && first <= last, "{line}");
    }
    let answered = lines(&server, "message_id", &id);
    assert!(
        answered.iter().any(|line| line["action"] == "publish"),
        "the command's own line names it: {answered:?}"
    );
    assert!(!server.log().contains(SECRET));
}

#[tokio::test]
async fn a_publishers_own_trace_is_taken_up_if_it_says_sampled() {
    // A share so small that no message is in it by itself.
    let server = start(&["--trace-sample", "0.000000001"]).await;
    let (stage, channel) = (&server.stage, room());
    let topic = &stage.regions[0].topic;
    let message = json!({ "channel": channel, "data": SECRET }).to_string();
    for parent in [PARENT, &PARENT.replace("-01", "-00")] {
        let fields = [
            ("Action", "Publish"),
            ("TopicArn", topic.as_str()),
            ("Message", message.as_str()),
            ("MessageAttributes.entry.1.Name", "traceparent"),
            ("MessageAttributes.entry.1.Value.DataType", "String"),
            ("MessageAttributes.entry.1.Value.StringValue", parent),
        ];
        assert_eq!(stage.sns(&fields).await.status, 200);
    }
    let way = way(&server, TRACE).await;
    let ids: BTreeSet<_> = way.iter().map(|line| line["message_id"].to_string()).collect();
    assert_eq!((way.len(), ids.len()), (3, 1), "the other was not to be sampled: {way:?}");
}

#[tokio::test]
async fn without_a_share_no_way_is_told() {
    let server = start(&[]).await;
    let (stage, channel) = (&server.stage, room());
    let mut member = stage.member(stage.three()[0], &channel).await;
    let id = member.publish(&channel, SECRET).await;
    member.message(&channel, SECRET).await;
    assert_eq!(lines(&server, "message", "way"), [] as [Value; 0]);
    assert_eq!(lines(&server, "message_id", &id).len(), 1, "the command's own line");
}
