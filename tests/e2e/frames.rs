//! What a client may send, to the byte, and what it is told when it sent something else. Whatever is told, the
//! connection lives on.

use serde_json::{Value, json};
use sorl_tests::frame::code_of;
use sorl_tests::names::room;
use sorl_tests::socket::Socket;
use tokio_tungstenite::tungstenite::Message;

use crate::shared::stage;

const KB: usize = 1024;

/// Sends a text and returns the error that answers it.
async fn error(socket: &mut Socket, text: &str) -> Value {
    socket.send_text(text).await;
    let shown: String = text.chars().take(80).collect();
    socket.frame(&format!("an error about {shown}"), |frame| frame["type"] == "error").await
}

async fn refused(socket: &mut Socket, text: &str, id: Value, code: &str) {
    let frame = error(socket, text).await;
    assert_eq!((code_of(&frame), &frame["id"]), (code.to_owned(), &id), "{text}");
    socket.lives().await;
}

#[tokio::test]
async fn a_frame_that_is_no_request_is_answered_without_an_id() {
    let stage = stage().await;
    let mut socket = stage.somebody(stage.three()[0]).await;
    for text in [
        "",
        "hello",
        "{",
        r#"{"action":"ping","id":1"#,
        r#"[{"action":"ping","id":1}]"#,
        r#""ping""#,
        "null",
        "7",
        "{}",
        r#"{"action":"ping"}"#,
        r#"{"action":"ping","id":null}"#,
        r#"{"action":"ping","id":"1"}"#,
        r#"{"action":"ping","id":-1}"#,
        r#"{"action":"ping","id":1.5}"#,
        r#"{"action":"ping","id":9007199254740992}"#,
        r#"{"action":"ping","id":1e400}"#,
        r#"{"action":"ping","id":[1]}"#,
        r#"{"action":"ping","id":1}{"action":"ping","id":2}"#,
    ] {
        refused(&mut socket, text, Value::Null, "bad_request").await;
    }
}

#[tokio::test]
async fn ids_come_back_up_to_their_bounds() {
    let stage = stage().await;
    let mut socket = stage.somebody(stage.three()[0]).await;
    for id in [0_u64, 1, 9_007_199_254_740_991] {
        socket.send_text(format!(r#"{{"id":{id},"action":"ping"}}"#)).await;
        let frame = socket.frame("the reply", |frame| frame["id"] == id).await;
        assert_eq!(frame["type"], "reply");
        let fields: Vec<_> = frame.as_object().unwrap().keys().cloned().collect();
        assert_eq!(fields, ["id", "result", "type"]);
    }
}

#[tokio::test]
async fn an_action_must_be_one_of_the_protocols() {
    let stage = stage().await;
    let mut socket = stage.somebody(stage.three()[0]).await;
    for text in [r#"{"id":5,"action":"dance"}"#, r#"{"id":5,"action":""}"#, r#"{"id":5,"action":"PING"}"#] {
        refused(&mut socket, text, json!(5), "unknown_action").await;
    }
    for text in
        [r#"{"id":5}"#, r#"{"id":5,"action":7}"#, r#"{"id":5,"action":null}"#, r#"{"id":5,"action":{}}"#]
    {
        refused(&mut socket, text, json!(5), "bad_request").await;
    }
}

#[tokio::test]
async fn unknown_fields_are_ignored_and_null_is_absent() {
    let stage = stage().await;
    let mut socket = stage.somebody(stage.three()[0]).await;
    let request = json!({"action": "subscribe", "channel": room(), "since": null, "rewind": null, "colour": {"a": [1]}});
    assert_eq!(socket.result(request).await["recovered"], true);
}

#[tokio::test]
async fn a_field_of_the_wrong_type_or_out_of_bounds_is_a_bad_request() {
    let stage = stage().await;
    let mut socket = stage.somebody(stage.three()[0]).await;
    let channel = room();
    for (action, field, values) in [
        (
            "subscribe",
            "channel",
            vec![
                json!(null),
                json!(7),
                json!(["room:a"]),
                json!(""),
                json!("ro om"),
                json!("a#b"),
                json!("rööm"),
            ],
        ),
        (
            "subscribe",
            "since",
            vec![
                json!(7),
                json!("yesterday"),
                json!(""),
                json!({}),
                json!("019ab6a3-9c00-4000-8000-000000000000"),
                json!("019AB6A3-9C00-7000-8000-000000000000"),
            ],
        ),
        ("subscribe", "region", vec![json!(7), json!("not a region"), json!("")]),
        (
            "subscribe",
            "rewind",
            vec![json!(101), json!(-1), json!(1.5), json!("5"), json!(true), json!(99_999_999_999_u64)],
        ),
        ("history", "limit", vec![json!(0), json!(501), json!(-1), json!(1.5), json!("5")]),
        ("history", "since", vec![json!(7), json!("x")]),
        ("history", "before", vec![json!(7), json!("x")]),
        ("publish", "key", vec![json!(7), json!("k".repeat(65)), json!(["k"])]),
        ("publish", "ephemeral", vec![json!("true"), json!(1)]),
        ("presence", "channel", vec![json!(7)]),
        ("unsubscribe", "channel", vec![json!(7)]),
    ] {
        for value in values {
            let mut request = json!({"action": action, "channel": channel, "data": 1});
            request[field] = value;
            assert_eq!(socket.refusal(request.clone()).await, "bad_request", "{request}");
        }
    }
    for action in ["subscribe", "unsubscribe", "publish", "history", "presence"] {
        assert_eq!(socket.refusal(json!({"action": action, "data": 1})).await, "bad_request", "{action}");
    }
    socket.lives().await;
}

#[tokio::test]
async fn a_channel_has_at_most_128_characters() {
    let stage = stage().await;
    let mut socket = stage.somebody(stage.three()[0]).await;
    let longest = format!("room:{}", "x".repeat(123));
    assert_eq!(socket.subscribe(&longest).await["channel"], longest.as_str());
    let longer = json!({"action": "subscribe", "channel": format!("{longest}x")});
    assert_eq!(socket.refusal(longer).await, "bad_request");
    socket.lives().await;
}

#[tokio::test]
async fn data_nests_at_most_100_levels() {
    let stage = stage().await;
    let channel = room();
    let mut socket = stage.member(stage.three()[0], &channel).await;
    let nested = |levels: usize| format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
    let frame = |id: u64, levels| {
        format!(r#"{{"id":{id},"action":"publish","channel":"{channel}","data":{}}}"#, nested(levels))
    };
    socket.send_text(frame(900, 100)).await;
    assert_eq!(socket.frame("the reply", |frame| frame["id"] == 900).await["type"], "reply");
    assert_eq!(socket.live(&channel, 1).await.len(), 1);
    for levels in [101, 5_000, 15_000] {
        socket.send_text(frame(901, levels)).await;
        let answer = socket
            .frame("the refusal", |frame| {
                frame["id"] == 901 || frame["id"].is_null() && frame["type"] == "error"
            })
            .await;
        assert_eq!(code_of(&answer), "bad_request", "{levels} levels");
    }
    socket.lives().await;
}

/// A publish that is exactly so many bytes long.
fn publish_of(len: usize, channel: &str) -> String {
    let frame = |filler: &str| {
        format!(r#"{{"id":1000000,"action":"publish","channel":"{channel}","data":"{filler}"}}"#)
    };
    frame(&"x".repeat(len - frame("").len()))
}

#[tokio::test]
async fn a_frame_of_32_kilobytes_passes() {
    let stage = stage().await;
    let channel = room();
    let mut socket = stage.member(stage.three()[0], &channel).await;
    let text = publish_of(32 * KB, &channel);
    assert_eq!(text.len(), 32_768);
    socket.send_text(text).await;
    let reply = socket.frame("the reply", |frame| frame["id"] == 1_000_000).await;
    assert_eq!(reply["type"], "reply");
    assert_eq!(socket.live(&channel, 1).await.len(), 1);
}

#[tokio::test]
async fn a_larger_frame_closes_with_1009() {
    let stage = stage().await;
    for len in [32 * KB + 1, 64 * KB, 1024 * KB] {
        let mut socket = stage.somebody(stage.three()[0]).await;
        // The server may close while this is still being sent.
        socket.send_raw(Message::text(publish_of(len, &room()))).await.ok();
        assert_eq!(socket.closed().await, Some(1009), "{len} bytes");
    }
}

#[tokio::test]
async fn a_binary_frame_closes_with_1003() {
    let stage = stage().await;
    let mut socket = stage.somebody(stage.three()[0]).await;
    socket.send_raw(Message::binary(r#"{"id":1,"action":"ping"}"#)).await.unwrap();
    assert_eq!(socket.closed().await, Some(1003));
}

#[tokio::test]
async fn a_ping_tells_the_time() {
    let stage = stage().await;
    let mut socket = stage.somebody(stage.three()[0]).await;
    let result = socket.result(json!({"action": "ping"})).await;
    let fields: Vec<_> = result.as_object().unwrap().keys().cloned().collect();
    assert_eq!(fields, ["at"]);
    let (at, now) = (result["at"].as_u64().unwrap(), sorl_tests::names::now().as_millis());
    assert!(at.abs_diff(now) < 60_000, "{at} against {now}");
}

#[tokio::test]
async fn commands_of_one_connection_are_all_answered() {
    let stage = stage().await;
    let mut socket = stage.somebody(stage.three()[0]).await;
    let mut owed = std::collections::BTreeSet::new();
    for _ in 0..200 {
        owed.insert(socket.request(json!({"action": "ping"})).await);
    }
    while !owed.is_empty() {
        let reply = socket.frame("a reply", |frame| frame["type"] == "reply").await;
        assert!(owed.remove(&reply["id"].as_u64().unwrap()), "{reply}");
    }
}
