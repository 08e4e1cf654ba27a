//! How a stage ends, and what is there when it starts again.

use serde_json::json;
use sorl_core::config::Config;
use sorl_local::dev::{Options, StartError, start};

use crate::stage::{HOME, Stage, options};

#[tokio::test]
async fn a_stop_says_bye_closes_with_1001_and_accepts_no_more() {
    let stage = Stage::start().await;
    let mut socket = stage.connect("alice").await;
    let url = stage.url("/regions");
    stage.dev.stop().await;
    assert_eq!(socket.frame().await, json!({"type": "bye", "code": "shutdown", "reconnect": true}));
    assert_eq!(socket.close_code().await, 1001);
    assert!(reqwest::get(url).await.is_err());
}

#[tokio::test]
async fn a_taken_port_says_what_to_do() {
    let stage = Stage::start().await;
    let taken = Options { port: stage.dev.stage().address.port(), ..options() };
    let Err(fault) = start(Config::default().into(), taken).await else { panic!("two stages on one port") };
    assert!(matches!(fault, StartError::PortTaken { .. }));
    assert!(fault.to_string().contains("--port"), "{fault}");
}

#[tokio::test]
async fn tokens_and_history_outlive_a_stop_with_data() {
    let folder = std::env::temp_dir().join(format!("sorl-edge-{}-{}", std::process::id(), line!()));
    let kept = Options { data: Some(folder.clone()), ..options() };
    let stage = Stage::start_with(Config::default(), kept.clone()).await;
    let token = stage.token("alice").await;
    let mut socket = stage.connect("alice").await;
    socket.ask(json!({"action": "subscribe", "id": 1, "channel": "room:1"})).await;
    let sent = socket.ask(json!({"action": "publish", "id": 2, "channel": "room:1", "data": "kept"})).await;
    let id = sent["result"]["message_id"].clone();
    assert!(id.is_string(), "{sent}");
    stage.dev.stop().await;

    let stage = Stage::start_with(Config::default(), kept).await;
    let (mut socket, _) = stage.handshake(&format!("{HOME}?token={token}"), &[]).await.unwrap();
    let read = socket.ask(json!({"action": "history", "id": 1, "channel": "room:1"})).await;
    assert_eq!(read["result"]["messages"][0]["id"], id, "{read}");
    stage.dev.stop().await;
    std::fs::remove_dir_all(folder).unwrap();
}
