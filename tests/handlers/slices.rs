//! Slices: who is retried, how often, when a connection is given up, and that nobody gets a message for nothing.

use std::time::Duration;

use serde_json::json;
use sorl_core::limits::HANDSHAKE_MAX;
use sorl_core::ports::Clock;

use crate::gateway::Answers;
use crate::stage::{HOME, Stage};

fn settled(stage: &Stage) {
    stage.deliver();
    stage.pass(HANDSHAKE_MAX);
}

#[test]
fn a_retry_goes_only_to_those_who_have_not_got_it() {
    let stage = Stage::new();
    stage.member("alice", "alice", "room:1");
    stage.member("bob", "bob", "room:1");
    settled(&stage);
    stage.gateway.answer("bob", Answers::Nothing);
    stage.send("room:1", "1");
    stage.deliver();
    stage.gateway.answer("bob", Answers::Ok);
    stage.deliver_for(Duration::from_secs(5));
    assert_eq!(stage.gateway.data("alice"), [json!(1)]);
    assert_eq!(stage.gateway.data("bob"), [json!(1)]);
    assert_eq!(stage.waiting(), 0);
}

#[test]
fn a_member_whose_token_expires_before_the_retry_gets_nothing() {
    let stage = Stage::new();
    let mut alice = stage.caller(HOME, "alice", "alice");
    alice.principal.expires_at = stage.told.now().plus(Duration::from_secs(5));
    stage.try_connect(&alice).unwrap();
    stage.say(&alice, &json!({"action": "subscribe", "channel": "hall:1"}));
    stage.gateway.answer("alice", Answers::Nothing);
    stage.send("hall:1", "1");
    stage.deliver();
    stage.gateway.answer("alice", Answers::Ok);
    stage.pass(Duration::from_secs(5));
    stage.deliver();
    assert_eq!(stage.gateway.data("alice"), [] as [serde_json::Value; 0]);
    assert_eq!(stage.waiting(), 0);
}

#[test]
fn a_client_that_does_not_read_is_closed_after_its_last_attempt() {
    let stage = Stage::new();
    let slow = stage.member("slow", "slow", "room:1");
    for n in 0..5 {
        stage.member("alice", &format!("alice{n}"), "room:1");
    }
    settled(&stage);
    stage.gateway.answer("slow", Answers::Throttled);
    stage.send("room:1", "1");
    let reports = stage.deliver_for(Duration::from_secs(60));
    assert!(stage.gateway.is_closed("slow"));
    assert_eq!(reports.iter().map(|report| report.counts.closed_slow).sum::<u64>(), 1);
    assert_eq!(stage.waiting(), 0);
    let again = stage.say(&slow, &json!({"action": "unsubscribe", "channel": "room:1"}));
    assert_eq!(again["error"]["code"], "not_subscribed", "its rows are gone");
}

#[test]
fn an_account_throttle_is_nobodys_attempt() {
    let stage = Stage::new();
    for n in 0..3 {
        stage.member("alice", &format!("alice{n}"), "room:1");
    }
    settled(&stage);
    (0..3).for_each(|n| stage.gateway.answer(&format!("alice{n}"), Answers::Throttled));
    stage.send("room:1", "1");
    stage.deliver_for(Duration::from_mins(5));
    (0..3).for_each(|n| stage.gateway.answer(&format!("alice{n}"), Answers::Ok));
    stage.deliver_for(Duration::from_mins(2));
    for n in 0..3 {
        assert!(!stage.gateway.is_closed(&format!("alice{n}")));
        assert_eq!(stage.gateway.data(&format!("alice{n}")), [json!(1)]);
    }
}

#[test]
fn a_connection_that_cannot_even_be_closed_waits_and_gets_its_message_in_the_end() {
    let stage = Stage::new();
    stage.member("alice", "alice", "room:1");
    settled(&stage);
    stage.gateway.answer("alice", Answers::Nothing);
    stage.gateway.refuse_to_close(true);
    stage.send("room:1", "1");
    stage.deliver_for(Duration::from_mins(5));
    assert_ne!(stage.waiting(), 0);
    stage.gateway.answer("alice", Answers::Ok);
    stage.deliver_for(Duration::from_mins(2));
    assert_eq!(stage.gateway.data("alice"), [json!(1)]);
    assert_eq!(stage.waiting(), 0);
}

#[test]
fn a_young_410_may_be_a_pending_handshake_and_is_retried() {
    let stage = Stage::new();
    stage.member("alice", "alice", "room:1");
    stage.deliver();
    stage.gateway.answer("alice", Answers::Gone);
    stage.send("room:1", "1");
    stage.deliver();
    assert!(!stage.gateway.is_closed("alice"));
    stage.gateway.answer("alice", Answers::Ok);
    stage.deliver_for(Duration::from_secs(5));
    assert_eq!(stage.gateway.data("alice"), [json!(1)]);
}

#[test]
fn gone_connection_is_closed_then_removed_and_its_leave_is_told() {
    let stage = Stage::new();
    stage.member("alice", "alice", "room:1");
    let bob = stage.member("bob", "bob", "room:1");
    settled(&stage);
    stage.gateway.answer("alice", Answers::Gone);
    stage.send("room:1", "1");
    stage.deliver();
    assert!(stage.gateway.is_closed("alice"));
    let present = stage.say(&bob, &json!({"action": "presence", "channel": "room:1"}));
    assert_eq!(present["result"]["count"], 1, "{present}");
    assert_eq!(stage.gateway.data("bob"), [json!(1)]);
    let leaves = stage.gateway.frames("bob", "presence");
    assert!(leaves.iter().any(|frame| frame["events"][0]["event"] == "leave"), "{leaves:?}");
}

#[test]
fn a_late_slice_marks_and_finds_the_users_newer_connection() {
    let stage = Stage::new();
    let first = stage.member("alice", "first", "room:1");
    stage.member("bob", "bob", "room:1");
    settled(&stage);
    stage.gateway.answer("first", Answers::Nothing);
    stage.send("room:1", "1");
    stage.deliver();
    stage.disconnect(&first);
    stage.member("alice", "second", "room:1");
    stage.pass(Duration::from_secs(16));
    let reports = stage.deliver_for(Duration::from_secs(60));
    assert!(reports.iter().any(|report| report.counts.marks > 0), "{reports:?}");
    assert_eq!(stage.gateway.data("second"), [json!(1)]);
    assert_eq!(stage.gateway.data("bob"), [json!(1)], "bob has it since long");
    assert_eq!(stage.waiting(), 0);
}

#[test]
fn a_late_slice_leaves_alone_who_is_no_longer_a_member() {
    let stage = Stage::new();
    let alice = stage.member("alice", "alice", "room:1");
    stage.member("bob", "bob", "room:1");
    settled(&stage);
    stage.gateway.answer("alice", Answers::Nothing);
    stage.send("room:1", "1");
    stage.deliver();
    stage.say(&alice, &json!({"action": "unsubscribe", "channel": "room:1"}));
    stage.pass(Duration::from_secs(16));
    stage.gateway.answer("alice", Answers::Ok);
    stage.deliver_for(Duration::from_secs(30));
    assert_eq!(stage.gateway.data("alice"), [] as [serde_json::Value; 0]);
    assert_eq!(stage.waiting(), 0);
}

#[test]
fn slow_clients_that_are_retried_together_are_closed_all_the_same() {
    let stage = Stage::new();
    for n in 0..600 {
        stage.member(&format!("u{n}"), &format!("c{n}"), "hall:1");
    }
    settled(&stage);
    (0..5).for_each(|n| stage.gateway.answer(&format!("c{n}"), Answers::Throttled));
    stage.send("hall:1", "1");
    stage.deliver_for(Duration::from_secs(60));
    (0..5).for_each(|n| assert!(stage.gateway.is_closed(&format!("c{n}")), "c{n}"));
    assert_eq!(stage.waiting(), 0);
}

#[test]
fn late_slices_of_a_batch_read_an_audience_once_and_keep_apart_who_is_owed_what() {
    let stage = Stage::with("[limits]\ninline = 1");
    for n in 0..3 {
        stage.member(&format!("u{n}"), &format!("c{n}"), "hall:1");
    }
    stage.deliver();
    stage.pass(Duration::from_mins(2));
    for n in 0..2 {
        stage.send("hall:1", &n.to_string());
        stage.deliver_batch(|_, _| None);
        stage.pass(Duration::from_millis(1));
    }
    stage.pass(Duration::from_secs(20));
    let late = stage.deliver();
    assert_eq!((late.len(), late[0].counts.marks, late[0].counts.posts), (1, 2, 2), "{late:?}");
    for n in 0..3 {
        assert_eq!(stage.gateway.data(&format!("c{n}")), [json!(0), json!(1)], "c{n}");
    }
}
