//! How memberships begin, fail, and end; at most one request of a channel at a time.

use std::time::Duration;

use serde_json::json;

use super::super::*;
use super::harness::*;

fn expect_actions(bench: &mut Bench, expected: &[&str]) {
    let sent = bench.take_sent();
    let actions: Vec<_> = sent.iter().map(|frame| frame["action"].as_str().unwrap()).collect();
    assert_eq!(actions, expected);
}

#[test]
fn one_request_of_a_channel_is_outstanding_at_a_time() {
    let mut bench = Bench::new();
    bench.open("a");
    bench.subscribe("c", Start::Now);
    bench.unsubscribe("c");
    bench.subscribe("c", Start::Now);
    bench.unsubscribe("c");
    assert_eq!(bench.sent.len(), 1);
    bench.reply(subscribed("c", &[], id(0), "a"));
    expect_actions(&mut bench, &["subscribe", "unsubscribe"]);
}

#[test]
fn a_channel_wanted_again_before_the_first_reply_begins_afresh() {
    let mut bench = Bench::new();
    bench.open("a");
    bench.subscribe("c", Start::Now);
    bench.unsubscribe("c");
    bench.subscribe("c", Start::Rewind(5));
    bench.reply(subscribed("c", &[id(1)], id(1), "a"));
    assert!(bench.shown().is_empty(), "the answer to the former wish is not shown");
    assert_eq!(bench.last()["rewind"], 5);
    bench.reply(subscribed("c", &[id(1)], id(1), "a"));
    assert_eq!(bench.shown(), [id(1)]);
}

#[test]
fn after_unsubscribe_nothing_is_shown_and_the_end_is_told_once_the_service_knows() {
    let mut bench = Bench::member("a");
    bench.unsubscribe("c");
    bench.live(id(1));
    assert!(bench.shown().is_empty() && bench.exits().is_empty());
    bench.reply(json!({"channel": "c"}));
    bench.live(id(2));
    assert_eq!((bench.exits(), bench.shown()), (vec![Exit::Requested], vec![]));
    bench.take_sent();
    bench.reopen("a");
    assert!(bench.sent.is_empty(), "it is not entered again");
}

#[test]
fn a_channel_left_and_wanted_again_is_subscribed_after_the_unsubscribe() {
    let mut bench = Bench::member("a");
    bench.take_sent();
    bench.unsubscribe("c");
    bench.subscribe("c", Start::Since(Cursor { id: id(3), region: None }));
    expect_actions(&mut bench, &["unsubscribe"]);
    bench.sent.push(json!({"id": 2}));
    bench.live(id(9));
    bench.reply(json!({"channel": "c"}));
    assert_eq!(bench.last()["since"], json!(id(3)), "a straggler does not move the new cursor");
}

#[test]
fn the_end_of_the_connection_ends_what_was_being_left() {
    let mut bench = Bench::member("a");
    bench.unsubscribe("c");
    bench.close();
    assert_eq!(bench.exits(), [Exit::Requested]);
}

#[test]
fn an_unsubscribe_that_finds_nothing_is_done_and_one_that_failed_for_now_is_retried() {
    let mut bench = Bench::member("a");
    bench.unsubscribe("c");
    bench.refuse("unavailable", true);
    assert!(bench.exits().is_empty());
    bench.take_sent();
    bench.wait(Duration::from_secs(1));
    expect_actions(&mut bench, &["unsubscribe"]);
    bench.sent.push(json!({"id": 3}));
    bench.refuse("not_subscribed", false);
    assert_eq!(bench.exits(), [Exit::Requested]);
}

/// It may have been carried out, and its answer lost: only the service can say that there is nothing to leave.
#[test]
fn a_channel_left_after_its_subscribe_failed_for_now_is_unsubscribed() {
    for left_before_the_answer in [true, false] {
        let mut bench = Bench::new();
        bench.open("a");
        bench.subscribe("c", Start::Now);
        if left_before_the_answer {
            bench.unsubscribe("c");
        }
        bench.refuse("unavailable", true);
        if !left_before_the_answer {
            bench.unsubscribe("c");
        }
        bench.wait(Duration::from_secs(1));
        expect_actions(&mut bench, &["subscribe", "unsubscribe"]);
        assert!(bench.exits().is_empty(), "the service may still count it a member");
        bench.sent.push(json!({"id": 2}));
        bench.refuse("not_subscribed", false);
        assert_eq!(bench.exits(), [Exit::Requested]);
    }
}

#[test]
fn a_subscribe_that_failed_for_now_is_retried_with_growing_jitter() {
    let mut bench = Bench::new();
    bench.open("a");
    bench.subscribe("c", Start::Now);
    for pause in [125, 250, 500] {
        bench.refuse("unavailable", true);
        let frames = bench.sent.len();
        bench.wait(Duration::from_millis(pause - 1));
        assert_eq!(bench.sent.len(), frames);
        bench.wait(Duration::from_millis(1));
        assert_eq!(bench.sent.len(), frames + 1);
    }
    assert!(bench.exits().is_empty() && bench.reconnects.is_empty());
}

#[test]
fn the_next_connection_does_not_wait_for_a_retry() {
    let mut bench = Bench::new();
    bench.open("a");
    bench.subscribe("c", Start::Now);
    bench.refuse("unavailable", true);
    bench.take_sent();
    bench.reopen("a");
    expect_actions(&mut bench, &["subscribe"]);
    bench.wait(Duration::from_secs(20));
    assert!(bench.sent.is_empty(), "the former retry is forgotten");
}

#[test]
fn forbidden_and_unauthorized_drop_the_channel() {
    for code in ["forbidden", "unauthorized", "bad_request"] {
        let mut bench = Bench::member("a");
        bench.reopen("b");
        bench.refuse(code, false);
        assert!(matches!(&bench.exits()[..], [Exit::Refused(refusal)] if refusal.code.as_str() == code));
        bench.take_sent();
        bench.reopen("b");
        assert!(bench.sent.is_empty());
    }
}

#[test]
fn a_subscribe_with_an_expired_token_waits_for_the_next_connection() {
    let mut bench = Bench::member("a");
    bench.reopen("b");
    bench.refuse("expired", false);
    assert_eq!(bench.reconnects, [Reconnect::Expired]);
    let frames = bench.sent.len();
    bench.wait(Duration::from_mins(1));
    assert_eq!(bench.sent.len(), frames, "it is not retried on this one");
    assert_eq!(bench.resumes_at(), place(0, "a"));
}

#[test]
fn a_subscribe_without_a_reply_asks_for_another_connection() {
    let mut bench = Bench::member("a");
    bench.reopen("b");
    bench.wait(Duration::from_secs(20));
    bench.live(id(1));
    bench.wait(Duration::from_secs(10));
    assert_eq!(bench.reconnects, [Reconnect::Silent]);
    let frames = bench.sent.len();
    bench.wait(Duration::from_mins(1));
    assert_eq!(bench.sent.len(), frames, "a second one is not outstanding beside it");
}

#[test]
fn an_unsubscribe_without_a_reply_asks_for_another_connection() {
    let mut bench = Bench::member("a");
    bench.unsubscribe("c");
    bench.wait(Duration::from_secs(20));
    bench.live(id(1));
    bench.wait(Duration::from_secs(10));
    assert_eq!(bench.reconnects, [Reconnect::Silent]);
}

#[test]
fn an_operator_takes_a_channel_away() {
    let mut bench = Bench::member("a");
    bench.frame(&json!({"type": "unsubscribed", "channel": "c"}));
    assert_eq!(bench.exits(), [Exit::Operator]);
    bench.live(id(1));
    assert!(bench.shown().is_empty());
    bench.take_sent();
    bench.reopen("a");
    assert!(bench.sent.is_empty());
}

#[test]
fn a_subscribe_that_an_eviction_overtook_is_taken_back() {
    let mut bench = Bench::new();
    bench.open("a");
    bench.subscribe("c", Start::Now);
    bench.frame(&json!({"type": "unsubscribed", "channel": "c"}));
    bench.reply(subscribed("c", &[id(1)], id(1), "a"));
    assert!(bench.shown().is_empty());
    expect_actions(&mut bench, &["subscribe", "unsubscribe"]);
    assert_eq!(bench.exits(), [Exit::Operator]);
}

#[test]
fn a_personal_channel_is_left_by_not_listening() {
    let mut bench = Bench::of(Some("alice"));
    bench.open("a");
    bench.reply(subscribed("@alice", &[], id(0), "a"));
    bench.take_sent();
    bench.unsubscribe("@alice");
    assert_eq!(bench.exits(), [Exit::Requested]);
    bench.frame(&json!({"type": "messages", "messages": [message("@alice", id(1))]}));
    assert!(bench.sent.is_empty() && bench.shown().is_empty());
}

#[test]
fn presence_is_told_of_wanted_channels_only() {
    let mut bench = Bench::member("a");
    let join = |channel| {
        json!({"type": "presence", "channel": channel,
            "events": [{"event": "join", "user": "bob", "region": "a"}]})
    };
    bench.frame(&join("d"));
    assert!(bench.events.is_empty());
    bench.frame(&join("c"));
    assert!(matches!(&bench.events[..], [Event::Presence { events, .. }] if events.len() == 1));
}
