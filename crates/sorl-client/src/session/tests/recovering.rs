//! The pages of a recovery, and what becomes of it when something fails.

use std::time::Duration;

use serde_json::json;

use super::super::*;
use super::harness::*;

/// A member of `c` at `id(0)` that reconnected to `b` and was answered in part, up to `id(1)`.
fn answered_in_part() -> Bench {
    let mut bench = Bench::member("a");
    bench.reopen("b");
    bench.reply(subscribed_in_part(&[id(1)], id(1), "b"));
    bench
}

#[test]
fn pages_are_fetched_from_the_answers_cursor_until_there_are_no_more() {
    let mut bench = answered_in_part();
    let expected = |since| json!({"action": "history", "channel": "c", "since": id(since), "limit": 500});
    let asked = |bench: &Bench| {
        let mut frame = bench.last().clone();
        frame.as_object_mut().unwrap().remove("id");
        frame
    };
    assert_eq!(asked(&bench), expected(1));
    bench.reply(page(&[id(2)], id(2), true));
    assert_eq!(asked(&bench), expected(2));
    let frames = bench.sent.len();
    bench.reply(page(&[id(3)], id(3), false));
    assert_eq!(bench.shown(), [id(1), id(2), id(3)]);
    assert_eq!(bench.sent.len(), frames, "nothing more is asked");
    assert!(bench.events.iter().any(|event| matches!(event, Event::Recovered { .. })));
}

#[test]
fn pages_begin_where_the_answer_ended_even_if_that_lies_before_the_cursor() {
    let mut bench = Bench::member("a");
    bench.live(id(50));
    bench.reopen("b");
    bench.reply(subscribed_in_part(&[id(20)], id(20), "b"));
    assert_eq!(bench.last()["since"], json!(id(20)));
    bench.live(id(90));
    assert_eq!(bench.resumes_at(), place(50, "a"), "and until they pass it, the cursor stays");
}

#[test]
fn a_drop_between_pages_resumes_from_the_last_page_not_from_what_came_live() {
    let mut bench = answered_in_part();
    bench.live(id(90));
    bench.reply(page(&[id(2)], id(2), true));
    assert_eq!(bench.resumes_at(), place(2, "b"));
}

#[test]
fn after_the_last_page_what_came_live_counts() {
    let mut bench = answered_in_part();
    bench.live(id(90));
    assert!(!bench.session.is_settled(&name("c")));
    bench.reply(page(&[id(2)], id(2), false));
    assert!(bench.session.is_settled(&name("c")));
    assert_eq!(bench.resumes_at(), place(90, "b"));
}

#[test]
fn a_message_that_came_live_and_in_a_page_is_shown_once() {
    let mut bench = answered_in_part();
    bench.live(id(2));
    bench.reply(page(&[id(2), id(3)], id(3), false));
    bench.live(id(3));
    assert_eq!(bench.shown(), [id(1), id(2), id(3)]);
}

#[test]
fn not_recovered_is_a_gap_and_recovered_is_none() {
    let mut bench = Bench::member("a");
    bench.reopen("b");
    let mut answer = subscribed("c", &[id(5)], id(5), "b");
    answer["recovered"] = json!(false);
    bench.reply(answer);
    assert_eq!((bench.gaps(), bench.shown()), (1, vec![id(5)]));
    assert_eq!(bench.resumes_at(), place(5, "b"));
    bench.reply(subscribed("c", &[], id(5), "b"));
    assert_eq!(bench.gaps(), 1);
}

#[test]
fn a_page_that_failed_for_now_is_asked_for_again_in_time() {
    let mut bench = answered_in_part();
    bench.refuse("unavailable", true);
    bench.take_sent();
    bench.wait(Duration::from_millis(124));
    assert!(bench.sent.is_empty(), "not before its time");
    assert_eq!(bench.session.next_due(), Some(bench.now.plus(Duration::from_millis(1))));
    bench.wait(Duration::from_millis(1));
    assert_eq!((&bench.last()["action"], &bench.last()["since"]), (&json!("history"), &json!(id(1))));
}

#[test]
fn a_page_without_a_reply_is_asked_for_again() {
    let mut bench = answered_in_part();
    bench.wait(Duration::from_secs(20));
    bench.live(id(90));
    bench.wait(Duration::from_secs(10));
    assert!(bench.reconnects.is_empty(), "others are heard on this connection");
    bench.take_sent();
    bench.wait(Duration::from_millis(125));
    assert_eq!(bench.last()["since"], json!(id(1)));
}

#[test]
fn a_page_that_is_refused_for_good_is_a_gap_and_what_came_live_counts() {
    let mut bench = answered_in_part();
    bench.live(id(90));
    bench.refuse("forbidden", false);
    assert_eq!(bench.gaps(), 1);
    assert_eq!(bench.resumes_at(), place(90, "b"));
}

#[test]
fn a_page_after_the_token_expired_waits_for_the_next_connection() {
    let mut bench = answered_in_part();
    bench.live(id(90));
    bench.refuse("expired", false);
    assert_eq!((bench.gaps(), &bench.reconnects[..]), (0, &[Reconnect::Expired][..]));
    assert_eq!(bench.resumes_at(), place(1, "b"));
}

#[test]
fn a_page_that_does_not_lead_on_is_not_asked_for_without_end() {
    let mut bench = answered_in_part();
    bench.reply(page(&[], id(1), true));
    assert_eq!(bench.gaps(), 1);
}

#[test]
fn a_page_of_a_former_connection_is_no_page_of_this_one() {
    let mut bench = answered_in_part();
    let former = bench.last()["id"].clone();
    bench.reopen("b");
    bench.frame(&json!({"type": "reply", "id": former, "result": page(&[id(2)], id(2), false)}));
    assert!(!bench.session.is_settled(&name("c")));
    assert_eq!(bench.resumes_at(), place(1, "b"));
}

#[test]
fn leaving_in_mid_recovery_ends_it() {
    let mut bench = answered_in_part();
    let asked = bench.last()["id"].clone();
    bench.unsubscribe("c");
    bench.frame(&json!({"type": "reply", "id": asked, "result": page(&[id(2)], id(2), true)}));
    assert_eq!(bench.shown(), [id(1)]);
    assert_eq!(bench.last()["action"], "unsubscribe");
}

#[test]
fn a_recovery_after_a_long_absence_shows_nothing_again_that_came_before_it() {
    let mut bench = Bench::member("a");
    bench.live(id(10));
    bench.wait(Duration::from_hours(1));
    bench.reopen("b");
    let (known, latest) = (id(10), id(3_600));
    bench.reply(subscribed("c", &[id(1), known, latest], latest, "b"));
    assert_eq!(bench.shown().iter().filter(|shown| **shown == known).count(), 1);
}
