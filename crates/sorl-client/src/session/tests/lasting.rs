//! Connections: what keeps them, what ends them, and frames that mean nothing.

use std::time::Duration;

use serde_json::json;

use super::super::*;
use super::harness::*;

#[test]
fn frames_that_mean_nothing_change_nothing() {
    let mut bench = Bench::member("a");
    let frames = bench.sent.len();
    for text in [
        "",
        "null",
        "[1]",
        "{",
        r#"{"message":"Internal server error","connectionId":"x"}"#,
        r#"{"type":"dance","id":1}"#,
        r#"{"type":"reply","id":99,"result":{}}"#,
        r#"{"type":"reply","id":-1,"result":{}}"#,
        r#"{"type":"error","id":99,"error":{"code":"internal","message":"","temporary":true}}"#,
        r#"{"type":"messages","messages":[{"id":"nonsense"}]}"#,
        r#"{"type":"unsubscribed"}"#,
        r#"{"type":"bye"}"#,
    ] {
        bench.text(text);
    }
    assert!(bench.events.is_empty() && bench.reconnects.is_empty() && bench.sent.len() == frames);
    assert_eq!(bench.resumes_at(), place(0, "a"));
}

#[test]
fn one_tail_is_shown_once_whatever_its_times() {
    let mut bench = Bench::member("a");
    bench.live(id(1));
    let again = sorl_core::ids::MessageId::new(id(2).time(), 0, id(1).tail());
    bench.live(again);
    assert_eq!(bench.shown(), [id(1)]);
    let mut other = message("d", id(1));
    other["channel"] = json!("d");
    bench.subscribe("d", Start::Now);
    bench.frame(&json!({"type": "messages", "messages": [other]}));
    assert_eq!(bench.shown(), [id(1), id(1)], "another channel's is another message");
}

#[test]
fn a_ping_follows_nine_minutes_without_traffic() {
    let mut bench = Bench::member("a");
    bench.take_sent();
    bench.wait(Duration::from_mins(8));
    bench.live(id(1));
    bench.wait(Duration::from_mins(8));
    assert!(bench.sent.is_empty(), "traffic of either direction counts");
    assert_eq!(bench.session.next_due(), Some(bench.now.plus(Duration::from_mins(1))));
    bench.wait(Duration::from_mins(1));
    assert_eq!(bench.last()["action"], "ping");
    bench.reply(json!({"at": 1}));
    bench.wait(Duration::from_secs(31));
    assert!(bench.reconnects.is_empty() && bench.sent.len() == 1);
}

#[test]
fn a_ping_without_an_answer_asks_for_another_connection() {
    let mut bench = Bench::member("a");
    bench.wait(Duration::from_mins(9));
    assert_eq!(bench.session.next_due(), Some(bench.now.plus(Duration::from_secs(30))));
    bench.wait(Duration::from_secs(30));
    assert_eq!(bench.reconnects, [Reconnect::Silent]);
}

#[test]
fn nothing_is_due_without_a_connection() {
    let mut bench = Bench::member("a");
    bench.close();
    assert_eq!(bench.session.next_due(), None);
    bench.wait(Duration::from_hours(1));
    assert_eq!(bench.sent.len(), 1);
}

#[test]
fn bye_tells_whether_to_come_back() {
    let mut bench = Bench::member("a");
    bench.frame(&json!({"type": "bye", "code": "shutdown", "reconnect": true}));
    assert_eq!(bench.reconnects, [Reconnect::Bye("shutdown".to_owned())]);
    assert_eq!(bench.resumes_at(), place(0, "a"));

    bench.frame(&json!({"type": "bye", "code": "kicked", "reconnect": false}));
    assert!(bench.ended);
    bench.take_sent();
    bench.reopen("a");
    assert!(bench.sent.is_empty(), "a session that ended speaks no more");
}

#[test]
fn what_comes_after_the_connection_closed_is_of_no_interest() {
    let mut bench = Bench::member("a");
    bench.close();
    bench.live(id(9));
    assert!(bench.shown().is_empty());
}
