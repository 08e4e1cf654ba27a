//! SNS's own API, from the form to the clients.

use serde_json::json;

use crate::stage::{Stage, json_of, until};

const TOPIC: &str = "arn:aws:sns:eu-north-1:000000000000:sorl-dev-messages";
const REGIONS: [&str; 3] = ["us-east-1", "eu-north-1", "ap-southeast-2"];

fn publish<'a>(topic: &'a str, message: &'a str) -> [(&'a str, &'a str); 3] {
    [("Action", "Publish"), ("TopicArn", topic), ("Message", message)]
}

#[tokio::test]
async fn what_is_published_in_one_region_reaches_clients_in_all_with_one_id() {
    let stage = Stage::start().await;
    let mut sockets = Vec::new();
    for region in REGIONS {
        let mut socket = stage.connect_to(region, "alice").await;
        let reply = socket.ask(json!({"action": "subscribe", "id": 1, "channel": "room:1"})).await;
        assert_eq!(reply["type"], "reply", "{reply}");
        sockets.push(socket);
    }
    let (status, xml) = stage.sns(&publish(TOPIC, r#"{"channel":"room:1","data":{"n":1}}"#)).await;
    assert_eq!(status, 200, "{xml}");
    assert!(xml.contains("<PublishResult><MessageId>"), "{xml}");
    let mut ids = Vec::new();
    for socket in &mut sockets {
        let frame = loop {
            let frame = socket.frame().await;
            if frame["type"] == "messages" {
                break frame;
            }
        };
        assert_eq!(frame["messages"][0]["data"], json!({"n": 1}));
        ids.push(frame["messages"][0]["id"].clone());
    }
    ids.dedup();
    assert_eq!(ids.len(), 1);
}

#[tokio::test]
async fn refusals_have_the_codes_of_sns() {
    let stage = Stage::start().await;
    let relay = TOPIC.replace("messages", "relay");
    for (fields, status, code) in [
        (publish("", "m"), 400, "InvalidParameter"),
        (publish("arn:aws:sns", "m"), 400, "InvalidParameter"),
        (publish("arn:aws:sns:eu-north-1:000000000000:other", "m"), 404, "NotFound"),
        (publish("arn:aws:sns:mars-1:000000000000:sorl-dev-messages", "m"), 404, "NotFound"),
        (publish(&relay, "m"), 403, "AuthorizationError"),
        (publish(TOPIC, ""), 400, "InvalidParameter"),
        ([("Action", "CreateTopic"), ("Name", "x"), ("Version", "2010-03-31")], 400, "InvalidAction"),
    ] {
        let (answered, xml) = stage.sns(&fields).await;
        assert_eq!(answered, status, "{xml}");
        assert!(xml.contains(&format!("<Code>{code}</Code>")) && xml.contains("<RequestId>"), "{xml}");
    }
}

#[tokio::test]
async fn a_bad_entry_of_a_batch_is_reported_and_the_others_are_accepted() {
    let stage = Stage::start().await;
    let mut socket = stage.connect("alice").await;
    socket.ask(json!({"action": "subscribe", "id": 1, "channel": "room:1"})).await;
    let mut fields =
        vec![("Action".to_owned(), "PublishBatch".to_owned()), ("TopicArn".to_owned(), TOPIC.to_owned())];
    for n in 1..=10 {
        let message = match n {
            3 => String::new(),
            7 => "neither JSON nor an attribute".to_owned(),
            n => json!({"channel": "room:1", "data": n}).to_string(),
        };
        fields.push((format!("PublishBatchRequestEntries.member.{n}.Id"), format!("e{n}")));
        fields.push((format!("PublishBatchRequestEntries.member.{n}.Message"), message));
    }
    let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let (status, xml) = stage.sns(&fields).await;
    assert_eq!(status, 200, "{xml}");
    assert!(xml.contains("<Failed><member><Id>e3</Id><Code>InvalidParameter</Code>"), "{xml}");
    assert_eq!(xml.matches("<MessageId>").count(), 9);

    let mut got = Vec::new();
    while got.len() < 8 {
        let frame = socket.frame().await;
        if frame["type"] == "messages" {
            let messages = frame["messages"].as_array().unwrap();
            got.extend(messages.iter().map(|message| message["data"].as_u64().unwrap()));
        }
    }
    got.sort_unstable();
    assert_eq!(got, [1, 2, 4, 5, 6, 8, 9, 10]);

    // The one that Sorl cannot use is a dead letter of every region, and can be put back.
    let letters = async || {
        let listed = stage.http.get(stage.url("/dead-letters")).send().await.unwrap();
        json_of(listed).await.as_array().unwrap().clone()
    };
    until("a dead letter a region", async || letters().await.len() == 3).await;
    let letter = &letters().await[0];
    assert_eq!((&letter["region"], &letter["queue"]), (&json!("ap-southeast-2"), &json!("live")));
    assert!(letter["reason"].as_str().unwrap().contains("channel") && letter["at"].is_u64());
    let id = letter["id"].as_str().unwrap().to_owned();
    let redrive = stage.url(&format!("/dead-letters/{id}/redrive"));
    assert_eq!(stage.http.post(&redrive).send().await.unwrap().status(), 204);
    assert_eq!(stage.http.post(&redrive).send().await.unwrap().status(), 404);
}

#[tokio::test]
async fn a_batch_that_is_no_batch_is_refused_as_a_whole() {
    let stage = Stage::start().await;
    let batch = async |ids: &[&str], message: &str| {
        let mut fields =
            vec![("Action".to_owned(), "PublishBatch".to_owned()), ("TopicArn".to_owned(), TOPIC.to_owned())];
        for (n, id) in ids.iter().enumerate() {
            fields.push((format!("PublishBatchRequestEntries.member.{}.Id", n + 1), (*id).to_owned()));
            fields.push((format!("PublishBatchRequestEntries.member.{}.Message", n + 1), message.to_owned()));
        }
        let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        stage.sns(&fields).await.1
    };
    let large = "x".repeat(90 * 1024);
    let eleven = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"];
    for (ids, message, code) in [
        (&[][..], "m", "EmptyBatchRequest"),
        (&eleven[..], "m", "TooManyEntriesInBatchRequest"),
        (&["a", "a"], "m", "BatchEntryIdsNotDistinct"),
        (&["a b"], "m", "InvalidBatchEntryId"),
        (&["a", "b", "c"], &large, "BatchRequestTooLong"),
    ] {
        let xml = batch(ids, message).await;
        assert!(xml.contains(&format!("<Code>{code}</Code>")), "{xml}");
    }
}
