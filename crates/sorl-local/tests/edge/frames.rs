//! What the gateway does with frames, and when it closes.

use std::time::Duration;

use futures::SinkExt;
use serde_json::{Value, json};
use sorl_core::config::Config;
use sorl_local::dev::Options;
use tokio_tungstenite::tungstenite::Message;

use crate::stage::{Stage, options, until};

/// A ping of exactly `len` bytes.
fn ping_of(len: usize) -> String {
    let bare = r#"{"action":"ping","id":1,"x":""}"#;
    format!(r#"{{"action":"ping","id":1,"x":"{}"}}"#, "x".repeat(len - bare.len()))
}

#[tokio::test]
async fn a_frame_of_32_kb_is_answered_and_one_byte_more_closes_with_1009() {
    let stage = Stage::start().await;
    let mut socket = stage.connect("alice").await;
    socket.send(ping_of(32 * 1024)).await;
    assert_eq!(socket.frame().await["type"], "reply");
    socket.send(ping_of(32 * 1024 + 1)).await;
    assert_eq!(socket.close_code().await, 1009);
}

#[tokio::test]
async fn the_close_frame_reaches_a_client_that_is_still_sending() {
    let stage = Stage::start().await;
    for len in [900 * 1024, 8 * 1024 * 1024] {
        let socket = stage.connect("alice").await;
        let (mut sink, stream) = futures::StreamExt::split(socket.0);
        let sending = tokio::spawn(async move { sink.send(Message::text("x".repeat(len))).await });
        let close = async {
            let mut stream = stream;
            while let Some(Ok(message)) = futures::StreamExt::next(&mut stream).await {
                if let Message::Close(Some(close)) = message {
                    return Some(u16::from(close.code));
                }
            }
            None
        };
        assert_eq!(tokio::time::timeout(crate::stage::GENEROUS, close).await.unwrap(), Some(1009), "{len}");
        sending.abort();
    }
}

#[tokio::test]
async fn binary_closes_with_1003() {
    let stage = Stage::start().await;
    let mut socket = stage.connect("alice").await;
    socket.0.send(Message::binary(vec![1, 2, 3])).await.unwrap();
    assert_eq!(socket.close_code().await, 1003);
}

#[tokio::test]
async fn rubbish_is_answered_and_the_connection_lives_on() {
    let stage = Stage::start().await;
    let mut socket = stage.connect("alice").await;
    for rubbish in ["", "{", "[]", "null", "{\"id\":-1}", "\u{0}\u{1f600}"] {
        socket.send(rubbish).await;
        let answer = socket.frame().await;
        assert_eq!((&answer["type"], &answer["id"]), (&json!("error"), &Value::Null), "{rubbish}");
    }
    assert_eq!(socket.ask(json!({"action": "ping", "id": 5})).await["type"], "reply");
}

#[tokio::test]
async fn many_frames_at_once_are_all_answered() {
    let stage = Stage::start().await;
    let mut socket = stage.connect("alice").await;
    for id in 0..200 {
        socket.0.feed(Message::text(json!({"action": "ping", "id": id}).to_string())).await.unwrap();
    }
    socket.0.flush().await.unwrap();
    let mut ids = Vec::new();
    for _ in 0..200 {
        ids.push(socket.frame().await["id"].as_u64().unwrap());
    }
    ids.sort_unstable();
    assert_eq!(ids, (0..200).collect::<Vec<_>>());
}

#[tokio::test]
async fn an_idle_connection_and_an_old_one_are_closed_with_1001() {
    for (idle_timeout, max_age) in [
        (Duration::from_millis(200), Duration::from_hours(1)),
        (Duration::from_hours(1), Duration::from_millis(200)),
    ] {
        let stage =
            Stage::start_with(Config::default(), Options { idle_timeout, max_age, ..options() }).await;
        let mut socket = stage.connect("alice").await;
        assert_eq!(socket.close_code().await, 1001);
    }
}

#[tokio::test]
async fn a_connection_that_is_gone_is_forgotten_however_it_went() {
    let stage = Stage::start().await;
    let mut closed = stage.connect("closes").await;
    let dropped = stage.connect("drops").await;
    let mut violates = stage.connect("violates").await;
    closed.0.close(None).await.unwrap();
    drop(dropped);
    violates.0.send(Message::binary(vec![0])).await.unwrap();
    for user in ["closes", "drops", "violates"] {
        until(user, async || stage.connections(user).await.is_empty()).await;
    }
}

#[tokio::test]
async fn a_client_that_does_not_read_throttles_itself_and_nobody_else() {
    let stage = Stage::start().await;
    let _lazy = stage.connect("lazy").await;
    let mut eager = stage.connect("eager").await;
    let (lazy_id, eager_id) = (stage.connection("lazy").await, stage.connection("eager").await);
    let frame = "x".repeat(100 * 1024);
    // What the kernel buffers on loopback is some megabytes; then the outbox fills.
    let mut statuses = Vec::new();
    while statuses.last() != Some(&429) && statuses.len() < 1_000 {
        statuses.push(stage.post(&lazy_id, &frame).await);
    }
    assert_eq!(statuses.pop(), Some(429));
    assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
    assert_eq!(stage.post(&lazy_id, r#"{"type":"bye"}"#).await, 200, "a small frame still fits");
    assert_eq!(stage.post(&eager_id, "hello").await, 200);
    assert_eq!(eager.text().await, "hello");
}

#[tokio::test]
async fn frames_of_a_connection_keep_their_order() {
    let stage = Stage::start().await;
    let mut socket = stage.connect("alice").await;
    let id = stage.connection("alice").await;
    for n in 0..100 {
        assert_eq!(stage.post(&id, &n.to_string()).await, 200);
    }
    for n in 0..100 {
        assert_eq!(socket.text().await, n.to_string());
    }
}
