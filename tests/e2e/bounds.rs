//! The bounds of a client over real sockets: those of the shared stage's `sorl.toml`.

use std::collections::BTreeSet;

use futures::future::join_all;
use serde_json::{Value, json};
use sorl_client::Status;
use sorl_tests::frame::code_of;
use sorl_tests::names::{room, unique};
use sorl_tests::server::Launch;
use sorl_tests::socket::Socket;
use sorl_tests::stage::Stage;

use crate::rust_client::client;
use crate::shared::stage;

/// `[limits]` of the shared stage.
const CHANNELS: usize = 100;
const CONNECTIONS: usize = 20;

/// Opens a connection, or says with which status it was refused.
async fn open(stage: &Stage, region: &str, user: &str) -> Result<Socket, String> {
    let token = stage.token(user).await;
    let opened = Socket::try_open(user, &stage.region(region).url, &token, None).await;
    opened.map_err(|fault| format!("{fault:#}"))
}

#[tokio::test]
async fn a_subscribe_beyond_the_bound_is_a_bad_request_that_harms_nothing_else() {
    let stage = stage().await;
    let mut socket = stage.somebody(stage.three()[0]).await;
    let channels: Vec<_> = (0..CHANNELS).map(|_| unique("calm:test")).collect();
    let mut owed = BTreeSet::new();
    for channel in &channels {
        owed.insert(socket.request(json!({"action": "subscribe", "channel": channel})).await);
    }
    while !owed.is_empty() {
        let reply = socket.frame("a reply", |frame| frame["type"] == "reply").await;
        assert!(owed.remove(&reply["id"].as_u64().unwrap()), "{reply}");
    }
    // The index that is counted by may lag.
    let beyond = json!({"action": "subscribe", "channel": unique("calm:test")});
    let refused = sorl_tests::eventually("the bound is kept", async || {
        let answer: Value = socket.ask(beyond.clone()).await;
        if answer["type"] == "error" {
            return Some(answer);
        }
        socket.result(json!({"action": "unsubscribe", "channel": beyond["channel"]})).await;
        None
    });
    let refused = refused.await;
    assert_eq!(code_of(&refused), "bad_request");
    assert_eq!(refused["error"]["temporary"], false);
    let message = refused["error"]["message"].as_str().unwrap();
    assert!(message.contains(&format!("at most {CHANNELS} channels")), "{message}");

    socket.subscribe(&channels[0]).await;
    socket.publish(&channels[CHANNELS - 1], "still a member").await;
    socket.message(&channels[CHANNELS - 1], "still a member").await;
}

#[tokio::test]
async fn connections_of_a_user_that_are_opened_at_once_never_exceed_the_bound() {
    let stage = stage().await;
    let (user, here) = (unique("crowd"), stage.three()[0]);
    let opened = join_all((0..CONNECTIONS + 4).map(|_| open(&stage, here, &user))).await;
    let (open_ones, refused): (Vec<_>, Vec<_>) = opened.into_iter().partition(Result::is_ok);
    assert!(open_ones.len() <= CONNECTIONS, "{} are open", open_ones.len());
    assert!(refused.len() >= 4, "{} were refused", refused.len());
    for refusal in refused {
        let fault = refusal.err().unwrap();
        assert!(fault.contains("429"), "{fault}");
    }
    // Attempts that met refused each other; one by one they get in, up to the bound.
    let mut sockets: Vec<_> = open_ones.into_iter().flatten().collect();
    while sockets.len() < CONNECTIONS {
        let next = async || open(&stage, here, &user).await.ok();
        sockets.push(sorl_tests::eventually("there is room up to the bound", next).await);
    }
    assert!(open(&stage, here, &user).await.is_err());
    sockets.pop().unwrap().close().await;
    let next = async || open(&stage, here, &user).await.ok();
    sorl_tests::eventually("a connection that ended makes room", next).await;
}

#[tokio::test]
async fn a_client_beyond_the_bound_is_told_and_comes_in_by_itself_once_there_is_room() {
    let server = Launch::plain()
        .config("[limits]\nconnections = 1\n[namespaces.room]\ngrants = [\"*\"]\n")
        .start()
        .await;
    let stage = &server.stage;
    let (user, here) = (unique("alice"), stage.three()[0]);
    let first = open(stage, here, &user).await.unwrap();
    let (second, _events) = client(stage, &user, here, 3600);
    let mut status = second.status();
    let told = status.wait_for(|status| status.lost().is_some());
    let lost = tokio::time::timeout(sorl_tests::DEADLINE, told).await.expect("in time").unwrap();
    let reason = format!("{:?}", lost.lost());
    drop(lost);
    assert!(reason.contains("Refused(429)"), "{reason}");

    first.close().await;
    let connected = status.wait_for(|status| matches!(status, Status::Connected(_)));
    tokio::time::timeout(sorl_tests::DEADLINE, connected).await.expect("in time").unwrap();
    let refusals =
        stage.metric("sorl_handshakes_refused_total", &[("reason", "too_many_connections_of_user")]);
    assert!(refusals.await >= 1.0);
    let channel = crate::rust_client::channel(&room());
    second.subscribe(&channel, sorl_client::Start::Now).await.unwrap();
}
