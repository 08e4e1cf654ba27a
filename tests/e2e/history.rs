//! `history`: which messages, in which order, how many, and where the next page begins.

use serde_json::{Value, json};
use sorl_core::ids::MessageId;
use sorl_tests::frame::text;
use sorl_tests::names::{cursor_of_age, now, room};
use sorl_tests::socket::Socket;
use sorl_tests::stage::Stage;

use crate::shared::stage;

/// A channel with so many messages, and a member who has seen them.
async fn filled(stage: &Stage, count: usize) -> (Socket, String, Vec<String>) {
    let channel = room();
    let mut socket = stage.member(stage.three()[0], &channel).await;
    let mut published = Vec::new();
    for n in 0..count {
        published.push(socket.publish(&channel, n).await);
    }
    socket.live(&channel, count).await;
    published.sort();
    (socket, channel, published)
}

async fn history(socket: &mut Socket, channel: &str, more: Value) -> (Vec<String>, bool, String) {
    let mut request = json!({"action": "history", "channel": channel});
    request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let result = socket.result(request).await;
    let fields: Vec<_> = result.as_object().unwrap().keys().cloned().collect();
    assert_eq!(fields, ["cursor", "messages", "more"]);
    let ids: Vec<_> =
        result["messages"].as_array().unwrap().iter().map(|message| text(&message["id"])).collect();
    assert!(ids.is_sorted(), "{ids:?}");
    (ids, result["more"].as_bool().expect("more is a bool"), text(&result["cursor"]))
}

#[tokio::test]
async fn the_latest_come_without_a_bound() {
    let stage = stage().await;
    let (mut socket, channel, published) = filled(&stage, 60).await;
    let latest = history(&mut socket, &channel, json!({})).await;
    assert_eq!(latest, (published[10..].to_vec(), true, published[59].clone()), "50 is the default");
    let three = history(&mut socket, &channel, json!({"limit": 3})).await;
    assert_eq!(three, (published[57..].to_vec(), true, published[59].clone()));
    let all = history(&mut socket, &channel, json!({"limit": 500})).await;
    assert_eq!(all, (published.clone(), false, published[59].clone()));
}

#[tokio::test]
async fn since_is_exclusive_and_goes_on() {
    let stage = stage().await;
    let (mut socket, channel, published) = filled(&stage, 5).await;
    let two = history(&mut socket, &channel, json!({"since": published[0], "limit": 2})).await;
    assert_eq!(two, (published[1..3].to_vec(), true, published[2].clone()));
    let rest = history(&mut socket, &channel, json!({"since": published[2], "limit": 2})).await;
    assert_eq!(rest, (published[3..].to_vec(), false, published[4].clone()));
    let none = history(&mut socket, &channel, json!({"since": published[4]})).await;
    assert_eq!(none, (vec![], false, published[4].clone()), "the cursor stays where nothing came");
}

#[tokio::test]
async fn before_is_exclusive_and_goes_back() {
    let stage = stage().await;
    let (mut socket, channel, published) = filled(&stage, 5).await;
    let two = history(&mut socket, &channel, json!({"before": published[4], "limit": 2})).await;
    assert_eq!(two, (published[2..4].to_vec(), true, published[2].clone()), "the cursor is the first id");
    let rest = history(&mut socket, &channel, json!({"before": published[2], "limit": 2})).await;
    assert_eq!(rest, (published[..2].to_vec(), false, published[0].clone()));
    let (none, more, cursor) = history(&mut socket, &channel, json!({"before": published[0]})).await;
    assert_eq!((none, more), (vec![], false));
    assert!(MessageId::parse(&cursor).is_ok());
}

#[tokio::test]
async fn since_and_before_exclude_each_other() {
    let stage = stage().await;
    let cursor = cursor_of_age(std::time::Duration::ZERO);
    let request = json!({"action": "history", "channel": room(), "since": cursor, "before": cursor});
    assert_eq!(stage.somebody(stage.three()[0]).await.refusal(request).await, "bad_request");
}

#[tokio::test]
async fn an_empty_channel_has_a_cursor_of_the_present() {
    let stage = stage().await;
    let mut socket = stage.somebody(stage.three()[0]).await;
    let (messages, more, cursor) = history(&mut socket, &room(), json!({})).await;
    assert_eq!((messages, more), (vec![], false));
    let age = MessageId::parse(&cursor).unwrap().time().as_millis().abs_diff(now().as_millis());
    assert!(age < 60_000, "{age} ms");
}

#[tokio::test]
async fn a_page_is_bounded_in_bytes_and_has_at_least_one_message() {
    let stage = stage().await;
    let channel = room();
    let mut socket = stage.member(stage.three()[0], &channel).await;
    let large = "x".repeat(90 * 1024);
    for n in 0..4 {
        stage.publish(stage.three()[0], &json!({"channel": channel, "data": format!("{n}{large}")})).await;
    }
    let mut published: Vec<_> =
        socket.live(&channel, 4).await.iter().map(|message| text(&message["id"])).collect();
    published.sort();
    let mut since = cursor_of_age(std::time::Duration::from_secs(60));
    for expected in &published {
        let (ids, _, cursor) = history(&mut socket, &channel, json!({"since": since, "limit": 500})).await;
        assert_eq!(ids, std::slice::from_ref(expected), "two of 90 KB are above 112 KB");
        since = cursor;
    }
    assert!(!history(&mut socket, &channel, json!({"since": since})).await.1);
    let (ids, more, _) = history(&mut socket, &channel, json!({})).await;
    assert_eq!((ids, more), (published[3..].to_vec(), true));
}

#[tokio::test]
async fn history_is_the_same_in_all_regions() {
    let stage = stage().await;
    let channel = room();
    let mut members = stage.members(&channel).await;
    for n in 0..10 {
        members[n % 3].publish(&channel, n).await;
    }
    let mut answers = Vec::new();
    for member in &mut members {
        member.live(&channel, 10).await;
        answers.push(member.result(json!({"action": "history", "channel": channel})).await);
    }
    assert_eq!(answers[0]["messages"].as_array().unwrap().len(), 10);
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[1], answers[2]);
}
