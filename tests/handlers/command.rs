//! Commands where time and what was logged when decide: recovery, late marks, pages.

use std::time::Duration;

use serde_json::{Value, json};
use sorl_core::authorize::Caller;
use sorl_core::grants::Grants;
use sorl_core::ids::MessageId;
use sorl_core::limits::RECOVERY_SUBSCRIBE_MAX;
use sorl_core::ports::Clock;
use sorl_tests::over::Over;

use crate::broken::BrokenLog;
use crate::stage::{HOME, Stage, wait};

fn cursor(stage: &Stage, caller: &Caller) -> Value {
    stage.say(caller, &json!({"action": "subscribe", "channel": "room:1"}))["result"]["cursor"].clone()
}

fn resume(stage: &Stage, caller: &Caller, since: &Value, region: Option<&str>) -> Value {
    let command = json!({"action": "subscribe", "channel": "room:1", "since": since, "region": region});
    let reply = stage.say(caller, &command);
    assert_eq!(reply["type"], "reply", "{reply}");
    reply["result"].clone()
}

fn data(result: &Value) -> Vec<Value> {
    result["messages"].as_array().unwrap().iter().map(|message| message["data"].clone()).collect()
}

fn connected(stage: &Stage, user: &str, connection: &str, grants: Option<Value>) -> Caller {
    let mut caller = stage.caller(HOME, user, connection);
    caller.principal.expires_at = caller.principal.expires_at.plus(Duration::from_hours(100));
    caller.principal.grants = grants.map(|grants| serde_json::from_value::<Grants>(grants).unwrap());
    stage.try_connect(&caller).unwrap();
    caller
}

fn send_and_log(stage: &Stage, data: &str) {
    stage.send("room:1", data);
    stage.deliver();
}

#[test]
fn a_recovery_here_starts_a_minute_before_the_cursor_and_elsewhere_sixteen() {
    let stage = Stage::new();
    let alice = connected(&stage, "alice", "alice", None);
    send_and_log(&stage, "1");
    stage.pass(Duration::from_mins(10));
    send_and_log(&stage, "2");
    stage.pass(Duration::from_secs(30));
    let since = cursor(&stage, &alice);
    send_and_log(&stage, "3");
    assert_eq!(data(&resume(&stage, &alice, &since, Some(HOME))), [json!(2), json!(3)]);
    let elsewhere = resume(&stage, &alice, &since, None);
    assert_eq!(data(&elsewhere), [json!(1), json!(2), json!(3)]);
    assert_eq!(elsewhere["recovered"], true);
}

#[test]
fn a_message_that_was_held_up_for_minutes_is_in_the_answer_by_its_mark() {
    let stage = Stage::new();
    let alice = connected(&stage, "alice", "alice", None);
    stage.send("room:1", "1");
    stage.pass(Duration::from_secs(1));
    stage.send("room:1", "neighbour");
    stage.pass(Duration::from_mins(20));
    let since = cursor(&stage, &alice);
    let before = resume(&stage, &alice, &since, Some(HOME));
    assert_eq!(data(&before), [] as [Value; 0], "not delivered yet: it will come live");
    let place = stage.place(HOME);
    let late = place.live.receive(stage.told.now(), 1);
    let records: Vec<_> = late.iter().map(|received| received.record.clone()).collect();
    let deadline = stage.told.now().plus(Duration::from_secs(30));
    stage.disconnect(&alice);
    wait(sorl_core::deliver::deliver(&records, stage.ports(place), &place.site, deadline));
    let back = connected(&stage, "alice", "back", None);
    let after = resume(&stage, &back, &since, Some(HOME));
    assert_eq!(data(&after), [json!(1)], "the very message, not its neighbours");
    assert_eq!(after["recovered"], true);
}

#[test]
fn a_mark_from_the_minute_before_the_cursor_counts() {
    let stage = Stage::new();
    let alice = connected(&stage, "alice", "alice", None);
    stage.send("room:1", "1");
    stage.pass(Duration::from_mins(20));
    stage.deliver();
    stage.pass(Duration::from_secs(30));
    let since = cursor(&stage, &alice);
    assert_eq!(data(&resume(&stage, &alice, &since, Some(HOME))), [json!(1)]);
    stage.pass(Duration::from_secs(31));
    let since = cursor(&stage, &alice);
    assert_eq!(data(&resume(&stage, &alice, &since, Some(HOME))), [] as [Value; 0]);
}

/// What is told when alice comes back and the log is as `log` says.
fn resume_from(stage: &Stage, log: BrokenLog<'_>) -> Value {
    let alice = connected(stage, "alice", "alice", None);
    let since = MessageId::floor(stage.told.now());
    let command = json!({"action": "subscribe", "channel": "room:1", "since": since, "region": HOME});
    let ports = sorl_core::command::Ports { log: &Over(log), ..stage.command_ports(HOME) };
    stage.say_to(&alice, &command, ports)["result"].clone()
}

#[test]
fn a_marked_message_that_the_log_has_no_more_is_told_as_a_gap() {
    let stage = Stage::new();
    stage.send("room:1", "1");
    stage.pass(Duration::from_mins(20));
    stage.deliver();
    let log = BrokenLog { lost_marked: true, ..BrokenLog::of(&stage.place(HOME).log) };
    assert_eq!(resume_from(&stage, log)["recovered"], false);
    let log = BrokenLog::of(&stage.place(HOME).log);
    assert_eq!(resume_from(&stage, log)["recovered"], true);
}

#[test]
fn what_the_log_loses_while_it_is_read_is_told_as_a_gap() {
    let stage = Stage::new();
    stage.pass(Duration::from_mins(20));
    let log = BrokenLog { loses_when_read: true, ..BrokenLog::of(&stage.place(HOME).log) };
    assert_eq!(resume_from(&stage, log)["recovered"], false);
}

#[test]
fn who_publishes_more_often_than_the_namespace_allows_is_told_so() {
    let stage = Stage::with("[namespaces.slow]\nrate = \"2/s\"\ngrants = [\"*\"]");
    let alice = connected(&stage, "alice", "alice", None);
    let publish = json!({"action": "publish", "channel": "slow:1", "data": 1});
    let told: Vec<_> = (0..3).map(|_| stage.say(&alice, &publish)).collect();
    assert_eq!((&told[1]["type"], &told[2]["error"]["code"]), (&json!("reply"), &json!("rate_limited")));
    let elsewhere = json!({"action": "publish", "channel": "room:1", "data": 1});
    assert_eq!(stage.say(&alice, &elsewhere)["type"], "reply", "another namespace's bound is its own");
    stage.pass(Duration::from_secs(1));
    assert_eq!(stage.say(&alice, &publish)["type"], "reply");
}

#[test]
fn marked_messages_that_do_not_fit_are_paged_by_history_or_told_as_a_gap() {
    let stage = Stage::new();
    let alice = connected(&stage, "alice", "alice", None);
    let text = format!("{:?}", "x".repeat(60_000));
    for _ in 0..3 {
        stage.send("room:1", &text);
        stage.pass(Duration::from_secs(1));
    }
    stage.pass(Duration::from_mins(20));
    let since = cursor(&stage, &alice);
    stage.deliver();
    let reader = resume(&stage, &alice, &since, Some(HOME));
    assert_eq!((&reader["recovered"], &reader["more"], data(&reader).len()), (&json!(true), &json!(true), 1));
    let page = json!({"action": "history", "channel": "room:1", "since": reader["cursor"], "limit": 500});
    let page = stage.say(&alice, &page)["result"].clone();
    assert_eq!(data(&page).len(), 1);
    let member = connected(&stage, "bob", "bob", Some(json!({"room:*": ["subscribe"]})));
    let told = resume(&stage, &member, &since, Some(HOME));
    assert_eq!((&told["recovered"], data(&told).len()), (&json!(false), 0));
}

#[test]
fn an_answer_that_marked_messages_fill_is_told_as_a_gap_unless_another_has_room() {
    for (late, recovered, messages) in [(40_000, true, 2), (60_000, false, 1)] {
        let stage = Stage::new();
        let text = |len: usize| format!("{:?}", "x".repeat(len));
        stage.send("room:1", &text(late));
        stage.pass(Duration::from_mins(20));
        let member = connected(&stage, "bob", "bob", Some(json!({"room:*": ["subscribe"]})));
        let since = cursor(&stage, &member);
        for _ in 0..2 {
            stage.pass(Duration::from_secs(1));
            stage.send("room:1", &text(60_000));
        }
        stage.deliver();
        let told = resume(&stage, &member, &since, Some(HOME));
        let shown = (&told["recovered"], data(&told).len(), &told["more"]);
        assert_eq!(shown, (&json!(recovered), messages, &json!(true)), "{late}");
    }
}

#[test]
fn marked_messages_that_fit_come_to_a_member_without_the_right_to_history() {
    let stage = Stage::new();
    for _ in 0..2 {
        stage.send("room:1", "1");
    }
    stage.pass(Duration::from_mins(20));
    let since = cursor(&stage, &connected(&stage, "alice", "alice", None));
    stage.deliver();
    let member = connected(&stage, "bob", "bob", Some(json!({"room:*": ["subscribe"]})));
    let told = resume(&stage, &member, &since, Some(HOME));
    assert_eq!((&told["recovered"], data(&told).len()), (&json!(true), 2));
}

#[test]
fn a_subscribe_needs_its_right_and_a_rewind_the_right_to_history() {
    let stage = Stage::new();
    let member = connected(&stage, "bob", "bob", Some(json!({"room:1": ["subscribe"]})));
    send_and_log(&stage, "1");
    let code = |command: Value| stage.say(&member, &command)["error"]["code"].clone();
    assert_eq!(code(json!({"action": "subscribe", "channel": "room:2"})), "forbidden");
    assert_eq!(code(json!({"action": "subscribe", "channel": "room:1", "rewind": 1})), "forbidden");
    assert_eq!(code(json!({"action": "subscribe", "channel": "room:1"})), Value::Null);
}

#[test]
fn a_rewind_of_none_brings_none() {
    let stage = Stage::new();
    send_and_log(&stage, "1");
    let alice = connected(&stage, "alice", "alice", None);
    let rewind = |count| {
        let reply = json!({"action": "subscribe", "channel": "room:1", "rewind": count});
        data(&stage.say(&alice, &reply)["result"]).len()
    };
    assert_eq!((rewind(0), rewind(1)), (0, 1));
}

#[test]
fn a_rewind_says_nothing_of_what_lies_before_it() {
    let stage = Stage::new();
    (0..3).for_each(|n| send_and_log(&stage, &n.to_string()));
    let alice = connected(&stage, "alice", "alice", None);
    let told = stage.say(&alice, &json!({"action": "subscribe", "channel": "room:1", "rewind": 1}));
    assert_eq!((data(&told["result"]).len(), &told["result"]["more"]), (1, &json!(false)));
}

#[test]
fn who_leaves_a_channel_stays_in_the_others() {
    let stage = Stage::new();
    let alice = stage.member("alice", "alice", "mass:1");
    stage.say(&alice, &json!({"action": "subscribe", "channel": "mass:2"}));
    stage.say(&alice, &json!({"action": "unsubscribe", "channel": "mass:1"}));
    for (channel, data) in [("mass:1", "1"), ("mass:2", "2"), ("@alice", "3")] {
        stage.send(channel, data);
    }
    stage.deliver();
    assert_eq!(stage.gateway.data("alice"), [json!(2), json!(3)]);
}

#[test]
fn a_message_has_as_many_bytes_as_are_allowed_and_no_more() {
    let stage = Stage::with("[limits]\nmessage = \"1KB\"\n");
    let alice = stage.member("alice", "alice", "room:1");
    let publish = |len| {
        let data = "x".repeat(len);
        stage.say(&alice, &json!({"action": "publish", "channel": "room:1", "data": data}))
    };
    let refused = (0..1_024).map(publish).find(|answer| answer["type"] == "error").unwrap();
    assert_eq!(refused["error"]["code"], "too_large");
    let told = refused["error"]["message"].as_str().unwrap();
    assert!(told.contains("1025 bytes") && told.contains("at most 1024"), "{told}");
    assert_eq!(publish(5_000)["error"]["code"], "too_large");
}

#[test]
fn an_old_cursor_needs_the_right_to_history() {
    let stage = Stage::new();
    let grants = || Some(json!({"room:*": ["subscribe"]}));
    let since = cursor(&stage, &connected(&stage, "alice", "alice", grants()));
    send_and_log(&stage, "1");
    stage.pass(RECOVERY_SUBSCRIBE_MAX);
    let alice = connected(&stage, "alice", "alice2", grants());
    let just = resume(&stage, &alice, &since, Some(HOME));
    assert_eq!((&just["recovered"], data(&just)), (&json!(true), vec![json!(1)]));
    stage.pass(Duration::from_millis(1));
    let old = resume(&stage, &alice, &since, Some(HOME));
    assert_eq!((&old["recovered"], data(&old).len()), (&json!(false), 0));
    let page =
        |since: &Value| stage.say(&alice, &json!({"action": "history", "channel": "room:1", "since": since}));
    assert_eq!(data(&page(&since)["result"]), [json!(1)], "paging on is recovery for 90 minutes");
    stage.pass(Duration::from_mins(30));
    assert_eq!(page(&since)["error"]["code"], "forbidden");
}

#[test]
fn a_start_before_the_retention_is_told_and_what_is_left_comes_all_the_same() {
    let stage = Stage::new();
    let alice = connected(&stage, "alice", "alice", None);
    let since = cursor(&stage, &alice);
    send_and_log(&stage, "1");
    stage.pass(Duration::from_hours(25));
    send_and_log(&stage, "2");
    let back = connected(&stage, "alice", "back", None);
    let result = resume(&stage, &back, &since, Some(HOME));
    assert_eq!((&result["recovered"], data(&result)), (&json!(false), vec![json!(2)]));
}

#[test]
fn a_subscribe_that_a_disconnect_overtook_leaves_no_member() {
    let stage = Stage::new();
    let alice = connected(&stage, "alice", "alice", None);
    stage.disconnect(&alice);
    let refused = stage.say(&alice, &json!({"action": "subscribe", "channel": "room:1"}));
    assert_eq!(refused["error"]["code"], "unavailable");
    send_and_log(&stage, "1");
    assert_eq!(stage.gateway.data("alice"), [] as [Value; 0]);
}

#[test]
fn a_token_that_expired_is_answered_so_whatever_it_asks() {
    let stage = Stage::new();
    let alice = stage.member("alice", "alice", "room:1");
    stage.pass(Duration::from_hours(1));
    for action in ["subscribe", "unsubscribe", "publish", "history", "presence", "ping"] {
        let told = stage.say(&alice, &json!({"action": action, "channel": "room:1", "data": 1}));
        assert_eq!(told["error"]["code"], "expired", "{action}: {told}");
    }
    assert_eq!(stage.deliver().iter().map(|report| report.counts.messages).sum::<u64>(), 0);
}

#[test]
fn a_key_makes_two_publishes_one_message() {
    let stage = Stage::new();
    let alice = connected(&stage, "alice", "alice", None);
    let publish = json!({"action": "publish", "channel": "room:1", "data": "x", "key": "k"});
    let ids = [stage.say(&alice, &publish), stage.say(&alice, &publish)];
    let tail = |reply: &Value| reply["result"]["message_id"].as_str().unwrap()[19..].to_owned();
    assert_eq!(tail(&ids[0]), tail(&ids[1]));
    stage.deliver();
    let history = stage.say(&alice, &json!({"action": "history", "channel": "room:1"}))["result"].clone();
    assert_eq!(data(&history), [json!("x")]);
}
