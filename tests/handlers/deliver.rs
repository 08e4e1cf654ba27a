//! What `deliver` does with a batch, and with every answer of the gateway.

use std::time::Duration;

use serde_json::json;
use sorl_core::deliver::{Ports, Record, Report, deliver};
use sorl_core::envelope::Topic;
use sorl_core::limits::LATE_AFTER;
use sorl_core::ports::{Clock, RecordSource};
use sorl_tests::over::Over;

use crate::broken::{BrokenLog, BrokenQueue, BrokenRegistry};
use crate::gateway::Answers;
use crate::stage::{HOME, Stage, wait};

/// Takes the waiting live records and delivers them with other ports than the stage's own.
fn deliver_with(stage: &Stage, change: impl FnOnce(Ports<'_>, &[Record]) -> Report) -> Report {
    let place = stage.place(HOME);
    let received = place.live.receive(stage.told.now(), 10);
    let records: Vec<_> = received.iter().map(|received| received.record.clone()).collect();
    change(stage.ports(place), &records)
}

#[test]
fn ten_messages_of_two_channels_are_one_post_in_id_order() {
    let stage = Stage::new();
    let alice = stage.member("alice", "alice", "room:1");
    stage.say(&alice, &json!({"action": "subscribe", "channel": "bare:2"}));
    stage.deliver();
    for n in 0..10 {
        stage.send(if n % 2 == 0 { "room:1" } else { "bare:2" }, &n.to_string());
        stage.pass(Duration::from_millis(1));
    }
    let report = &stage.deliver()[0];
    assert_eq!((report.counts.posts, report.counts.deliveries), (1, 10));
    let data: Vec<_> = (0..10).map(|n| json!(n)).collect();
    assert_eq!(stage.gateway.data("alice"), data);
}

#[test]
fn poison_is_buried_with_its_reason_and_its_neighbours_arrive() {
    let stage = Stage::new();
    stage.member("alice", "alice", "room:1");
    stage.send("room:1", "1");
    stage.publish(Topic::Messages, "no channel", None);
    stage.publish(Topic::Relay, "{}", None);
    stage.publish(Topic::Control, r#"{"control":"dance","user":"bob"}"#, None);
    stage.send("room:1", "2");
    stage.deliver();
    assert_eq!(stage.gateway.data("alice"), [json!(1), json!(2)]);
    let reasons = stage.dead_letters();
    assert_eq!(reasons.len(), 3, "{reasons:?}");
    assert!(reasons.iter().all(|reason| !reason.is_empty()));
    assert_eq!(stage.waiting(), 0);
}

#[test]
fn poison_that_cannot_be_buried_comes_again() {
    let stage = Stage::new();
    stage.publish(Topic::Messages, "no channel", None);
    let report =
        deliver_with(&stage, |ports, records| stage.run(records, Ports { queue: &BrokenQueue, ..ports }));
    assert_eq!(report.failed.len(), 1);
}

#[test]
fn a_record_of_the_bulk_queue_that_is_no_slice_is_poison() {
    let stage = Stage::new();
    let record = Record { id: "r".to_owned(), source: RecordSource::Bulk, body: "{}".to_owned() };
    let report = stage.run(&[record], stage.ports(stage.place(HOME)));
    assert_eq!((report.failed.len(), report.counts.dead_letters), (0, 1));
}

#[test]
fn what_is_not_logged_is_not_posted_and_comes_again() {
    let stage = Stage::new();
    stage.member("alice", "alice", "room:1");
    stage.deliver();
    stage.send("room:1", "1");
    stage.pass(Duration::from_millis(1));
    stage.send("room:1", "2");
    let report = deliver_with(&stage, |ports, records| {
        let log = Over(BrokenLog { refuses_first: true, ..BrokenLog::of(ports.log) });
        stage.run(records, Ports { log: &log, ..ports })
    });
    assert_eq!(report.failed.len(), 1);
    assert_eq!(stage.gateway.data("alice"), [json!(2)]);
}

#[test]
fn a_late_message_that_cannot_be_marked_is_not_posted_and_comes_again() {
    let stage = Stage::new();
    stage.member("alice", "alice", "room:1");
    stage.member("alice", "alice2", "bare:1");
    stage.deliver();
    stage.send("room:1", "1");
    stage.send("bare:1", "2");
    stage.pass(Duration::from_secs(16));
    let report = deliver_with(&stage, |ports, records| {
        let log = Over(BrokenLog { refuses_marks: true, ..BrokenLog::of(ports.log) });
        stage.run(records, Ports { log: &log, ..ports })
    });
    assert_eq!(report.failed.len(), 1);
    assert_eq!(stage.gateway.data("alice"), [] as [serde_json::Value; 0]);
    assert_eq!(stage.gateway.data("alice2"), [json!(2)], "a channel without history has no marks");
}

#[test]
fn a_403_fails_its_records_and_nothing_else() {
    let stage = Stage::new();
    stage.member("alice", "alice", "room:1");
    stage.member("bob", "bob", "bare:1");
    stage.deliver();
    stage.gateway.answer("alice", Answers::Forbidden);
    stage.send("room:1", "1");
    stage.send("bare:1", "2");
    let report = stage.deliver_batch(|_, _| None).unwrap();
    assert_eq!(report.failed.len(), 1);
    assert_eq!(stage.gateway.data("bob"), [json!(2)]);
}

#[test]
fn a_message_that_a_batch_brings_twice_comes_again_twice() {
    let stage = Stage::new();
    stage.member("alice", "alice", "room:1");
    stage.deliver();
    stage.gateway.answer("alice", Answers::Forbidden);
    stage.send("room:1", "1");
    let report = deliver_with(&stage, |ports, records| {
        let twin = Record { id: "twin".to_owned(), ..records[0].clone() };
        stage.run(&[records[0].clone(), twin], ports)
    });
    assert_eq!((report.failed.len(), report.counts.forbidden), (2, 1), "{report:?}");
}

#[test]
fn a_message_that_a_batch_brings_twice_is_shown_once() {
    let stage = Stage::new();
    stage.member("alice", "alice", "room:1");
    stage.deliver();
    stage.send("room:1", "1");
    deliver_with(&stage, |ports, records| {
        let twin = Record { id: "twin".to_owned(), ..records[0].clone() };
        stage.run(&[records[0].clone(), twin], ports)
    });
    assert_eq!(stage.gateway.data("alice"), [json!(1)]);
}

#[test]
fn a_message_is_marked_as_late_only_after_fifteen_seconds() {
    for (age, marks) in [(LATE_AFTER, 0), (LATE_AFTER + Duration::from_millis(1), 1)] {
        let stage = Stage::new();
        stage.send("hall:1", "1");
        stage.pass(age);
        assert_eq!(stage.deliver_batch(|_, _| None).unwrap().counts.marks, marks, "{age:?}");
    }
}

#[test]
fn an_audience_is_read_from_the_table_and_not_from_a_replica_that_lags() {
    let stage = Stage::new();
    stage.member("alice", "alice", "room:1");
    stage.send("room:1", "1");
    deliver_with(&stage, |ports, records| {
        let registry = BrokenRegistry::behind(ports.registry);
        stage.run(records, Ports { registry: &registry, ..ports })
    });
    assert_eq!(stage.gateway.data("alice"), [json!(1)]);
}

#[test]
fn a_413_is_buried_and_what_is_behind_it_still_goes() {
    let stage = Stage::new();
    stage.member("alice", "alice", "room:1");
    stage.deliver();
    stage.gateway.answer("alice", Answers::TooLarge);
    stage.send("room:1", &format!("{:?}", "x".repeat(40_000)));
    stage.pass(Duration::from_millis(1));
    stage.send("room:1", "2");
    stage.deliver_batch(|_, _| None);
    stage.gateway.answer("alice", Answers::Ok);
    stage.deliver_for(Duration::from_secs(2));
    assert_eq!(stage.dead_letters().len(), 1);
    assert_eq!(stage.gateway.data("alice"), [json!(2)]);
}

#[test]
fn an_expired_member_gets_nothing() {
    let stage = Stage::new();
    stage.member("alice", "alice", "room:1");
    stage.deliver();
    stage.pass(Duration::from_mins(61));
    stage.send("room:1", "1");
    stage.deliver();
    assert_eq!(stage.gateway.data("alice"), [] as [serde_json::Value; 0]);
}

#[test]
fn near_the_deadline_everything_left_goes_to_slices() {
    let stage = Stage::new();
    stage.member("alice", "alice", "room:1");
    stage.deliver();
    stage.send("room:1", "1");
    let report = deliver_with(&stage, |ports, records| {
        wait(deliver(records, ports, &stage.place(HOME).site, stage.told.now()))
    });
    assert_eq!((report.failed.len(), report.counts.posts, report.counts.slices), (0, 0, 1));
    stage.deliver();
    assert_eq!(stage.gateway.data("alice"), [json!(1)]);
}

#[test]
fn joins_and_leaves_are_told_where_the_namespace_wants_it() {
    let stage = Stage::new();
    stage.member("alice", "alice", "room:1");
    let bob = stage.member("bob", "bob", "room:1");
    stage.deliver();
    stage.say(&bob, &json!({"action": "unsubscribe", "channel": "room:1"}));
    stage.deliver();
    let events: Vec<_> = stage
        .gateway
        .frames("alice", "presence")
        .iter()
        .flat_map(|frame| frame["events"].as_array().unwrap().clone())
        .map(|event| (event["event"].clone(), event["user"].clone()))
        .collect();
    assert!(events.contains(&(json!("join"), json!("bob"))), "{events:?}");
    assert!(events.contains(&(json!("leave"), json!("bob"))), "{events:?}");
}
