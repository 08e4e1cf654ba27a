//! The lines of a run's log that an operator goes by: what must be said, and when nothing may be.
//!
//! Not that no line has a token or a message in it: `e2e/hostile/logs.rs`.

use std::fmt::{Debug, Write};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use sorl_core::deliver::Ports;
use sorl_core::envelope::Topic;
use sorl_core::limits::AUDIENCE_INLINE_DEFAULT;
use sorl_core::ports::Clock;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use crate::counted::Crowd;
use crate::gateway::Answers;
use crate::stage::{AWAY, HOME, Stage};

/// What core logs at `info` and above: the level, then each field.
#[derive(Default)]
struct Lines(Mutex<Vec<String>>);

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, " {}={value:?}", field.name()).unwrap();
    }
}

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("sorl_core") && *metadata.level() <= Level::INFO
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(event.metadata().level().to_string());
        event.record(&mut line);
        self.0.lock().unwrap().push(line.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// The lines with all of `parts` in them that are logged meanwhile.
fn said(parts: &[&str], deed: impl FnOnce()) -> usize {
    let lines = Arc::new(Lines::default());
    tracing::subscriber::with_default(Arc::clone(&lines), deed);
    let lines = lines.0.lock().unwrap();
    lines.iter().filter(|line| parts.iter().all(|part| line.contains(part))).count()
}

fn order(stage: &Stage, order: &Value) {
    stage.publish(Topic::Control, &order.to_string(), None);
    stage.deliver_batch(|_, _| None);
}

#[test]
fn an_order_to_put_somebody_out_is_in_the_log_with_whether_it_is_done() {
    let evicted = json!({"control": "unsubscribe", "user": "bob", "channel": "room:1"});
    let kicked = json!({"control": "disconnect", "user": "bob", "until": 1_764_000_009_000_u64});
    for (text, parts) in [
        (evicted, ["audit=\"unsubscribe\"", "user=bob", "channel=\"room:1\""]),
        (kicked, ["audit=\"disconnect\"", "user=bob", "until=1764000009000"]),
    ] {
        for is_done in [true, false] {
            let stage = Stage::new();
            stage.member("bob", "bob", "room:1");
            stage.deliver();
            stage.gateway.answer("bob", if is_done { Answers::Ok } else { Answers::Nothing });
            stage.gateway.refuse_to_close(!is_done);
            let done = format!("done={is_done}");
            let all = [&parts[..], &["INFO", "region=eu-north-1", "order_id=", &done]].concat();
            assert_eq!(said(&all, || order(&stage, &text)), 1, "{text}, {done}");
        }
    }
}

#[test]
fn an_order_to_leave_is_in_the_log_of_the_region_that_it_is_for() {
    for (region, lines) in [(HOME, 1), (AWAY, 0)] {
        let stage = Stage::new();
        stage.member("bob", "bob", "hall:1");
        let bob = json!({"connection": "bob", "user": "bob", "since": stage.told.now()});
        let text = json!({"control": "shutdown", "region": region, "connections": [bob], "close": true});
        let parts = ["INFO", "audit=\"shutdown\"", "order_id=", "connections=1", "close=true"];
        assert_eq!(said(&parts, || order(&stage, &text)), lines, "{region}");
    }
}

#[test]
fn a_403_is_an_error_in_the_log_and_nothing_else_is() {
    for (answers, lines) in [(Answers::Ok, 0), (Answers::Throttled, 0), (Answers::Forbidden, 1)] {
        let stage = Stage::new();
        stage.member("bob", "bob", "hall:1");
        stage.gateway.answer("bob", answers);
        stage.send("hall:1", "1");
        assert_eq!(said(&["ERROR"], || drop(stage.deliver_batch(|_, _| None))), lines, "{answers:?}");
    }
}

#[test]
fn a_shard_with_more_members_than_a_partition_serves_is_told_of() {
    for (surplus, lines) in [(0, 0), (1, 1)] {
        let stage = Stage::new();
        stage.send("hall:1", "1");
        let members = AUDIENCE_INLINE_DEFAULT + 64_000 + surplus;
        let crowd = Crowd::of(members, &stage.place(HOME).registry, stage.told.now());
        let warned = said(&["WARN", "raise shards", "namespace=\"hall\""], || {
            stage.deliver_batch(|ports, records| {
                Some(stage.run(records, Ports { registry: &crowd, ..ports }))
            });
        });
        assert_eq!(warned, lines, "{members} members");
    }
}
