//! What a run of `deliver` says that it did: the figures that the metrics and the bill's forecast stand on.
//!
//! Not how they are told (`metrics`).

use std::time::Duration;

use sorl_core::deliver::{Accepted, Counts, deliver};
use sorl_core::limits::HANDSHAKE_MAX;
use sorl_core::ports::Clock;
use sorl_core::region::Region;

use crate::gateway::Answers;
use crate::stage::{HOME, Stage, wait};

/// Three members of `hall:1`, whose handshakes are long over.
fn hall() -> Stage {
    let stage = Stage::new();
    (0..3).for_each(|n| drop(stage.member(&format!("u{n}"), &format!("c{n}"), "hall:1")));
    stage.deliver();
    stage.pass(HANDSHAKE_MAX);
    stage
}

#[test]
fn what_is_delivered_is_counted_to_the_byte() {
    let stage = hall();
    stage.member("u0", "elsewhere", "bare:1");
    stage.send("hall:1", "1");
    stage.send("hall:1", "2");
    stage.send("bare:1", "3");
    let counts = stage.deliver_batch(|_, _| None).unwrap().counts;
    let told = Counts {
        messages: 3,
        audiences: 2,
        audience_members: 4,
        posts: 4,
        deliveries: 7,
        bytes: stage.gateway.bytes(),
        ..Counts::default()
    };
    assert_eq!(counts, told);
}

#[test]
fn members_who_are_left_to_slices_count_as_found() {
    let stage = Stage::with("[limits]\ninline = 3");
    (0..10).for_each(|n| drop(stage.member(&format!("u{n}"), &format!("c{n}"), "hall:1")));
    stage.send("hall:1", "1");
    let counts = stage.deliver_batch(|_, _| None).unwrap().counts;
    assert_eq!((counts.posts, counts.audience_members), (3, 10));
}

#[test]
fn what_tells_a_join_is_counted_as_a_post_and_as_no_delivery() {
    let stage = Stage::new();
    stage.member("alice", "alice", "room:1");
    stage.member("bob", "bob", "room:1");
    let counts = stage.deliver_batch(|_, _| None).unwrap().counts;
    let told = Counts { posts: 2, presence_posts: 2, bytes: stage.gateway.bytes(), ..Counts::default() };
    assert_eq!(counts, told);
}

#[test]
fn each_answer_of_the_gateway_is_counted_as_what_it_is() {
    use Answers::{Forbidden, Gone, Nothing, Ok, Throttled};
    let one = Counts { retries: 1, slices: 1, ..Counts::default() };
    let accounts = Counts { retries: 2, slices: 1, throttled: 2, throttled_account: 2, ..Counts::default() };
    for (answers, told) in [
        ([Ok, Ok, Gone], Counts { gone: 1, ..Counts::default() }),
        ([Ok, Ok, Throttled], Counts { throttled: 1, ..one }),
        ([Ok, Throttled, Throttled], accounts),
        ([Ok, Ok, Nothing], Counts { unanswered: 1, ..one }),
        ([Ok, Ok, Forbidden], Counts { forbidden: 1, ..Counts::default() }),
    ] {
        let stage = hall();
        (0..3).for_each(|n| stage.gateway.answer(&format!("c{n}"), answers[n]));
        stage.send("hall:1", "1");
        let posts = answers.iter().filter(|answer| **answer == Ok).count() as u64;
        let found = Counts { messages: 1, audiences: 1, audience_members: 3, ..told };
        let counts = stage.deliver_batch(|_, _| None).unwrap().counts;
        let told = Counts { posts, deliveries: posts, bytes: stage.gateway.bytes(), ..found };
        assert_eq!(counts, told, "{answers:?}");
    }
}

#[test]
fn what_there_was_no_time_for_is_no_retry() {
    let stage = hall();
    stage.send("hall:1", "1");
    let report = stage.deliver_batch(|ports, records| {
        Some(wait(deliver(records, ports, &stage.place(HOME).site, stage.told.now())))
    });
    let counts = report.unwrap().counts;
    assert_eq!((counts.posts, counts.slices, counts.retries), (0, 1, 0));
}

#[test]
fn of_what_is_done_with_it_is_told_where_and_when_it_was_accepted() {
    let stage = hall();
    stage.member("bob", "bob", "bare:1");
    stage.gateway.answer("bob", Answers::Forbidden);
    let at = stage.told.now();
    stage.send("hall:1", "1");
    stage.pass(Duration::from_millis(5));
    stage.send("bare:1", "2");
    let report = stage.deliver_batch(|_, _| None).unwrap();
    let origin = Region::parse(HOME).unwrap();
    assert_eq!((report.failed.len(), report.accepted), (1, vec![Accepted { origin, at }]));
}
