//! Two connections at once: what each is good for, and what is left when one of them goes.

use std::time::Duration;

use serde_json::json;

use super::super::*;
use super::harness::*;

/// A member of `c` over a connection in `a` that is being replaced by one in `b`.
fn moving() -> Bench {
    let mut bench = Bench::member("a");
    bench.open("b");
    bench
}

fn over_former(bench: &mut Bench, frame: &serde_json::Value) {
    let at = Moment { now: bench.now, jitter: bench.jitter };
    bench.session.hear(at, Side::Former, &frame.to_string());
    bench.text("{}");
}

fn live(second: u64) -> serde_json::Value {
    json!({"type": "messages", "messages": [message("c", id(second))]})
}

#[test]
fn a_handover_is_complete_with_the_last_page() {
    let mut bench = moving();
    assert!(!bench.session.is_handed_over());
    bench.reply(subscribed_in_part(&[id(1)], id(1), "b"));
    assert!(!bench.session.is_handed_over());
    bench.reply(page(&[id(2)], id(2), false));
    assert!(bench.session.is_handed_over());
}

#[test]
fn what_both_connections_bring_is_shown_once() {
    let mut bench = moving();
    over_former(&mut bench, &live(3));
    bench.live(id(3));
    bench.reply(subscribed("c", &[id(3)], id(3), "b"));
    over_former(&mut bench, &live(3));
    assert_eq!(bench.shown(), [id(3)]);
}

#[test]
fn a_subscribe_that_the_former_connection_answers_does_not_count_and_is_repeated_after_a_fall_back() {
    let mut bench = Bench::new();
    bench.open("a");
    bench.subscribe("c", Start::Rewind(5));
    let request = bench.last().clone();
    bench.open("b");
    over_former(
        &mut bench,
        &json!({"type": "reply", "id": request["id"],
        "result": subscribed("c", &[id(1)], id(1), "a")}),
    );
    assert!(bench.shown().is_empty() && bench.session.cursor(&name("c")).is_none());
    bench.take_sent();
    bench.session.fell_back(bench.now);
    bench.text("{}");
    assert_eq!(bench.last()["rewind"], 5);
}

#[test]
fn a_recovery_that_was_cut_off_by_a_handover_begins_anew_after_a_fall_back() {
    let mut bench = Bench::member("a");
    bench.reopen("a");
    bench.reply(subscribed_in_part(&[id(1)], id(1), "a"));
    bench.open("b");
    bench.take_sent();
    bench.session.fell_back(bench.now);
    bench.text("{}");
    assert_eq!((&bench.last()["action"], &bench.last()["since"]), (&json!("subscribe"), &json!(id(1))));
}

#[test]
fn a_channel_left_during_a_handover_is_left_on_the_connection_that_stays() {
    let mut bench = moving();
    bench.unsubscribe("c");
    bench.take_sent();
    bench.session.fell_back(bench.now);
    bench.text("{}");
    assert_eq!(bench.last()["action"], "unsubscribe");
    bench.reply(json!({"channel": "c"}));
    assert_eq!(bench.exits(), [Exit::Requested]);
}

#[test]
fn joins_are_told_by_one_connection_at_a_time() {
    let mut bench = moving();
    let join = json!({"type": "presence", "channel": "c",
        "events": [{"event": "join", "user": "bob", "region": "a"}]});
    let joins =
        |bench: &Bench| bench.events.iter().filter(|event| matches!(event, Event::Presence { .. })).count();
    over_former(&mut bench, &join);
    assert_eq!(joins(&bench), 1);
    bench.reply(subscribed("c", &[], id(0), "b"));
    over_former(&mut bench, &join);
    bench.frame(&join);
    assert_eq!(joins(&bench), 2);
}

#[test]
fn both_connections_answer_what_they_were_asked() {
    let mut bench = Bench::member("a");
    let request = bench.publish("hi");
    let asked = bench.last().clone();
    bench.open("b");
    let reply = json!({"message_id": id(1), "at": 1});
    over_former(&mut bench, &json!({"type": "reply", "id": asked["id"], "result": reply}));
    assert!(bench.events.iter().any(|event| matches!(event,
        Event::Replied { request: answered, outcome: Ok(_) } if *answered == request)));
    let request = bench.publish("ho");
    bench.session.former_closed();
    bench.text("{}");
    assert_eq!(bench.failure(request), None, "it waits for the connection that stays");
}

#[test]
fn a_former_connection_in_an_unknown_state_is_not_fallen_back_to() {
    let mut bench = Bench::new();
    bench.open("a");
    bench.subscribe("c", Start::Now);
    bench.open("b");
    bench.reply(subscribed("c", &[], id(0), "b"));
    bench.wait(Duration::from_secs(30));
    assert!(bench.reconnects.is_empty(), "the current one is in order");
    bench.session.fell_back(bench.now);
    bench.text("{}");
    assert_eq!(bench.reconnects, [Reconnect::Silent]);
}

#[test]
fn a_channel_left_before_a_handover_is_left_again_after_a_fall_back() {
    let mut bench = Bench::member("a");
    bench.unsubscribe("c");
    bench.refuse("unavailable", true);
    bench.open("b");
    assert_eq!(bench.exits(), [Exit::Requested], "the connection that counts is not in it");
    bench.take_sent();
    bench.session.fell_back(bench.now);
    bench.text("{}");
    assert_eq!(bench.last()["action"], "unsubscribe");
    bench.reply(json!({"channel": "c"}));
    assert_eq!(bench.exits().len(), 1, "and the application hears of it once");
}

#[test]
fn what_the_former_connection_entered_late_or_may_have_is_left_there_too_after_a_fall_back() {
    let entered = json!({"type": "reply", "result": subscribed("c", &[], id(1), "a")});
    let may_have = json!({"type": "error",
        "error": {"code": "unavailable", "message": "no", "temporary": true}});
    for mut late in [entered, may_have] {
        let mut bench = Bench::new();
        bench.open("a");
        bench.subscribe("c", Start::Now);
        late["id"] = bench.last()["id"].clone();
        bench.open("b");
        bench.reply(subscribed("c", &[], id(1), "b"));
        over_former(&mut bench, &late);
        bench.unsubscribe("c");
        bench.reply(json!({"channel": "c"}));
        bench.take_sent();
        bench.session.fell_back(bench.now);
        bench.text("{}");
        assert_eq!(bench.last()["action"], "unsubscribe");
    }
}

#[test]
fn a_channel_refused_and_wanted_anew_during_a_handover_is_left_after_a_fall_back() {
    let mut bench = Bench::member("a");
    bench.open("b");
    bench.refuse("forbidden", false);
    bench.subscribe("c", Start::Now);
    bench.refuse("forbidden", false);
    bench.take_sent();
    bench.session.fell_back(bench.now);
    bench.text("{}");
    assert_eq!(bench.last()["action"], "unsubscribe", "the connection that stays was in it");
}
