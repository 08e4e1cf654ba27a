//! Requests of the application, and how each is answered exactly once.

use std::time::Duration;

use serde_json::json;
use sorl_core::error::{ErrorCode, Refusal};

use super::super::*;
use super::harness::*;

#[test]
fn replies_find_their_requests_whatever_their_order() {
    let mut bench = Bench::member("a");
    let first = bench.publish("one");
    let frame = bench.last().clone();
    let second = bench.session.presence(bench.now, &name("c"));
    bench.wait(Duration::ZERO);
    bench.reply(json!({"count": 1, "truncated": false,
        "members": [{"user": "bob", "connections": 2, "regions": ["a"]}]}));
    bench.frame(&json!({"type": "reply", "id": frame["id"],
        "result": {"message_id": id(3), "at": id(3).time()}}));
    let replies: Vec<_> = bench
        .events
        .iter()
        .map(|event| match event {
            Event::Replied { request, outcome: Ok(Reply::Presence(who)) } => (*request, who.count),
            Event::Replied { request, outcome: Ok(Reply::Published(it)) } if it.message_id == id(3) => {
                (*request, 0)
            }
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(replies, [(second, 1), (first, 0)]);
}

#[test]
fn a_publish_carries_what_it_was_given() {
    let mut bench = Bench::member("a");
    bench.publish("hi");
    let mut frame = bench.last().clone();
    frame.as_object_mut().unwrap().remove("id");
    assert_eq!(frame, json!({"action": "publish", "channel": "c", "data": "hi", "key": "k"}));
}

#[test]
fn a_refusal_is_told_with_its_code() {
    let mut bench = Bench::member("a");
    let request = bench.publish("hi");
    bench.refuse("rate_limited", true);
    let failure = bench.failure(request).unwrap();
    assert!(failure.is_temporary());
    assert!(matches!(failure, Failure::Refused(Refusal { code: ErrorCode::RateLimited, .. })));
}

#[test]
fn without_a_reply_for_30_seconds_the_outcome_is_unknown() {
    let mut bench = Bench::member("a");
    let request = bench.publish("hi");
    bench.wait(Duration::from_millis(29_999));
    assert_eq!(bench.failure(request), None);
    bench.live(id(1));
    bench.wait(Duration::from_millis(1));
    assert_eq!(bench.failure(request), Some(Failure::Unknown));
    assert!(bench.reconnects.is_empty(), "others are heard on this connection");
    bench.reply(json!({"message_id": id(3), "at": 0}));
    assert!(!bench.events.iter().any(|event| matches!(event, Event::Replied { outcome: Ok(_), .. })));
}

#[test]
fn a_connection_on_which_nothing_was_heard_meanwhile_is_given_up() {
    let mut bench = Bench::member("a");
    bench.wait(Duration::from_secs(1));
    bench.publish("hi");
    bench.wait(Duration::from_secs(30));
    assert_eq!(bench.reconnects, [Reconnect::Silent]);
}

#[test]
fn the_end_of_a_connection_answers_what_waited() {
    let mut bench = Bench::member("a");
    let request = bench.publish("hi");
    bench.close();
    assert_eq!(bench.failure(request), Some(Failure::Disconnected));
}

#[test]
fn without_a_connection_a_request_is_answered_at_once() {
    let mut bench = Bench::new();
    let request = bench.publish("hi");
    assert_eq!(bench.failure(request), Some(Failure::Disconnected));
}

#[test]
fn a_frame_over_32_kb_is_refused_here_since_the_gateway_would_close() {
    let mut bench = Bench::member("a");
    let frames = bench.sent.len();
    let request = bench.publish(&"x".repeat(32 * 1024));
    assert!(
        matches!(bench.failure(request), Some(Failure::Refused(refusal)) if refusal.code == ErrorCode::TooLarge)
    );
    assert_eq!(bench.sent.len(), frames);
    bench.publish(&"x".repeat(32 * 1024 - 100));
    assert_eq!(bench.sent.len(), frames + 1);
}

#[test]
fn a_reply_that_cannot_be_read_is_a_failure_not_silence() {
    let mut bench = Bench::member("a");
    let request = bench.publish("hi");
    bench.reply(json!({"message_id": 7}));
    assert!(bench.failure(request).unwrap().is_temporary());
}

#[test]
fn an_expired_token_asks_for_another_connection_once() {
    let mut bench = Bench::member("a");
    bench.publish("one");
    bench.refuse("expired", false);
    bench.publish("two");
    bench.refuse("expired", false);
    assert_eq!(bench.reconnects, [Reconnect::Expired]);
}

#[test]
fn an_error_that_answers_no_request_is_a_complaint() {
    let mut bench = Bench::member("a");
    bench.frame(&json!({"type": "error", "id": null,
        "error": {"code": "bad_request", "message": "no", "temporary": false}}));
    assert!(matches!(&bench.events[..], [Event::Complaint(_)]));
}
