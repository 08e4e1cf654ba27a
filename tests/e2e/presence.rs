//! Who is there: the `presence` command over three regions, and the frames that tell of joins and leaves.

use serde_json::{Value, json};
use sorl_tests::names::{room, unique};
use sorl_tests::server::Launch;
use sorl_tests::socket::Socket;

use crate::shared::stage;

async fn presence(socket: &mut Socket, channel: &str) -> Value {
    socket.result(json!({"action": "presence", "channel": channel})).await
}

/// The other regions are seen after the replication's lag.
async fn presence_becomes(socket: &mut Socket, channel: &str, expected: &Value) {
    let mut last = Value::Null;
    let started = std::time::Instant::now();
    while last != *expected {
        assert!(started.elapsed() < sorl_tests::DEADLINE, "presence stays {last} instead of {expected}");
        last = presence(socket, channel).await;
    }
}

fn told(frame: &Value, channel: &str, event: &Value) -> bool {
    frame["type"] == "presence"
        && frame["channel"] == channel
        && frame["events"].as_array().is_some_and(|events| events.contains(event))
}

async fn is_told(socket: &mut Socket, channel: &str, event: &str, user: &str, region: &str) {
    let event = json!({"event": event, "user": user, "region": region});
    let what = format!("{event} in {channel}");
    let frame = socket.frame(&what, |frame| told(frame, channel, &event)).await;
    let fields: Vec<_> = frame.as_object().unwrap().keys().cloned().collect();
    assert_eq!(fields, ["channel", "events", "type"]);
}

#[tokio::test]
async fn presence_counts_users_over_all_regions() {
    let stage = stage().await;
    let channel = unique("calm:test");
    let [one, two, three] = stage.three();
    let (alice, bob) = (unique("alice"), unique("bob"));
    let mut sockets = Vec::new();
    for (region, user) in [(one, &alice), (one, &alice), (two, &alice), (three, &bob)] {
        let mut socket = stage.connect(region, user).await;
        socket.subscribe(&channel).await;
        sockets.push(socket);
    }
    let mut of_alice = vec![one, two];
    of_alice.sort_unstable();
    let expected = json!({
        "count": 2,
        "members": [
            {"user": alice, "connections": 3, "regions": of_alice},
            {"user": bob, "connections": 1, "regions": [three]},
        ],
        "truncated": false,
    });
    for socket in &mut sockets {
        presence_becomes(socket, &channel, &expected).await;
    }
    sockets.remove(3).close().await;
    let without_bob = json!({"count": 1, "members": [expected["members"][0]], "truncated": false});
    presence_becomes(&mut sockets[0], &channel, &without_bob).await;
    sockets[2].result(json!({"action": "unsubscribe", "channel": channel})).await;
    let here = json!({"count": 1, "members": [{"user": alice, "connections": 2, "regions": [one]}], "truncated": false});
    presence_becomes(&mut sockets[0], &channel, &here).await;
}

#[tokio::test]
async fn an_empty_channel_has_nobody() {
    let stage = stage().await;
    let mut socket = stage.somebody(stage.three()[0]).await;
    assert_eq!(presence(&mut socket, &room()).await, json!({"count": 0, "members": [], "truncated": false}));
}

#[tokio::test]
async fn a_namespace_without_presence_lists_nobody() {
    let stage = stage().await;
    let channel = unique("hidden:test");
    let mut socket = stage.member(stage.three()[0], &channel).await;
    assert_eq!(socket.refusal(json!({"action": "presence", "channel": channel})).await, "forbidden");
}

#[tokio::test]
async fn a_listing_that_is_cut_short_says_so() {
    let stage = stage().await;
    let channel = unique("calm:test");
    let mut sockets = Vec::new();
    for _ in 0..310 {
        sockets.push(stage.member(stage.three()[0], &channel).await);
    }
    let result = presence(&mut sockets[0], &channel).await;
    assert_eq!((&result["count"], &result["truncated"]), (&json!(310), &json!(true)));
    assert!(result["members"].as_array().unwrap().len() < 310);
}

#[tokio::test]
async fn joins_and_leaves_are_told_in_all_regions_once_per_connection() {
    let stage = stage().await;
    let channel = room();
    let [one, two, three] = stage.three();
    let (mut watcher, mut other) = (stage.member(one, &channel).await, stage.member(three, &channel).await);
    let mut bob = stage.somebody(two).await;
    let name = bob.user.clone();
    bob.subscribe(&channel).await;
    is_told(&mut watcher, &channel, "join", &name, two).await;
    is_told(&mut other, &channel, "join", &name, two).await;
    bob.result(json!({"action": "unsubscribe", "channel": channel})).await;
    is_told(&mut watcher, &channel, "leave", &name, two).await;
    is_told(&mut other, &channel, "leave", &name, two).await;
    bob.subscribe(&channel).await;
    is_told(&mut watcher, &channel, "join", &name, two).await;
    sorl_tests::eventually("the index that `disconnect` reads has the row", async || {
        (presence(&mut other, &channel).await["count"] == 3).then_some(())
    })
    .await;
    bob.close().await;
    is_told(&mut watcher, &channel, "leave", &name, two).await;
    is_told(&mut other, &channel, "leave", &name, two).await;
}

#[tokio::test]
async fn a_namespace_without_join_leave_tells_nothing() {
    let stage = stage().await;
    let channel = unique("calm:test");
    let mut watcher = stage.member(stage.three()[0], &channel).await;
    let mut bob = stage.member(stage.three()[0], &channel).await;
    bob.publish(&channel, "I am here").await;
    watcher.message(&channel, "I am here").await;
    assert!(watcher.kept_frames().iter().all(|frame| frame["type"] != "presence"));
}

#[tokio::test]
async fn subscribing_again_is_not_told() {
    let stage = stage().await;
    let channel = room();
    let [here, ..] = stage.three();
    let mut watcher = stage.member(here, &channel).await;
    let mut bob = stage.member(here, &channel).await;
    is_told(&mut watcher, &channel, "join", &bob.user, here).await;
    bob.subscribe(&channel).await;
    bob.result(json!({"action": "unsubscribe", "channel": channel})).await;
    is_told(&mut watcher, &channel, "leave", &bob.user, here).await;
    let join = json!({"event": "join", "user": bob.user, "region": here});
    assert!(!watcher.kept_frames().iter().any(|frame| told(frame, &channel, &join)));
}

#[tokio::test]
async fn an_idle_connection_is_closed_and_leaves() {
    let server = Launch::plain().flags(&["--idle-timeout", "3s"]).start().await;
    let stage = &server.stage;
    let channel = room();
    let [here, there, _] = stage.three();
    let mut watcher = stage.member(here, &channel).await;
    let mut silent = stage.member(there, &channel).await;
    is_told(&mut watcher, &channel, "join", &silent.user, there).await;
    // The watcher speaks all the time, the other never.
    let leave = json!({"event": "leave", "user": silent.user, "region": there});
    sorl_tests::eventually("the silent one leaves", async || {
        watcher.lives().await;
        watcher.kept_frames().iter().any(|frame| told(frame, &channel, &leave)).then_some(())
    })
    .await;
    assert_eq!(silent.closed().await, Some(1001));
}

#[tokio::test]
async fn a_connection_that_is_too_old_is_closed_however_busy_it_is() {
    let server = Launch::plain().flags(&["--max-age", "3s"]).start().await;
    let mut socket = server.stage.somebody(server.stage.three()[0]).await;
    socket.lives().await;
    assert_eq!(socket.closed().await, Some(1001));
}
