//! `subscribe` and `unsubscribe`, field by field; recovery has a file of its own.

use serde_json::{Value, json};
use sorl_core::ids::MessageId;
use sorl_tests::frame::{ids, text};
use sorl_tests::names::{now, room, unique};
use sorl_tests::socket::Socket;

use crate::shared::stage;

fn fields(result: &Value) -> Vec<&str> {
    result.as_object().expect("an object").keys().map(String::as_str).collect()
}

/// How far an id's time is from now, in seconds.
fn age(cursor: &Value) -> u64 {
    let id =
        MessageId::parse(cursor.as_str().expect("a cursor is a string")).expect("a cursor is a message id");
    id.time().as_millis().abs_diff(now().as_millis()) / 1_000
}

/// Publishes so many messages, waits until the socket, a member, has them all, and returns their ids in order.
async fn fill(socket: &mut Socket, channel: &str, count: usize) -> Vec<String> {
    let mut published = Vec::new();
    for n in 0..count {
        published.push(socket.publish(channel, n).await);
    }
    socket.live(channel, count).await;
    // Within one millisecond ids are in any order.
    published.sort();
    published
}

#[tokio::test]
async fn a_fresh_start_has_no_messages_and_a_cursor_of_the_present() {
    let stage = stage().await;
    let region = stage.three()[1];
    let channel = room();
    let mut socket = stage.somebody(region).await;
    let result = socket.subscribe(&channel).await;
    assert_eq!(fields(&result), ["channel", "cursor", "messages", "more", "recovered", "region"]);
    assert_eq!(result["channel"], channel.as_str());
    assert_eq!(
        (&result["messages"], &result["recovered"], &result["more"]),
        (&json!([]), &json!(true), &json!(false))
    );
    assert_eq!(result["region"], region);
    assert!(age(&result["cursor"]) < 60, "{result}");
}

#[tokio::test]
async fn a_fresh_start_shows_nothing_of_the_past() {
    let stage = stage().await;
    let channel = room();
    let mut alice = stage.member(stage.three()[0], &channel).await;
    fill(&mut alice, &channel, 3).await;
    let result = stage.somebody(stage.three()[0]).await.subscribe(&channel).await;
    assert_eq!((&result["messages"], &result["recovered"]), (&json!([]), &json!(true)));
}

#[tokio::test]
async fn rewind_gives_the_latest_in_id_order_and_never_more() {
    let stage = stage().await;
    let channel = room();
    let mut alice = stage.member(stage.three()[0], &channel).await;
    let published = fill(&mut alice, &channel, 7).await;
    let mut bob = stage.somebody(stage.three()[0]).await;
    let result = bob.result(json!({"action": "subscribe", "channel": channel, "rewind": 3})).await;
    let got: Vec<_> = result["messages"].as_array().unwrap().iter().map(|m| text(&m["id"])).collect();
    assert_eq!(got, published[4..]);
    assert_eq!((&result["more"], &result["recovered"]), (&json!(false), &json!(true)));
    assert_eq!(result["cursor"], published[6].as_str());
    let all = bob.result(json!({"action": "subscribe", "channel": channel, "rewind": 100})).await;
    assert_eq!(all["messages"].as_array().unwrap().len(), 7);
    let none = bob.result(json!({"action": "subscribe", "channel": channel, "rewind": 0})).await;
    assert_eq!((&none["messages"], &none["more"]), (&json!([]), &json!(false)));
}

#[tokio::test]
async fn since_and_rewind_together_are_a_bad_request() {
    let stage = stage().await;
    let mut socket = stage.somebody(stage.three()[0]).await;
    let cursor = MessageId::floor(now()).to_string();
    let request = json!({"action": "subscribe", "channel": room(), "since": cursor, "rewind": 1});
    assert_eq!(socket.refusal(request).await, "bad_request");
}

#[tokio::test]
async fn subscribing_again_is_no_error_and_doubles_nothing() {
    let stage = stage().await;
    let channel = room();
    let mut socket = stage.member(stage.three()[0], &channel).await;
    assert_eq!(socket.subscribe(&channel).await["recovered"], true);
    socket.publish(&channel, "once").await;
    socket.publish(&channel, "the end").await;
    socket.message(&channel, "the end").await;
    let presence = socket.result(json!({"action": "presence", "channel": channel})).await;
    assert_eq!(presence["members"][0]["connections"], 1);
    assert_eq!(socket.kept(&channel).iter().filter(|message| message["data"] == "once").count(), 1);
}

#[tokio::test]
async fn a_channel_without_history_recovers_nothing_and_says_so() {
    let stage = stage().await;
    let channel = unique("fleeting:test");
    let mut socket = stage.member(stage.three()[0], &channel).await;
    let id = fill(&mut socket, &channel, 1).await.remove(0);
    let mut other = stage.somebody(stage.three()[0]).await;
    let fresh = other.subscribe(&channel).await;
    assert_eq!((&fresh["messages"], &fresh["recovered"]), (&json!([]), &json!(true)));
    let since = other.result(json!({"action": "subscribe", "channel": channel, "since": id})).await;
    assert_eq!(
        (&since["messages"], &since["recovered"], &since["more"]),
        (&json!([]), &json!(false), &json!(false))
    );
    assert_ne!(since["cursor"], id.as_str(), "what was not recovered is no place to resume from");
    let rewound = other.result(json!({"action": "subscribe", "channel": channel, "rewind": 5})).await;
    assert_eq!((&rewound["messages"], &rewound["recovered"]), (&json!([]), &json!(true)));
    let history = other.result(json!({"action": "history", "channel": channel})).await;
    assert_eq!((&history["messages"], &history["more"]), (&json!([]), &json!(false)));
}

#[tokio::test]
async fn unsubscribe_ends_what_subscribe_began() {
    let stage = stage().await;
    let channel = room();
    let [here, there, _] = stage.three();
    let (mut alice, mut bob) = (stage.member(here, &channel).await, stage.member(there, &channel).await);
    let result = alice.result(json!({"action": "unsubscribe", "channel": channel})).await;
    assert_eq!(result, json!({"channel": channel}));
    bob.publish(&channel, "without alice").await;
    bob.message(&channel, "without alice").await;
    let own = format!("@{}", alice.user);
    stage.publish(there, &json!({"channel": own, "data": "later"})).await;
    alice.message(&own, "later").await;
    assert!(alice.kept(&channel).is_empty());
}

#[tokio::test]
async fn unsubscribe_of_what_is_not_subscribed_is_not_subscribed() {
    let stage = stage().await;
    let channel = room();
    let mut socket = stage.somebody(stage.three()[0]).await;
    let request = json!({"action": "unsubscribe", "channel": channel});
    assert_eq!(socket.refusal(request.clone()).await, "not_subscribed");
    socket.subscribe(&channel).await;
    socket.result(request.clone()).await;
    assert_eq!(socket.refusal(request).await, "not_subscribed");
}

#[tokio::test]
async fn the_personal_channel_needs_no_subscribe_and_cannot_be_left() {
    let stage = stage().await;
    let [here, there, _] = stage.three();
    let mut alice = stage.somebody(here).await;
    let own = format!("@{}", alice.user);
    stage.publish(there, &json!({"channel": own, "data": 1})).await;
    let message = alice.message(&own, 1).await;
    assert_eq!(alice.refusal(json!({"action": "unsubscribe", "channel": own})).await, "bad_request");
    let result = alice
        .result(json!({"action": "subscribe", "channel": own, "since": message["id"], "region": here}))
        .await;
    assert_eq!((&result["recovered"], &result["messages"][0]["id"]), (&json!(true), &message["id"]));
    stage.publish(there, &json!({"channel": own, "data": 2})).await;
    alice.message(&own, 2).await;
}

#[tokio::test]
async fn a_personal_channel_is_its_owners_alone_whatever_is_granted() {
    let stage = stage().await;
    let [here, there, _] = stage.three();
    let mut bob = stage.somebody(there).await;
    let of_bob = format!("@{}", bob.user);
    let everything = json!({"*": ["*"], of_bob.clone(): ["*"]});
    let mut alice = stage.connect_with(here, &unique("alice"), everything).await;
    for action in ["subscribe", "history"] {
        assert_eq!(
            alice.refusal(json!({"action": action, "channel": of_bob})).await,
            "forbidden",
            "{action}"
        );
    }
    let cursor = MessageId::floor(now()).to_string();
    for action in ["subscribe", "history"] {
        let recovery = json!({"action": action, "channel": of_bob, "since": cursor});
        assert_eq!(alice.refusal(recovery).await, "forbidden", "{action}");
    }
    alice.publish(&of_bob, "hello").await;
    let message = bob.message(&of_bob, "hello").await;
    assert_eq!((&message["user"], &message["verified"]), (&json!(alice.user), &json!(true)));
    let history = bob.result(json!({"action": "history", "channel": of_bob})).await;
    assert_eq!(history["messages"][0]["id"], message["id"]);
    let mut eve = stage.connect_with(here, &unique("eve"), json!({"room:*": ["*"]})).await;
    assert_eq!(eve.refusal(json!({"action": "publish", "channel": of_bob, "data": 1})).await, "forbidden");
}

#[tokio::test]
async fn members_of_all_shards_get_each_message_once() {
    let stage = stage().await;
    let channel = unique("sharded:test");
    let mut members = Vec::new();
    for at in 0..12 {
        members.push(stage.member(stage.three()[at % 3], &channel).await);
    }
    let id = members[0].publish(&channel, "all").await;
    members[0].publish(&channel, "the end").await;
    for member in &mut members {
        member.message(&channel, "the end").await;
        let message = member.message(&channel, "all").await;
        assert_eq!(message["id"], id.as_str());
        assert_eq!(ids(&member.kept(&channel)).len(), 2);
    }
}
