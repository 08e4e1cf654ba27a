//! Who is told of joins and leaves, and who is found though the configuration changed.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use sorl_core::command;
use sorl_core::config::{Config, Site};
use sorl_core::connect::connect;
use sorl_core::deliver::{Counts, Ports, deliver};
use sorl_core::ids::ConnectionId;
use sorl_core::limits::{DELIVER_MAX, HANDSHAKE_MAX, PRESENCE_AUDIENCE_MAX};
use sorl_core::member::{Member, MemberKey, Partition, shard_of};
use sorl_core::names::{ChannelName, UserName};
use sorl_core::ports::{Clock, Registry};
use sorl_core::region::Region;

use crate::broken::BrokenRegistry;
use crate::counted::{Counted, Read};
use crate::gateway::Answers;
use crate::stage::{AWAY, HOME, Stage, wait};

#[test]
fn a_join_is_told_to_at_most_200_members() {
    let stage = Stage::new();
    for n in 0..PRESENCE_AUDIENCE_MAX + 50 {
        stage.member(&format!("u{n}"), &format!("c{n}"), "room:1");
    }
    stage.deliver();
    stage.member("last", "last", "room:1");
    let told: u64 = stage.deliver().iter().map(|report| report.counts.presence_posts).sum();
    assert_eq!(told, PRESENCE_AUDIENCE_MAX as u64);
}

/// What a run in the second region does with what waits there.
fn deliver_away(stage: &Stage, registry: &dyn Registry) -> Counts {
    let place = stage.place(AWAY);
    let received = place.live.receive(stage.told.now(), 10);
    let records: Vec<_> = received.into_iter().map(|received| received.record).collect();
    let ports = Ports { registry, ..stage.ports(place) };
    let deadline = stage.told.now().plus(DELIVER_MAX);
    wait(deliver(&records, ports, &place.site, deadline)).counts
}

#[test]
fn those_who_are_told_in_regions_that_stand_before_leave_the_rest_to_this_one() {
    for (at_home, told) in [(0, 120), (PRESENCE_AUDIENCE_MAX - 50, 50), (PRESENCE_AUDIENCE_MAX + 50, 0)] {
        let stage = Stage::in_pages("", 100);
        let enter = |region, n: usize| {
            let caller = stage.caller(region, &format!("u{n}"), &format!("c{n:03}"));
            stage.try_connect(&caller).unwrap();
            stage.say(&caller, &json!({"action": "subscribe", "channel": "room:1"}));
        };
        (0..at_home).for_each(|n| enter(HOME, n));
        (0..120).for_each(|n| enter(AWAY, n));
        // Who expired counts for nobody.
        let mut gone = stage.caller(HOME, "gone", "gone");
        gone.principal.expires_at = stage.told.now().plus(Duration::from_secs(1));
        stage.try_connect(&gone).unwrap();
        stage.say(&gone, &json!({"action": "subscribe", "channel": "room:1"}));
        stage.pass(Duration::from_secs(1));
        let counted = Counted::over(&stage.place(AWAY).registry, &stage);
        assert_eq!(deliver_away(&stage, &counted).presence_posts, told, "{at_home} at home");
        let pages = (at_home + 1).div_ceil(100).min(2);
        assert_eq!(counted.0.pages(Read::Presence), pages, "{at_home} at home: no further than it matters");
    }
}

#[test]
fn a_member_who_is_found_gone_by_a_join_is_closed_and_one_whose_handshake_may_be_pending_is_not() {
    for (short_of, closed) in [(Duration::from_millis(1), false), (Duration::ZERO, true)] {
        let stage = Stage::new();
        stage.member("bob", "bob", "room:1");
        stage.deliver();
        stage.gateway.answer("bob", Answers::Gone);
        stage.pass(HANDSHAKE_MAX - short_of);
        stage.member("alice", "alice", "room:1");
        let counts = stage.deliver_batch(|_, _| None).unwrap().counts;
        assert_eq!(
            (stage.gateway.is_closed("bob"), counts.gone),
            (closed, u64::from(closed)),
            "{short_of:?}"
        );
    }
}

#[test]
fn who_subscribes_again_is_not_told_of_as_a_join() {
    let stage = Stage::new();
    let bob = stage.member("bob", "bob", "room:1");
    stage.member("alice", "alice", "room:1");
    stage.deliver();
    stage.say(&bob, &json!({"action": "subscribe", "channel": "room:1"}));
    assert_eq!(stage.waiting(), 0);
}

#[test]
fn members_are_listed_over_all_pages() {
    let stage = Stage::in_pages("", 1);
    let alice = stage.member("alice", "alice", "room:1");
    for user in ["bob", "carol"] {
        stage.member(user, user, "room:1");
    }
    let present = stage.say(&alice, &json!({"action": "presence", "channel": "room:1"}));
    assert_eq!(present["result"]["count"], 3, "{present}");
    assert_eq!(present["result"]["truncated"], false, "{present}");
}

/// A member who came while the namespace wrote more shards than it does now.
fn member_among_shards(stage: &Stage, connection: &str, shards: u16) -> MemberKey {
    let connection = ConnectionId::parse(connection).unwrap();
    let partition = Partition {
        channel: ChannelName::parse("ring:1").unwrap(),
        region: Region::parse(HOME).unwrap(),
        shard: shard_of(&connection, shards),
    };
    let key = MemberKey { partition, connection };
    let (user, since) = (UserName::parse("carol").unwrap(), stage.told.now());
    let member = Member { key: key.clone(), user, since, expires_at: since.plus(Duration::from_hours(1)) };
    wait(stage.place(HOME).registry.put(&member)).unwrap();
    key
}

/// By a function whose index does not show yet what a function with the other number of shards wrote a moment ago.
#[test]
fn a_member_in_a_shard_that_is_only_read_any_more_is_reached_listed_and_let_go() {
    let stage = Stage::with("[namespaces.ring]\nshards = 1\nshards_read = 4\ngrants = [\"*\"]");
    let carol = stage.caller(HOME, "carol", "carol");
    stage.try_connect(&carol).unwrap();
    let key = member_among_shards(&stage, "carol", 4);
    assert_ne!(key.partition.shard, 0, "not where she would be written now");
    stage.send("ring:1", "1");
    stage.deliver();
    assert_eq!(stage.gateway.data("carol"), [json!(1)]);
    let present = stage.say(&carol, &json!({"action": "presence", "channel": "ring:1"}));
    assert_eq!(present["result"]["count"], 1, "{present}");
    let registry = BrokenRegistry::behind(&stage.place(HOME).registry);
    let ports = command::Ports { registry: &registry, ..stage.command_ports(HOME) };
    let left = stage.say_to(&carol, &json!({"action": "unsubscribe", "channel": "ring:1"}), ports);
    assert_eq!(left["type"], "reply", "{left}");
    assert_eq!(wait(stage.place(HOME).registry.get(&key)).unwrap(), None);
}

#[test]
fn who_connected_under_another_number_of_shards_subscribes_and_is_forgotten_all_the_same() {
    let own = |shards: u16| format!("[namespaces.\"@\"]\nshards = {shards}\nshards_read = 4\n");
    for (before, after) in [(1, 4), (4, 1)] {
        let stage = Stage::with(&own(after));
        let place = stage.place(HOME);
        let config = Arc::new(Config::parse(&own(before)).unwrap());
        let former = Site { config, ..place.site.clone() };
        for number in 0..8 {
            let alice = stage.caller(HOME, "alice", &format!("alice-{number}"));
            wait(connect(&alice, &place.registry, &*stage.told, &former)).unwrap();
            for channel in ["hall:1", "@alice"] {
                let reply = stage.say(&alice, &json!({"action": "subscribe", "channel": channel}));
                assert_eq!(reply["type"], "reply", "from {before} to {after}: {reply}");
            }
            stage.disconnect(&alice);
            let late = stage.say(&alice, &json!({"action": "subscribe", "channel": "hall:1"}));
            assert_eq!(late["error"]["code"], "unavailable", "a disconnect overtook it: {late}");
        }
    }
}
