//! A token that expires while its connection is open: from then on nothing comes and nothing is done.

use serde_json::{Value, json};
use sorl_tests::frame::code_of;
use sorl_tests::names::{room, unique};
use sorl_tests::socket::Socket;

use crate::shared::stage;

/// Pings until the answer is no reply any more, and returns that answer.
async fn until_expired(socket: &mut Socket) -> Value {
    sorl_tests::eventually("the token expires", async || {
        let answer = socket.ask(json!({"action": "ping"})).await;
        (answer["type"] != "reply").then_some(answer)
    })
    .await
}

#[tokio::test]
async fn after_its_expiry_every_command_is_expired_and_no_message_comes() {
    let stage = stage().await;
    let [here, there, _] = stage.three();
    let channel = room();
    let user = unique("alice");
    let token = stage.mint(&user, None, 3).await;
    let mut alice = Socket::open(&user, &stage.region(here).url, &token).await;
    let mut bob = stage.member(there, &channel).await;
    alice.subscribe(&channel).await;
    bob.publish(&channel, "in time").await;
    alice.message(&channel, "in time").await;

    assert_eq!(code_of(&until_expired(&mut alice).await), "expired");
    for action in ["subscribe", "unsubscribe", "publish", "history", "presence", "ping"] {
        let request = json!({"action": action, "channel": channel, "data": "too late"});
        assert_eq!(alice.refusal(request).await, "expired", "{action}");
    }
    bob.publish(&channel, "too late").await;
    stage.publish(there, &json!({"channel": format!("@{user}"), "data": "too late"})).await;
    bob.message(&channel, "too late").await;
    let mut again = stage.connect(here, &user).await;
    again.result(json!({"action": "subscribe", "channel": channel, "rewind": 1})).await;
    bob.publish(&channel, "the end").await;
    again.message(&channel, "the end").await;
    assert_eq!(alice.refusal(json!({"action": "ping"})).await, "expired");
    let came: Vec<_> = alice.kept_frames().iter().filter(|frame| frame["type"] == "messages").collect();
    assert!(
        came.iter()
            .all(|frame| !frame.to_string().contains("the end") && !frame.to_string().contains("too late")),
        "{came:?}"
    );
}

#[tokio::test]
async fn an_expired_connection_is_no_member() {
    let stage = stage().await;
    let [here, ..] = stage.three();
    let channel = unique("calm:test");
    let user = unique("alice");
    let token = stage.mint(&user, None, 2).await;
    let mut alice = Socket::open(&user, &stage.region(here).url, &token).await;
    alice.subscribe(&channel).await;
    let mut bob = stage.somebody(here).await;
    let presence = json!({"action": "presence", "channel": channel});
    assert_eq!(bob.result(presence.clone()).await["count"], 1);
    until_expired(&mut alice).await;
    assert_eq!(bob.result(presence).await["count"], 0);
}
