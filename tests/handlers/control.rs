//! What operators order.

use std::time::Duration;

use serde_json::{Value, json};
use sorl_core::connect::ConnectError;
use sorl_core::envelope::Topic;
use sorl_core::limits::{HANDSHAKE_MAX, SHUTDOWN_CONNECTIONS_MAX};
use sorl_core::ports::{Clock, Registry};

use crate::gateway::Answers;
use crate::stage::{AWAY, HOME, Stage, wait};

fn order(stage: &Stage, order: &Value) {
    stage.publish(Topic::Control, &order.to_string(), None);
    stage.deliver();
}

fn until(stage: &Stage, time: Duration) -> u64 {
    stage.told.now().plus(time).as_millis()
}

#[test]
fn a_kicked_user_is_told_and_closed_and_may_come_back_at_once() {
    let stage = Stage::new();
    stage.member("bob", "bob", "room:1");
    order(&stage, &json!({"control": "disconnect", "user": "bob"}));
    assert!(stage.gateway.is_closed("bob"));
    assert_eq!(stage.gateway.frames("bob", "bye")[0]["code"], "kicked");
    assert!(stage.try_connect(&stage.caller(HOME, "bob", "again")).is_ok());
}

#[test]
fn a_blocked_user_is_refused_until_his_time() {
    let stage = Stage::new();
    let bob = stage.member("bob", "bob", "room:1");
    order(
        &stage,
        &json!({"control": "disconnect", "user": "bob", "until": until(&stage, Duration::from_mins(5))}),
    );
    assert!(matches!(stage.try_connect(&stage.caller(HOME, "bob", "again")), Err(ConnectError::Blocked)));
    for command in [
        json!({"action": "publish", "channel": "room:1", "data": 1}),
        json!({"action": "history", "channel": "room:1"}),
        json!({"action": "presence", "channel": "room:1"}),
    ] {
        assert_eq!(stage.say(&bob, &command)["error"]["code"], "unauthorized", "{command}");
    }
    stage.pass(Duration::from_mins(6));
    assert!(stage.try_connect(&stage.caller(HOME, "bob", "later")).is_ok());
}

#[test]
fn a_channel_is_taken_away_and_stays_so_until_its_time() {
    let stage = Stage::new();
    let bob = stage.member("bob", "bob", "room:1");
    let until = until(&stage, Duration::from_mins(5));
    order(&stage, &json!({"control": "unsubscribe", "user": "bob", "channel": "room:1", "until": until}));
    assert_eq!(stage.gateway.frames("bob", "unsubscribed")[0]["channel"], "room:1");
    assert!(!stage.gateway.is_closed("bob"));
    let subscribe = |channel: &str| stage.say(&bob, &json!({"action": "subscribe", "channel": channel}));
    assert_eq!(subscribe("room:1")["error"]["code"], "unauthorized");
    assert_eq!(subscribe("room:2")["type"], "reply");
    stage.send("room:1", "1");
    stage.deliver();
    assert_eq!(stage.gateway.data("bob"), [] as [Value; 0]);
    stage.pass(Duration::from_mins(6));
    assert_eq!(subscribe("room:1")["type"], "reply");
}

#[test]
fn an_order_that_comes_again_leaves_alone_who_came_after_it() {
    let stage = Stage::new();
    stage.member("bob", "bob", "room:1");
    stage.gateway.refuse_to_close(true);
    stage.publish(Topic::Control, r#"{"control":"disconnect","user":"bob"}"#, None);
    let report = stage.deliver_batch(|_, _| None).unwrap();
    assert_eq!(report.failed.len(), 1, "a connection that was not closed is not done with");
    stage.gateway.refuse_to_close(false);
    stage.pass(Duration::from_secs(5));
    stage.member("bob", "again", "room:1");
    stage.deliver_for(Duration::from_secs(5));
    assert!(stage.gateway.is_closed("bob") && !stage.gateway.is_closed("again"));
}

/// An order that sends bob's connection elsewhere, as `region`'s own.
fn shutdown(stage: &Stage, region: &str, close: bool) -> Value {
    let bob = json!({"connection": "bob", "user": "bob", "since": stage.told.now()});
    json!({"control": "shutdown", "region": region, "connections": [bob], "close": close})
}

#[test]
fn who_is_sent_elsewhere_is_told_so_and_stays_a_member_until_he_goes() {
    let stage = Stage::new();
    stage.member("bob", "bob", "room:1");
    stage.member("alice", "alice", "room:1");
    order(&stage, &shutdown(&stage, HOME, false));
    assert_eq!(
        stage.gateway.frames("bob", "bye")[0],
        json!({"type": "bye", "code": "shutdown", "reconnect": true})
    );
    assert!(stage.gateway.frames("alice", "bye").is_empty() && !stage.gateway.is_closed("bob"));
    stage.send("room:1", "1");
    stage.deliver();
    assert_eq!(stage.gateway.data("bob"), [json!(1)]);
}

#[test]
fn who_had_his_time_to_go_elsewhere_is_closed_and_forgotten() {
    let stage = Stage::new();
    let bob = stage.member("bob", "bob", "room:1");
    order(&stage, &shutdown(&stage, HOME, true));
    assert!(stage.gateway.is_closed("bob"));
    assert_eq!(wait(stage.place(HOME).registry.rows_of(&bob.region, &bob.connection)).unwrap(), []);
}

#[test]
fn an_order_to_leave_one_region_is_none_in_another() {
    let stage = Stage::new();
    stage.member("bob", "bob", "room:1");
    order(&stage, &shutdown(&stage, AWAY, true));
    assert!(stage.gateway.frames("bob", "bye").is_empty() && !stage.gateway.is_closed("bob"));
    assert_eq!(stage.dead_letters(), [] as [String; 0]);
}

#[test]
fn a_connection_whose_handshake_is_pending_is_not_forgotten_by_an_order_to_close_it() {
    let stage = Stage::new();
    let bob = stage.member("bob", "bob", "room:1");
    stage.gateway.answer("bob", Answers::Gone);
    order(&stage, &shutdown(&stage, HOME, true));
    assert!(!stage.gateway.is_closed("bob"));
    assert_eq!(wait(stage.place(HOME).registry.rows_of(&bob.region, &bob.connection)).unwrap().len(), 2);
}

#[test]
fn an_order_that_sends_too_many_elsewhere_is_a_dead_letter() {
    let stage = Stage::new();
    let mut order_of_many = shutdown(&stage, HOME, false);
    let bob = order_of_many["connections"][0].clone();
    order_of_many["connections"] = vec![bob.clone(); SHUTDOWN_CONNECTIONS_MAX].into();
    order(&stage, &order_of_many);
    assert_eq!(stage.dead_letters(), [] as [String; 0]);
    order_of_many["connections"] = vec![bob; SHUTDOWN_CONNECTIONS_MAX + 1].into();
    order(&stage, &order_of_many);
    assert_eq!(stage.dead_letters(), ["control: a shutdown names at most 100 connections"]);
}

#[test]
fn a_connection_whose_handshake_is_pending_is_kicked_once_it_is_there() {
    let stage = Stage::new();
    stage.member("bob", "bob", "room:1");
    stage.gateway.answer("bob", Answers::Gone);
    order(&stage, &json!({"control": "disconnect", "user": "bob"}));
    assert!(!stage.gateway.is_closed("bob"));
    stage.gateway.answer("bob", Answers::Ok);
    stage.deliver_for(Duration::from_secs(5));
    assert!(stage.gateway.is_closed("bob"));
}

#[test]
fn a_410_is_believed_once_no_handshake_can_be_pending_any_more() {
    let kick = |_: &Stage| json!({"control": "disconnect", "user": "bob"});
    let orders: [&dyn Fn(&Stage) -> Value; 2] = [&kick, &|stage| shutdown(stage, HOME, true)];
    for of in orders {
        for (short_of, closed) in [(Duration::from_millis(1), false), (Duration::ZERO, true)] {
            let stage = Stage::new();
            stage.member("bob", "bob", "hall:1");
            let text = of(&stage);
            stage.gateway.answer("bob", Answers::Gone);
            stage.pass(HANDSHAKE_MAX - short_of);
            order(&stage, &text);
            assert_eq!(stage.gateway.is_closed("bob"), closed, "{text}, {short_of:?} before");
        }
    }
}
