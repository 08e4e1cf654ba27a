//! The orders of two calls that the promises stand on, each with the very thing in between that would break them the
//! other way round: log before audience, mark before audience, member before log, block before eyes, told before
//! deleted.

use std::time::Duration;

use serde_json::{Value, json};
use sorl_core::authorize::Caller;
use sorl_core::connect::{ConnectError, connect};
use sorl_core::deliver::{Ports, Report};
use sorl_core::disconnect::disconnect;
use sorl_core::envelope::Topic;
use sorl_core::ports::{Clock, Log, Registry};

use crate::gateway::Answers;
use crate::meanwhile::{Call, Meanwhile};
use crate::stage::{HOME, Stage, wait};

/// The stage's own log and registry.
fn tables(stage: &Stage) -> (&dyn Log, &dyn Registry) {
    let place = stage.place(HOME);
    (&place.log, &place.registry)
}

/// Delivers a batch, during one call of which something happens.
fn deliver_while<'a>(stage: &'a Stage, call: Call, deed: impl FnOnce() + Send + 'a) -> Report {
    let tables = Meanwhile::new(tables(stage), call, deed);
    let report = stage.deliver_batch(|ports, records| {
        Some(stage.run(records, Ports { log: &tables, registry: &tables, ..ports }))
    });
    assert!(tables.0.has_happened(), "it never came to {call:?}");
    report.unwrap()
}

/// Carries out a command, before whose put something happens.
fn say_while<'a>(
    stage: &'a Stage,
    caller: &Caller,
    command: &Value,
    deed: impl FnOnce() + Send + 'a,
) -> Value {
    say_during(stage, caller, command, Call::Put, deed)
}

/// Carries out a command, during one call of which something happens.
fn say_during<'a>(
    stage: &'a Stage,
    caller: &Caller,
    command: &Value,
    call: Call,
    deed: impl FnOnce() + Send + 'a,
) -> Value {
    let tables = Meanwhile::new(tables(stage), call, deed);
    let ports = stage.command_ports(HOME);
    let ports = sorl_core::command::Ports { log: &tables, registry: &tables, ..ports };
    let reply = stage.say_to(caller, command, ports);
    assert!(tables.0.has_happened(), "it never came to {call:?}");
    reply
}

fn connected(stage: &Stage, user: &str, connection: &str) -> Caller {
    let caller = stage.caller(HOME, user, connection);
    stage.try_connect(&caller).unwrap();
    caller
}

fn enter() -> Value {
    json!({"action": "subscribe", "channel": "room:1"})
}

fn order(stage: &Stage, text: &Value) {
    stage.publish(Topic::Control, &text.to_string(), None);
}

fn out_of(channel: Option<&str>, stage: &Stage) -> Value {
    let until = stage.told.now().plus(Duration::from_mins(5)).as_millis();
    match channel {
        Some(channel) => {
            json!({"control": "unsubscribe", "user": "bob", "channel": channel, "until": until})
        }
        None => json!({"control": "disconnect", "user": "bob", "until": until}),
    }
}

#[test]
fn who_comes_before_a_message_is_logged_gets_it_live() {
    let stage = Stage::new();
    let alice = connected(&stage, "alice", "alice");
    stage.send("room:1", "1");
    deliver_while(&stage, Call::Append, || {
        let answer = stage.say(&alice, &json!({"action": "subscribe", "channel": "room:1", "rewind": 10}));
        assert_eq!(answer["result"]["messages"], json!([]));
    });
    assert_eq!(stage.gateway.data("alice"), [json!(1)]);
}

#[test]
fn who_resumes_before_a_late_message_is_marked_gets_it_live() {
    let stage = Stage::new();
    let alice = connected(&stage, "alice", "alice");
    stage.send("room:1", "1");
    stage.pass(Duration::from_mins(20));
    let since = stage.say(&alice, &enter())["result"]["cursor"].clone();
    stage.disconnect(&alice);
    let back = connected(&stage, "alice", "back");
    deliver_while(&stage, Call::Mark, || {
        let resume = json!({"action": "subscribe", "channel": "room:1", "since": since, "region": HOME});
        assert_eq!(stage.say(&back, &resume)["result"]["messages"], json!([]));
    });
    assert_eq!(stage.gateway.data("back"), [json!(1)]);
}

#[test]
fn what_is_delivered_before_a_member_is_put_stands_in_its_answer() {
    let stage = Stage::new();
    let alice = connected(&stage, "alice", "alice");
    let last = json!({"action": "subscribe", "channel": "room:1", "rewind": 10});
    let reply = say_while(&stage, &alice, &last, || {
        stage.send("room:1", "1");
        stage.deliver();
    });
    assert_eq!(reply["result"]["messages"][0]["data"], 1, "{reply}");
    assert_eq!(stage.gateway.data("alice"), [] as [Value; 0]);
}

#[test]
fn a_block_that_is_written_before_a_connection_is_put_refuses_it() {
    let stage = Stage::new();
    let bob = stage.caller(HOME, "bob", "bob");
    let tables = Meanwhile::new(tables(&stage), Call::Put, || {
        order(&stage, &out_of(None, &stage));
        stage.deliver();
    });
    let refused = wait(connect(&bob, &tables, &*stage.told, &stage.place(HOME).site));
    assert!(matches!(refused, Err(ConnectError::Blocked)), "{refused:?}");
    stage.send("@bob", "1");
    stage.deliver();
    assert_eq!(stage.gateway.data("bob"), [] as [Value; 0]);
}

#[test]
fn a_block_that_is_written_before_a_member_is_put_refuses_it() {
    let stage = Stage::new();
    let bob = connected(&stage, "bob", "bob");
    let reply = say_while(&stage, &bob, &enter(), || {
        order(&stage, &out_of(Some("room:1"), &stage));
        stage.deliver();
    });
    assert_eq!(reply["error"]["code"], "unauthorized", "{reply}");
    stage.send("room:1", "1");
    stage.deliver();
    assert_eq!(stage.gateway.data("bob"), [] as [Value; 0]);
}

#[test]
fn who_connects_before_his_block_is_written_is_found_and_kicked() {
    let stage = Stage::new();
    order(&stage, &out_of(None, &stage));
    deliver_while(&stage, Call::PutBlock, || drop(connected(&stage, "bob", "bob")));
    assert!(stage.gateway.is_closed("bob"));
}

#[test]
fn who_subscribes_before_his_block_is_written_is_found_and_evicted() {
    let stage = Stage::new();
    let bob = connected(&stage, "bob", "bob");
    order(&stage, &out_of(Some("room:1"), &stage));
    deliver_while(&stage, Call::PutBlock, || assert_eq!(stage.say(&bob, &enter())["type"], "reply"));
    assert_eq!(stage.gateway.frames("bob", "unsubscribed").len(), 1);
    stage.send("room:1", "1");
    stage.deliver();
    assert_eq!(stage.gateway.data("bob"), [] as [Value; 0]);
}

#[test]
fn who_cannot_be_told_of_an_eviction_is_told_the_next_time() {
    let stage = Stage::new();
    stage.member("bob", "bob", "room:1");
    stage.deliver();
    stage.gateway.answer("bob", Answers::Nothing);
    stage.gateway.refuse_to_close(true);
    order(&stage, &json!({"control": "unsubscribe", "user": "bob", "channel": "room:1"}));
    assert_eq!(stage.deliver_batch(|_, _| None).unwrap().failed.len(), 1);
    stage.gateway.answer("bob", Answers::Ok);
    stage.gateway.refuse_to_close(false);
    stage.deliver_for(Duration::from_secs(2));
    assert_eq!(stage.gateway.frames("bob", "unsubscribed").len(), 1);
    assert_eq!(stage.waiting(), 0);
}

#[test]
fn who_subscribes_again_while_he_is_evicted_is_closed_so_that_he_learns_it() {
    let stage = Stage::new();
    let bob = stage.member("bob", "bob", "room:1");
    stage.deliver();
    order(&stage, &json!({"control": "unsubscribe", "user": "bob", "channel": "room:1"}));
    deliver_while(&stage, Call::Delete, || {
        stage.pass(Duration::from_millis(1));
        assert_eq!(stage.say(&bob, &enter())["type"], "reply");
    });
    assert!(stage.gateway.is_closed("bob"), "his new row went with the old one");
}

#[test]
fn who_subscribes_before_its_disconnect_begins_to_delete_leaves_no_member() {
    let stage = Stage::new();
    let (alice, bob) = (connected(&stage, "alice", "alice"), stage.member("bob", "bob", "room:1"));
    let place = stage.place(HOME);
    let tables = Meanwhile::new(tables(&stage), Call::Delete, || drop(stage.say(&alice, &enter())));
    wait(disconnect(&alice, &tables, &place.bus, &place.site)).unwrap();
    assert!(tables.0.has_happened());
    let present = stage.say(&bob, &json!({"action": "presence", "channel": "room:1"}));
    assert_eq!(present["result"]["count"], 1, "{present}");
}

#[test]
fn who_expires_while_a_table_is_slow_is_not_shown_what_came_since() {
    for action in ["subscribe", "history"] {
        let stage = Stage::new();
        let alice = connected(&stage, "alice", action);
        let since = stage.say(&alice, &enter())["result"]["cursor"].clone();
        let command = json!({"action": action, "channel": "room:1", "since": since, "region": HOME});
        let reply = say_during(&stage, &alice, &command, Call::Range, || stage.pass(Duration::from_hours(1)));
        assert_eq!(reply["error"]["code"], "expired", "{reply}");
    }
}
