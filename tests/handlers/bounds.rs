//! What bounds a client: channels of a connection, connections of a user.
//!
//! Not how several at once are counted over real sockets: `e2e/bounds.rs`.

use std::time::Duration;

use futures::executor::block_on;
use serde_json::{Value, json};
use sorl_core::authorize::Caller;
use sorl_core::command::{self, Ports};
use sorl_core::connect::{ConnectError, connect};
use sorl_core::limits::CONNECTION_AGE_MAX;
use sorl_tests::over::Over;

use crate::broken::Uncounted;
use crate::stage::{AWAY, HOME, Stage};

fn bounded(limits: &str) -> Stage {
    Stage::with(&format!("[limits]\n{limits}\n"))
}

/// The code of the error that answers it; `None` for a reply.
fn subscribe(stage: &Stage, caller: &Caller, channel: &str) -> Option<String> {
    let answer = stage.say(caller, &json!({"action": "subscribe", "channel": channel}));
    answer["error"]["code"].as_str().map(str::to_owned)
}

/// Opens a connection, and lets the other regions see it.
fn open(stage: &Stage, region: &str, user: &str, connection: &str) -> Result<Caller, ConnectError> {
    let caller = stage.caller(region, user, connection);
    let opened = stage.try_connect(&caller);
    stage.pass(Duration::from_secs(1));
    opened.map(|()| caller)
}

fn is_crowded(opened: &Result<Caller, ConnectError>) -> bool {
    matches!(opened, Err(ConnectError::Crowded))
}

#[test]
fn a_connection_is_in_no_more_channels_than_the_bound() {
    let stage = bounded("channels = 2");
    let bob = open(&stage, HOME, "bob", "bob").unwrap();
    for channel in ["room:1", "room:2"] {
        assert_eq!(subscribe(&stage, &bob, channel), None, "{channel}");
    }
    let refused = stage.say(&bob, &json!({"action": "subscribe", "channel": "room:3"}));
    assert_eq!(refused["error"]["code"], "bad_request", "{refused}");
    assert_eq!(refused["error"]["temporary"], false);
    assert!(refused["error"]["message"].as_str().unwrap().contains("at most 2 channels"), "{refused}");

    let alice = stage.member("alice", "alice", "room:3");
    let list = stage.say(&alice, &json!({"action": "presence", "channel": "room:3"}));
    assert_eq!(list["result"]["count"], 1, "who was refused is no member: {list}");
}

#[test]
fn channels_that_are_subscribed_again_and_the_personal_one_do_not_count() {
    let stage = bounded("channels = 1");
    let bob = open(&stage, HOME, "bob", "bob").unwrap();
    for channel in ["@bob", "room:1", "room:1", "@bob"] {
        assert_eq!(subscribe(&stage, &bob, channel), None, "{channel}");
    }
    assert!(subscribe(&stage, &bob, "room:2").is_some());
    let left = stage.say(&bob, &json!({"action": "unsubscribe", "channel": "room:1"}));
    assert_eq!(left["type"], "reply");
    stage.pass(Duration::from_secs(1));
    assert_eq!(subscribe(&stage, &bob, "room:2"), None, "a channel that was left makes room");
}

#[test]
fn each_connection_has_a_bound_of_channels_of_its_own() {
    let stage = bounded("channels = 1");
    for name in ["one", "two"] {
        let caller = open(&stage, HOME, "bob", name).unwrap();
        assert_eq!(subscribe(&stage, &caller, "room:1"), None, "{name}");
        assert!(subscribe(&stage, &caller, "room:2").is_some(), "{name}");
    }
}

#[test]
fn a_user_has_no_more_connections_than_the_bound_in_all_regions() {
    let stage = bounded("connections = 2");
    let here = open(&stage, HOME, "bob", "here").unwrap();
    open(&stage, AWAY, "bob", "there").unwrap();
    for region in [HOME, AWAY] {
        assert!(is_crowded(&open(&stage, region, "bob", "third")), "{region}");
    }
    assert!(open(&stage, HOME, "alice", "alice").is_ok(), "another user has a bound of her own");
    stage.disconnect(&here);
    stage.pass(Duration::from_secs(1));
    assert!(open(&stage, AWAY, "bob", "fourth").is_ok(), "one that ended makes room");
}

#[test]
fn a_refused_connection_leaves_nothing_that_counts() {
    let stage = bounded("connections = 1");
    let first = open(&stage, HOME, "bob", "first").unwrap();
    for attempt in ["second", "third", "fourth"] {
        assert!(is_crowded(&open(&stage, HOME, "bob", attempt)));
    }
    stage.disconnect(&first);
    assert!(open(&stage, HOME, "bob", "fifth").is_ok());
}

#[test]
fn a_connection_that_vanished_without_a_word_counts_until_it_expires() {
    let stage = bounded("connections = 1");
    open(&stage, HOME, "bob", "lost").unwrap();
    assert!(is_crowded(&open(&stage, HOME, "bob", "again")));
    stage.pass(CONNECTION_AGE_MAX);
    assert!(open(&stage, HOME, "bob", "later").is_ok());
}

#[test]
fn connections_are_counted_in_every_shard() {
    let stage = bounded("connections = 8\n[namespaces.\"@\"]\nshards = 4");
    for n in 0..8 {
        open(&stage, [HOME, AWAY][n % 2], "bob", &format!("c{n}")).unwrap();
    }
    assert!(is_crowded(&open(&stage, HOME, "bob", "ninth")));
}

#[test]
fn connections_are_counted_in_every_page() {
    let stage = Stage::in_pages("[limits]\nconnections = 3\n", 1);
    for n in 0..3 {
        open(&stage, HOME, "bob", &format!("c{n}")).unwrap();
    }
    assert!(is_crowded(&open(&stage, HOME, "bob", "fourth")));
}

/// What `connect` and `subscribe` answer where neither partitions nor the index can be read.
fn uncounted(limits: &str) -> (Result<(), ConnectError>, Value) {
    let stage = bounded(limits);
    let place = stage.place(HOME);
    let registry = Over(Uncounted(&place.registry));
    let bob = stage.caller(HOME, "bob", "bob");
    let opened = block_on(connect(&bob, &registry, &*stage.told, &place.site));
    let (clock, entropy) = (&*stage.told, &*stage.told);
    let ports = Ports { registry: &registry, log: &place.log, bus: &place.bus, clock, entropy };
    let frame = r#"{"action":"subscribe","id":1,"channel":"room:1"}"#;
    let answer = block_on(command::command(frame, &bob, ports, &place.site));
    (opened, serde_json::from_str(&answer.frame).unwrap())
}

#[test]
fn without_bounds_nothing_is_counted() {
    let (opened, answer) = uncounted("channels = \"none\"");
    assert!(opened.is_ok());
    assert_eq!(answer["type"], "reply", "{answer}");
}

#[test]
fn who_cannot_be_counted_is_refused_for_now() {
    let (opened, _) = uncounted("channels = \"none\"\nconnections = 5");
    assert!(matches!(opened, Err(ConnectError::Unavailable(_))));
    let (opened, answer) = uncounted("channels = 5");
    assert!(opened.is_ok());
    assert_eq!(
        (&answer["error"]["code"], &answer["error"]["temporary"]),
        (&json!("unavailable"), &json!(true))
    );
}
