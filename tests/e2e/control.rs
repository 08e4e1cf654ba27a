//! Operators' orders: to put a user out of the service or of a channel, for now or until later.

use serde_json::{Value, json};
use sorl_tests::names::{now, room, unique};
use sorl_tests::socket::Socket;
use sorl_tests::stage::Stage;

use crate::shared::stage;

async fn kicked(socket: &mut Socket) {
    let bye = socket.frame("a bye", |frame| frame["type"] == "bye").await;
    assert_eq!(bye, json!({"type": "bye", "code": "kicked", "reconnect": false}));
    socket.closed().await;
}

async fn is_admitted(stage: &Stage, region: &str, user: &str) -> bool {
    let token = stage.token(user).await;
    Socket::is_admitted(user, &stage.region(region).url, &token).await
}

/// In ms since the epoch, so many seconds from now.
fn until(seconds: u64) -> u64 {
    now().as_millis() + seconds * 1_000
}

#[tokio::test]
async fn disconnect_closes_all_of_a_users_connections_everywhere_and_nobody_elses() {
    let stage = stage().await;
    let [one, two, three] = stage.three();
    let (bob, channel) = (unique("bob"), room());
    let mut bobs =
        [stage.connect(one, &bob).await, stage.connect(one, &bob).await, stage.connect(two, &bob).await];
    for connection in &mut bobs {
        connection.subscribe(&channel).await;
    }
    let mut alice = stage.member(three, &channel).await;
    sorl_tests::eventually("the index that finds his rows has them", async || {
        let presence = alice.result(json!({"action": "presence", "channel": channel})).await;
        let members = presence["members"].as_array().unwrap();
        members.iter().any(|member| member["user"] == bob && member["connections"] == 3).then_some(())
    })
    .await;
    stage.control(three, &json!({"control": "disconnect", "user": bob})).await;
    for connection in &mut bobs {
        kicked(connection).await;
    }
    alice.lives().await;
    sorl_tests::eventually("bob is no member", async || {
        let presence = alice.result(json!({"action": "presence", "channel": channel})).await;
        (presence["count"] == 1).then_some(())
    })
    .await;
    assert!(is_admitted(&stage, one, &bob).await, "without until he may come back at once");
}

#[tokio::test]
async fn disconnect_with_until_keeps_the_user_out_of_every_region_until_then() {
    let stage = stage().await;
    let [one, two, three] = stage.three();
    let bob = unique("bob");
    let mut connections = [stage.connect(one, &bob).await, stage.connect(two, &bob).await];
    stage.control(two, &json!({"control": "disconnect", "user": bob, "until": until(3600)})).await;
    for connection in &mut connections {
        kicked(connection).await;
    }
    for region in [one, two] {
        assert!(!is_admitted(&stage, region, &bob).await, "{region}");
    }
    sorl_tests::eventually("the third region has the block", async || {
        (!is_admitted(&stage, three, &bob).await).then_some(())
    })
    .await;
    // A later order whose time is past lifts the block.
    stage.control(one, &json!({"control": "disconnect", "user": bob, "until": 1})).await;
    for region in [one, two, three] {
        sorl_tests::eventually("he may come back", async || {
            is_admitted(&stage, region, &bob).await.then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn a_block_ends_by_itself() {
    let stage = stage().await;
    let region = stage.three()[0];
    let bob = unique("bob");
    let mut connection = stage.connect(region, &bob).await;
    stage.control(region, &json!({"control": "disconnect", "user": bob, "until": until(3)})).await;
    kicked(&mut connection).await;
    sorl_tests::eventually("he may come back", async || {
        is_admitted(&stage, region, &bob).await.then_some(())
    })
    .await;
}

#[tokio::test]
async fn unsubscribe_takes_the_channel_away_and_says_so() {
    let stage = stage().await;
    let [one, two, three] = stage.three();
    let (bob, channel, other) = (unique("bob"), room(), room());
    let mut bobs = [stage.connect(one, &bob).await, stage.connect(two, &bob).await];
    for connection in &mut bobs {
        connection.subscribe(&channel).await;
        connection.subscribe(&other).await;
    }
    let mut alice = stage.member(three, &channel).await;
    stage.control(three, &json!({"control": "unsubscribe", "user": bob, "channel": channel})).await;
    for connection in &mut bobs {
        let frame = connection.frame("unsubscribed", |frame| frame["type"] == "unsubscribed").await;
        assert_eq!(frame, json!({"type": "unsubscribed", "channel": channel}));
    }
    alice.publish(&channel, "without bob").await;
    alice.message(&channel, "without bob").await;
    stage.publish(three, &json!({"channel": other, "data": "the end"})).await;
    for connection in &mut bobs {
        connection.message(&other, "the end").await;
        assert!(connection.kept(&channel).is_empty());
        connection.subscribe(&channel).await;
    }
}

#[tokio::test]
async fn unsubscribe_with_until_answers_unauthorized_in_that_channel_alone() {
    let stage = stage().await;
    let [one, two, _] = stage.three();
    let (bob, channel) = (unique("bob"), room());
    let mut connection = stage.connect(one, &bob).await;
    connection.subscribe(&channel).await;
    let order = json!({"control": "unsubscribe", "user": bob, "channel": channel, "until": until(3600)});
    stage.control(two, &order).await;
    connection.frame("unsubscribed", |frame| frame["type"] == "unsubscribed").await;
    for action in ["subscribe", "publish", "history", "presence"] {
        let request = json!({"action": action, "channel": channel, "data": 1});
        assert_eq!(connection.refusal(request).await, "unauthorized", "{action}");
    }
    connection.subscribe(&room()).await;
    assert!(is_admitted(&stage, two, &bob).await);
}

#[tokio::test]
async fn an_order_that_is_none_is_a_dead_letter_with_its_reason() {
    let stage = stage().await;
    let region = stage.three()[0];
    for order in [
        json!({"control": "explode", "user": unique("victim")}),
        json!({"control": "disconnect", "name": unique("victim")}),
        json!({"control": "unsubscribe", "user": unique("victim")}),
        json!(["disconnect", unique("victim"), null, null]),
        json!({"control": "unsubscribe", "user": unique("victim"), "channel": "@victim"}),
        json!({"control": "disconnect", "user": unique("victim"), "until": "tomorrow"}),
    ] {
        stage.control(region, &order).await;
        let victim = ["user", "name"]
            .iter()
            .find_map(|name| order[name].as_str())
            .or(order[1].as_str())
            .unwrap()
            .to_owned();
        let letter = sorl_tests::eventually("a dead letter", async || {
            let is_it = |letter: &Value| letter["body"].as_str().is_some_and(|body| body.contains(&victim));
            stage.dead_letters().await.into_iter().find(is_it)
        })
        .await;
        assert!(letter["reason"].as_str().unwrap().starts_with("control"), "{order}: {letter}");
    }
}

#[tokio::test]
async fn the_messages_topic_gives_no_orders() {
    let stage = stage().await;
    let region = stage.three()[0];
    let mut bob = stage.somebody(region).await;
    stage.publish(region, &json!({"control": "disconnect", "user": bob.user})).await;
    let own = format!("@{}", bob.user);
    stage.publish(region, &json!({"channel": own, "data": "still here"})).await;
    bob.message(&own, "still here").await;
}
