//! How much is read, to the page: what is answered is the same if more is, and costs more.
//!
//! Not what is read first, strongly consistent, or to the end: `order`, `deliver`, `mass`.

use std::time::Duration;

use serde_json::{Value, json};
use sorl_core::authorize::Caller;
use sorl_core::command;
use sorl_core::connect::connect;
use sorl_core::deliver::{Ports, Report};
use sorl_core::ids::{ConnectionId, MessageId, Tail};
use sorl_core::limits::{LATE_AFTER, PRESENCE_ROWS_MAX, RECOVERY_OVERLAP};
use sorl_core::member::{Member, MemberKey, Partition};
use sorl_core::message::Message;
use sorl_core::names::{ChannelName, UserName};
use sorl_core::ports::{Clock, Log, LogEntry, Registry};
use sorl_core::region::Region;
use sorl_core::time::Timestamp;
use sorl_tests::over::Over;

use crate::broken::BrokenRegistry;
use crate::counted::{Counted, Crowd, Read};
use crate::gateway::Answers;
use crate::stage::{HOME, Stage, wait};

fn say(stage: &Stage, caller: &Caller, command: &Value, counted: &Over<Counted<'_>>) -> Value {
    let ports = command::Ports { registry: counted, log: counted, ..stage.command_ports(HOME) };
    stage.say_to(caller, command, ports)
}

/// One batch, with what is read counted.
fn deliver(stage: &Stage, counted: &Over<Counted<'_>>) -> Report {
    let report =
        stage.deliver_batch(|ports, records| Some(stage.run(records, Ports { registry: counted, ..ports })));
    report.unwrap()
}

/// A row that stands from now on for an hour.
fn put(stage: &Stage, channel: &str, user: &str, connection: &str) {
    let (channel, region) = (ChannelName::parse(channel).unwrap(), Region::parse(HOME).unwrap());
    let partition = Partition { channel, region, shard: 0 };
    let key = MemberKey { partition, connection: ConnectionId::parse(connection).unwrap() };
    let (user, since) = (UserName::parse(user).unwrap(), stage.told.now());
    let member = Member { key, user, since, expires_at: since.plus(Duration::from_hours(1)) };
    wait(stage.place(HOME).registry.put(&member)).unwrap();
}

/// Logs a message of `room:1` for each of these, a millisecond apart, until then.
fn log(stage: &Stage, until: &[Timestamp]) {
    let entry = |(n, expires_at): (u64, &Timestamp)| {
        let id = MessageId::new(stage.told.now().plus(Duration::from_millis(n)), 0, Tail::from_bits(n));
        let (channel, region) = (ChannelName::parse("room:1").unwrap(), Region::parse(HOME).unwrap());
        let message = Message::new(id, channel, serde_json::value::to_raw_value(&n).unwrap(), None, region);
        LogEntry { message, expires_at: *expires_at }
    };
    let entries: Vec<_> = (1..).zip(until).map(entry).collect();
    wait(stage.place(HOME).log.append(&entries)).unwrap();
}

#[test]
fn a_page_of_history_reads_what_it_lacks_and_one_message_more() {
    let stage = Stage::new();
    let alice = stage.member("alice", "alice", "room:1");
    let since = MessageId::floor(stage.told.now());
    // One that expires at this very moment is gone.
    let (later, now) = (stage.told.now().plus(Duration::from_hours(1)), stage.told.now());
    log(&stage, &[later, now, now, later, later, later]);
    let counted = Counted::of(&stage);
    let command = json!({"action": "history", "channel": "room:1", "since": since, "limit": 2});
    let page = say(&stage, &alice, &command, &counted)["result"].clone();
    let data: Vec<_> = page["messages"].as_array().unwrap().iter().map(|m| m["data"].clone()).collect();
    assert_eq!((data, &page["more"]), (vec![json!(1), json!(4)], &json!(true)));
    assert_eq!(counted.0.take(), [Read::Range(3), Read::Range(2)]);
}

#[test]
fn a_list_of_members_reads_its_bound_of_rows_and_says_that_there_are_more() {
    let stage = Stage::new();
    let alice = stage.member("alice", "alice", "room:1");
    // Two regions share the bound.
    let most = PRESENCE_ROWS_MAX / 2;
    for (members, pages, truncated) in [(most, 10, false), (most + 1, 10, true), (most * 3, 10, true)] {
        let crowd = Crowd::of(members, &stage.place(HOME).registry, stage.told.now());
        let counted = Counted::over(&crowd, &stage);
        let list = say(&stage, &alice, &json!({"action": "presence", "channel": "room:1"}), &counted);
        assert_eq!(list["result"]["truncated"], truncated, "{members}");
        assert_eq!(counted.0.pages(Read::Presence), pages + 1, "{members}, and one page of the other region");
    }
}

#[test]
fn who_unsubscribes_is_looked_for_by_key_and_only_where_another_number_of_shards_puts_it() {
    let stage = Stage::new();
    // Of "carol" one shard makes 0, two make 1, three 2 and four 3.
    for (channel, rows) in [("hall:1", 0), ("mass:1", 3)] {
        let carol = stage.member("carol", "carol", channel);
        let counted = Counted::of(&stage);
        say(&stage, &carol, &json!({"action": "unsubscribe", "channel": channel}), &counted);
        assert_eq!((counted.0.rows(), counted.0.take()), (rows, vec![]), "{channel}");
    }
}

#[test]
fn connections_are_counted_no_further_than_to_the_bound() {
    let stage = Stage::in_pages("[limits]\nconnections = 3\n", 1);
    (0..6).for_each(|n| put(&stage, "@bob", "bob", &format!("c{n}")));
    let (place, counted) = (stage.place(HOME), Counted::of(&stage));
    let bob = stage.caller(HOME, "bob", "z");
    wait(connect(&bob, &counted, &*stage.told, &place.site)).unwrap_err();
    assert_eq!(counted.0.pages(Read::Audience), 3);
}

#[test]
fn the_audience_of_a_join_is_read_no_further_than_to_those_who_are_told() {
    let stage = Stage::in_pages("", 100);
    (0..250).for_each(|n| put(&stage, "room:1", "user", &format!("c{n}")));
    stage.member("alice", "z", "room:1");
    let counted = Counted::of(&stage);
    assert_eq!(deliver(&stage, &counted).counts.presence_posts, 200);
    assert_eq!(counted.0.take(), [Read::Audience; 2]);
}

#[test]
fn a_slice_that_is_not_late_reads_nothing() {
    let stage = Stage::new();
    stage.member("alice", "alice", "hall:1");
    stage.gateway.answer("alice", Answers::Nothing);
    stage.send("hall:1", "1");
    stage.deliver();
    stage.gateway.answer("alice", Answers::Ok);
    stage.pass(Duration::from_secs(1));
    let counted = Counted::of(&stage);
    assert_eq!(deliver(&stage, &counted).counts.posts, 1);
    assert_eq!(counted.0.take(), []);
}

#[test]
fn a_reading_looks_for_whoever_moved_only_after_half_a_minute() {
    let half_a_minute = RECOVERY_OVERLAP - 2 * LATE_AFTER;
    for (age, pages) in [(half_a_minute, 2), (half_a_minute + Duration::from_millis(1), 5)] {
        let stage = Stage::in_pages("[limits]\ninline = 1", 1);
        (0..3).for_each(|n| put(&stage, "hall:1", "user", &format!("c{n}")));
        stage.send("hall:1", "1");
        // The run reads a page for itself and no more; a slice reads the other two, and all three again if it must.
        stage.deliver_batch(|ports, records| {
            let registry = BrokenRegistry::with_pages(ports.registry, 1);
            Some(stage.run(records, Ports { registry: &registry, ..ports }))
        });
        stage.pass(age);
        let counted = Counted::of(&stage);
        deliver(&stage, &counted);
        assert_eq!(counted.0.pages(Read::Audience), pages, "{age:?}");
    }
}
