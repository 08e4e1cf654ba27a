//! What counts as had, and so where `subscribe` resumes.

use serde_json::{Value, json};

use super::super::*;
use super::harness::*;

#[test]
fn a_first_subscribe_is_a_fresh_start() {
    let mut bench = Bench::new();
    bench.subscribe("c", Start::Now);
    assert!(bench.sent.is_empty(), "nothing is sent without a connection");
    bench.open("a");
    assert_eq!(bench.take_sent(), [json!({"action": "subscribe", "id": 1, "channel": "c"})]);
}

#[test]
fn rewind_is_asked_for_once_and_told_as_such() {
    let mut bench = Bench::new();
    bench.open("a");
    bench.subscribe("c", Start::Rewind(3));
    assert_eq!(bench.last()["rewind"], 3);
    bench.reply(subscribed("c", &[id(1)], id(1), "a"));
    assert!(matches!(bench.events[1], Event::Message { origin: Origin::Rewound, .. }));
    bench.reopen("a");
    assert_eq!((&bench.last()["rewind"], &bench.last()["since"]), (&Value::Null, &json!(id(1))));
}

#[test]
fn a_client_that_saw_nothing_resumes_from_its_first_cursor() {
    let mut bench = Bench::member("a");
    assert_eq!(bench.resumes_at(), place(0, "a"));
}

#[test]
fn without_any_answer_the_next_subscribe_is_a_fresh_start_again() {
    let mut bench = Bench::new();
    bench.open("a");
    bench.subscribe("c", Start::Now);
    assert_eq!(bench.resumes_at(), (Value::Null, Value::Null));
}

#[test]
fn live_messages_move_the_cursor_when_nothing_is_owed() {
    let mut bench = Bench::member("a");
    bench.live(id(7));
    bench.live(id(5));
    assert_eq!(bench.resumes_at(), place(7, "a"));
}

#[test]
fn live_messages_before_the_reply_to_a_fresh_start_count_as_had() {
    let mut bench = Bench::new();
    bench.open("a");
    bench.subscribe("c", Start::Now);
    bench.live(id(7));
    assert_eq!(bench.resumes_at(), place(7, "a"));
}

#[test]
fn live_messages_before_the_reply_to_a_resumed_one_do_not_count_as_had() {
    let mut bench = Bench::member("a");
    bench.reopen("b");
    bench.live(id(9));
    assert_eq!(bench.shown(), [id(9)], "shown they are");
    assert_eq!(bench.resumes_at(), place(0, "a"), "with the region where the cursor was gained");
}

#[test]
fn once_the_reply_came_they_do() {
    let mut bench = Bench::member("a");
    bench.reopen("b");
    bench.live(id(9));
    bench.reply(subscribed("c", &[id(3)], id(3), "b"));
    assert_eq!(bench.shown(), [id(9), id(3)]);
    assert_eq!(bench.resumes_at(), place(9, "b"));
}

#[test]
fn what_came_live_on_a_connection_that_broke_in_mid_recovery_does_not_count_on_the_next() {
    let mut bench = Bench::member("a");
    bench.reopen("b");
    bench.live(id(9));
    bench.reopen("b");
    bench.reply(subscribed("c", &[id(3)], id(3), "b"));
    assert_eq!(bench.resumes_at(), place(3, "b"));
}

#[test]
fn an_answer_that_ends_before_the_cursor_does_not_move_it_back() {
    let mut bench = Bench::member("a");
    bench.live(id(50));
    bench.reopen("b");
    bench.reply(subscribed("c", &[id(20)], id(20), "b"));
    assert_eq!(bench.resumes_at(), place(50, "b"));
}

#[test]
fn replies_to_publish_do_not_move_the_cursor() {
    let mut bench = Bench::member("a");
    bench.publish("hi");
    bench.reply(json!({"message_id": id(9), "at": id(9).time()}));
    assert_eq!(bench.resumes_at(), place(0, "a"));
}

#[test]
fn the_applications_own_history_does_not_move_the_cursor() {
    let mut bench = Bench::member("a");
    bench.session.history(bench.now, &name("c"), Past::Latest, None);
    bench.wait(std::time::Duration::ZERO);
    bench.reply(page(&[id(9)], id(9), false));
    assert!(bench.shown().is_empty());
    assert_eq!(bench.resumes_at(), place(0, "a"));
    bench.live(id(9));
    assert_eq!(bench.shown(), [id(9)], "nor does it count as shown");
}

#[test]
fn a_cursor_of_another_session_is_resumed_and_owed_from_the_start() {
    let mut bench = Bench::new();
    bench.open("b");
    bench.subscribe("c", Start::Since(Cursor { id: id(4), region: None }));
    assert_eq!((&bench.last()["since"], &bench.last()["region"]), (&json!(id(4)), &Value::Null));
    bench.live(id(9));
    assert_eq!(bench.resumes_at(), (json!(id(4)), Value::Null));
}

#[test]
fn the_personal_channel_is_entered_with_every_connection() {
    let mut bench = Bench::of(Some("alice"));
    bench.open("a");
    assert_eq!(bench.take_sent(), [json!({"action": "subscribe", "id": 1, "channel": "@alice"})]);
}

#[test]
fn in_the_personal_channel_something_is_owed_from_the_connect_on() {
    let mut bench = Bench::of(Some("alice"));
    bench.open("a");
    bench.reply(subscribed("@alice", &[], id(1), "a"));
    bench.close();
    bench.open("b");
    // The connection is a member before `subscribe` is: the message may overtake even the request.
    bench.frame(&json!({"type": "messages", "messages": [message("@alice", id(9))]}));
    assert_eq!(bench.shown(), [id(9)]);
    bench.reopen("b");
    assert_eq!((&bench.last()["since"], &bench.last()["region"]), (&json!(id(1)), &json!("a")));
    bench.reply(subscribed("@alice", &[id(9)], id(9), "b"));
    bench.reopen("b");
    assert_eq!(bench.last()["since"], json!(id(9)));
    assert_eq!(bench.shown(), [id(9)]);
}

#[test]
fn all_wanted_channels_are_entered_anew_each_with_its_cursor() {
    let mut bench = Bench::member("a");
    bench.subscribe("d", Start::Now);
    bench.reply(subscribed("d", &[], id(8), "a"));
    bench.take_sent();
    bench.reopen("b");
    let mut since: Vec<_> =
        bench.sent.iter().map(|frame| (frame["channel"].clone(), frame["since"].clone())).collect();
    since.sort_by_key(|(channel, _)| channel.to_string());
    assert_eq!(since, [(json!("c"), json!(id(0))), (json!("d"), json!(id(8)))]);
}

#[test]
fn many_channels_enter_a_few_at_a_time_and_all_of_them() {
    let mut bench = Bench::new();
    for n in 0..100 {
        bench.subscribe(&format!("c{n}"), Start::Now);
    }
    bench.open("a");
    let mut entered = 0;
    while !bench.sent.is_empty() {
        let sent = bench.take_sent();
        assert!(entered > 0 || sent.len() == 32, "{} at once", sent.len());
        for request in sent {
            let reply = subscribed(request["channel"].as_str().unwrap(), &[], id(0), "a");
            bench.frame(&json!({"type": "reply", "id": request["id"], "result": reply}));
            entered += 1;
        }
    }
    assert_eq!(entered, 100);
}
