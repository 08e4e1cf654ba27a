//! `publish` over the WebSocket: the message that comes of it, keys, ephemeral messages, bounds.

use std::collections::BTreeSet;

use serde_json::json;
use sorl_core::ids::MessageId;
use sorl_tests::frame::{ids, text};
use sorl_tests::names::{room, unique};
use sorl_tests::server::Launch;

use crate::shared::stage;

#[tokio::test]
async fn a_message_reaches_all_three_regions_once_with_one_id_and_every_field() {
    let stage = stage().await;
    let channel = room();
    let mut members = stage.members(&channel).await;
    let data = json!({"text": "hello"});
    let result = members[1].result(json!({"action": "publish", "channel": channel, "data": data})).await;
    let fields: Vec<_> = result.as_object().unwrap().keys().cloned().collect();
    assert_eq!(fields, ["at", "message_id"]);
    members[1].publish(&channel, "the end").await;
    let (sender, region) = (members[1].user.clone(), stage.three()[1]);
    let id = MessageId::parse(result["message_id"].as_str().unwrap()).expect("a UUIDv7");
    assert_eq!(result["at"], id.time().as_millis());
    for member in &mut members {
        let message = member.message(&channel, data.clone()).await;
        let expected = json!({
            "id": result["message_id"], "channel": channel, "data": data, "user": sender,
            "verified": true, "at": result["at"], "region": region,
        });
        assert_eq!(message, expected);
        member.message(&channel, "the end").await;
        let copies = member.kept(&channel).into_iter().filter(|message| message["data"] == data).count();
        assert_eq!(copies, 1, "{}", member.user);
    }
}

#[tokio::test]
async fn data_is_any_json_and_passes_byte_for_byte() {
    let stage = stage().await;
    let channel = room();
    let mut alice = stage.member(stage.three()[0], &channel).await;
    for (id, data) in (5_000..).zip([
        "null",
        "true",
        "0",
        "1.10",
        "1E+2",
        "12345678901234567890123456789",
        r#""å \u00e5 \ud83d\ude00 😀 \" \\ \u0000""#,
        "[]",
        "{}",
        r#"{"b":1,"a":2,"a":3}"#,
        r#"[ 1, {"x" : [null]} ]"#,
        r#"{"type":"bye","code":"kicked"}"#,
    ]) {
        alice
            .send_text(format!(r#"{{"id":{id},"action":"publish","channel":"{channel}","data":{data}}}"#))
            .await;
        let reply = alice.frame("the reply", |frame| frame["id"] == id).await;
        assert_eq!(reply["type"], "reply", "{data}: {reply}");
        let published = text(&reply["result"]["message_id"]);
        alice.live_until(&channel, |messages| ids(messages).contains(&published)).await;
        let exact = format!(r#""data":{data},"user""#);
        assert!(alice.texts().any(|frame| frame.contains(&published) && frame.contains(&exact)), "{data}");
    }
}

#[tokio::test]
async fn a_publish_retried_with_its_key_is_the_same_message() {
    let stage = stage().await;
    let channel = room();
    let mut alice = stage.member(stage.three()[0], &channel).await;
    let publish = |key: &str| json!({"action": "publish", "channel": channel, "data": 1, "key": key});
    let key = "k".repeat(64);
    let tail = |id: &str| id[19..].to_owned();
    let first = text(&alice.result(publish(&key)).await["message_id"]);
    let second = text(&alice.result(publish(&key)).await["message_id"]);
    let other = text(&alice.result(publish("another")).await["message_id"]);
    assert_eq!(tail(&first), tail(&second));
    assert_ne!(tail(&first), tail(&other));
    alice.live_until(&channel, |messages| ids(messages).contains(&other)).await;
    let history = alice.result(json!({"action": "history", "channel": channel})).await;
    let mut shown: Vec<_> =
        history["messages"].as_array().unwrap().iter().map(|message| tail(&text(&message["id"]))).collect();
    let mut expected = [tail(&first), tail(&other)];
    // Within one millisecond ids are in any order.
    shown.sort();
    expected.sort();
    assert_eq!(shown, expected, "a page shows it once");
}

#[tokio::test]
async fn the_key_of_another_user_or_channel_is_another_key() {
    let stage = stage().await;
    let (channel, other) = (room(), room());
    let (mut alice, mut bob) =
        (stage.somebody(stage.three()[0]).await, stage.somebody(stage.three()[0]).await);
    let publish = |channel: &str| json!({"action": "publish", "channel": channel, "data": 1, "key": "k"});
    let mut tails = BTreeSet::new();
    for (socket, channel) in [(&mut alice, &channel), (&mut bob, &channel)] {
        tails.insert(text(&socket.result(publish(channel)).await["message_id"])[19..].to_owned());
    }
    tails.insert(text(&alice.result(publish(&other)).await["message_id"])[19..].to_owned());
    assert_eq!(tails.len(), 3);
}

#[tokio::test]
async fn an_ephemeral_message_is_delivered_and_not_logged() {
    let stage = stage().await;
    let channel = room();
    let mut members = stage.members(&channel).await;
    members[0]
        .result(json!({"action": "publish", "channel": channel, "data": "gone", "ephemeral": true}))
        .await;
    let kept = members[0].publish(&channel, "kept").await;
    for member in &mut members {
        member.message(&channel, "gone").await;
        member.message(&channel, "kept").await;
        let history = member.result(json!({"action": "history", "channel": channel})).await;
        assert_eq!(ids(history["messages"].as_array().unwrap()), BTreeSet::from([kept.clone()]));
    }
}

#[tokio::test]
async fn a_publisher_need_not_be_a_member() {
    let stage = stage().await;
    let channel = room();
    let [here, there, _] = stage.three();
    let (mut alice, mut bob) = (stage.somebody(here).await, stage.member(there, &channel).await);
    alice.publish(&channel, "from outside").await;
    bob.message(&channel, "from outside").await;
    alice.lives().await;
    assert!(alice.kept(&channel).is_empty());
}

#[tokio::test]
async fn a_publish_without_data_is_a_bad_request_and_null_is_data() {
    let stage = stage().await;
    let channel = room();
    let mut alice = stage.member(stage.three()[0], &channel).await;
    assert_eq!(alice.refusal(json!({"action": "publish", "channel": channel})).await, "bad_request");
    alice.publish(&channel, json!(null)).await;
    alice.message(&channel, json!(null)).await;
}

#[tokio::test]
async fn more_publishes_than_the_rate_are_rate_limited_for_a_while() {
    let stage = stage().await;
    let channel = unique("slow:test");
    let mut alice = stage.somebody(stage.three()[0]).await;
    let publish = json!({"action": "publish", "channel": channel, "data": 1});
    let mut refused = 0;
    for _ in 0..10 {
        let answer = alice.ask(publish.clone()).await;
        if answer["type"] == "error" {
            assert_eq!(sorl_tests::frame::code_of(&answer), "rate_limited");
            refused += 1;
        }
    }
    assert!(refused > 0, "ten publishes at once passed a rate of two a second");
    let mut bob = stage.somebody(stage.three()[0]).await;
    bob.publish(&channel, "another user has a rate of his own").await;
    sorl_tests::eventually("the next window", async || {
        (alice.ask(publish.clone()).await["type"] == "reply").then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_message_above_the_configured_bound_is_too_large() {
    let server = Launch::plain()
        .config("[limits]\nmessage = \"1KB\"\n[namespaces.room]\ngrants = [\"*\"]\n")
        .start()
        .await;
    let stage = &server.stage;
    let channel = room();
    let mut alice = stage.member(stage.three()[0], &channel).await;
    let publish = |len: usize| json!({"action": "publish", "channel": channel, "data": "x".repeat(len)});
    assert_eq!(alice.refusal(publish(1024)).await, "too_large");
    alice.result(publish(500)).await;
    assert_eq!(alice.live(&channel, 1).await.len(), 1);
}
