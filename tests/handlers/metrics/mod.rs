//! Every metric that the Lambdas tell is told here, by the real handlers and the code that the Lambdas tell with: each
//! line keeps to CloudWatch's specification, and each metric has the name, unit and dimensions that are documented.

mod specification;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::executor::block_on;
use serde_json::{Value, json};
use sorl_aws::telemetry::{Share, Telemetry};
use sorl_core::authorize::{Handshake, Principal, authorize};
use sorl_core::command::{self, command};
use sorl_core::connect::connect;
use sorl_core::envelope::Topic;
use sorl_core::limits::HANDSHAKE_MAX;
use sorl_core::ports::Clock;
use sorl_metrics::{Samples, catalogue, emf, outcomes};

use crate::broken::{BrokenQueue, NoKeys};
use crate::gateway::Answers;
use crate::stage::{HOME, Stage};

/// A stage whose every outcome is told as a Lambda would.
struct Told {
    stage: Stage,
    telemetry: Telemetry,
    lines: Vec<String>,
}

impl Told {
    fn new() -> Self {
        let telemetry = Telemetry::new("deliver", "t".to_owned(), true, Share::ALL);
        Self { stage: Stage::new(), telemetry, lines: Vec::new() }
    }

    fn tell(&mut self, samples: Samples) {
        let lines = self.telemetry.lines(samples, "request-1", self.stage.told.now());
        self.lines.extend(lines);
    }

    /// Delivers whatever comes due within `time`, second by second.
    fn deliver_for(&mut self, time: Duration) {
        for _ in 0..=time.as_secs() {
            while self.deliver_batch(false) {}
            self.stage.pass(Duration::from_secs(1));
        }
    }

    /// One invocation of `deliver`; whether there was anything to do.
    fn deliver_batch(&mut self, queue_is_broken: bool) -> bool {
        let report = self.stage.deliver_batch(|mut ports, records| {
            if queue_is_broken {
                ports.queue = &BrokenQueue;
            }
            Some(self.stage.run(records, ports))
        });
        let Some(report) = report else { return false };
        let samples = outcomes::deliver(&report, self.stage.told.now());
        self.tell(samples);
        true
    }

    /// A client's whole life: refused, blocked, connected, speaking, gone.
    fn clients(&mut self) {
        let place = std::sync::Arc::clone(self.stage.place(HOME));
        let handshake = Handshake::default();
        let nobody = authorize(&handshake, &NoKeys, &*self.stage.told, &place.site);
        let outcome: Result<Principal, _> = block_on(nobody);
        self.tell(outcomes::authorize(&outcome));
        let until = self.stage.told.now().plus(Duration::from_hours(1)).as_millis();
        let order = format!(r#"{{"control":"disconnect","user":"mallory","until":{until}}}"#);
        self.stage.publish(Topic::Control, &order, None);
        self.deliver_for(Duration::ZERO);
        for user in ["mallory", "alice"] {
            let caller = self.stage.caller(HOME, user, user);
            let outcome = block_on(connect(&caller, &place.registry, &*self.stage.told, &place.site));
            self.tell(outcomes::connect(&outcome));
        }
        let alice = self.stage.caller(HOME, "alice", "alice");
        for frame in [
            json!({"id": 1, "action": "publish", "channel": "room:1", "data": 1}),
            json!({"id": 2, "action": "dance"}),
        ] {
            let ports = command::Ports {
                registry: &place.registry,
                log: &place.log,
                bus: &place.bus,
                clock: &*self.stage.told,
                entropy: &*self.stage.told,
            };
            let answer = block_on(command(&frame.to_string(), &alice, ports, &place.site));
            self.tell(outcomes::command(&answer));
        }
        self.stage.disconnect(&alice);
        self.tell(outcomes::disconnect("closed"));
    }

    /// Every answer that a gateway gives, in turn.
    fn deliveries(&mut self) {
        for n in 0..3 {
            self.stage.member("user", &format!("user{n}"), "room:1");
        }
        self.stage.member("away", "away", "room:1");
        self.deliver_for(HANDSHAKE_MAX);
        self.stage.gateway.answer("away", Answers::Gone);
        for answers in [Answers::Ok, Answers::Throttled, Answers::Nothing] {
            self.stage.gateway.answer("user0", answers);
            self.stage.send("room:1", "1");
            self.deliver_for(Duration::from_secs(60));
            self.stage.member("user", "user0", "room:1");
            self.deliver_for(HANDSHAKE_MAX);
        }
        self.stage.gateway.answer("user0", Answers::Ok);
        self.all_answer(Answers::Throttled);
        self.stage.send("room:1", "2");
        self.deliver_batch(false);
        self.all_answer(Answers::Forbidden);
        self.stage.send("room:1", "3");
        self.deliver_batch(false);
        self.all_answer(Answers::Ok);
        self.deliver_for(Duration::from_secs(60));
        self.stage.publish(Topic::Messages, "for nobody", None);
        self.deliver_batch(true);
        self.stage.pass(Duration::from_secs(2));
        self.stage.publish(Topic::Relay, "{}", None);
        self.deliver_for(Duration::from_secs(5));
    }

    fn all_answer(&self, answers: Answers) {
        (0..3).for_each(|n| self.stage.gateway.answer(&format!("user{n}"), answers));
    }
}

/// Name → unit and sets of dimensions, as the lines tell them.
type Known = BTreeMap<String, (String, BTreeSet<Vec<String>>)>;

fn told(lines: &[String]) -> Known {
    let mut known = Known::new();
    for line in lines {
        let line: Value = serde_json::from_str(line).unwrap();
        for directive in line["_aws"]["CloudWatchMetrics"].as_array().unwrap() {
            assert_eq!(directive["Namespace"], emf::NAMESPACE);
            let sets: Vec<Vec<String>> = serde_json::from_value(directive["Dimensions"].clone()).unwrap();
            for metric in directive["Metrics"].as_array().unwrap() {
                let (name, unit) = (metric["Name"].as_str().unwrap(), metric["Unit"].as_str().unwrap());
                let (known_unit, known_sets) =
                    known.entry(name.to_owned()).or_insert_with(|| (unit.to_owned(), BTreeSet::new()));
                assert_eq!(known_unit, unit, "{name}");
                known_sets.extend(sets.clone());
            }
        }
    }
    known
}

fn documented() -> Known {
    let stage_and = |set: &&[&str]| {
        std::iter::once(emf::STAGE).chain(set.iter().copied()).map(str::to_owned).collect::<Vec<_>>()
    };
    let deployed = catalogue::ALL.iter().filter(|metric| !metric.sets.is_empty());
    deployed
        .map(|metric| {
            let sets = metric.sets.iter().map(stage_and).collect();
            (metric.name.to_owned(), (metric.unit.as_str().to_owned(), sets))
        })
        .collect()
}

#[test]
fn every_documented_metric_is_told_with_its_unit_and_dimensions_and_no_other_is() {
    let mut all = Told::new();
    all.clients();
    all.deliveries();
    all.tell(outcomes::canary(None));
    all.tell(outcomes::canary(Some(Duration::from_millis(250))));
    for line in &all.lines {
        assert_eq!(specification::faults(line), [] as [String; 0], "{line}");
    }
    assert_eq!(told(&all.lines), documented());
    // A label's values are told apart, whichever line they are in.
    let has = |name: &str, value: &str| {
        all.lines.iter().any(|line| serde_json::from_str::<Value>(line).unwrap()[name] == value)
    };
    for (label, values) in [
        ("reason", &["unauthorized", "blocked", "not_a_message", "relay"][..]),
        ("kind", &["connection", "account"]),
        ("error", &["none", "unknown_action"]),
        ("via", &["websocket"]),
        ("origin", &[HOME]),
        ("function", &["deliver"]),
    ] {
        for value in values {
            assert!(has(label, value), "{label}: {value}");
        }
    }
}

#[test]
fn a_batch_of_a_thousand_records_keeps_to_the_specification() {
    let mut all = Told::new();
    let mut samples = Samples::default();
    for n in 0..1_000 {
        let origin = ["us-east-1", "eu-north-1", "ap-southeast-2"][n % 3];
        samples.observe(&catalogue::DELIVERY_SECONDS, &[origin], n as f64 / 1_000.0);
    }
    all.tell(samples);
    let mut whole = 0;
    for line in &all.lines {
        assert_eq!(specification::faults(line), [] as [String; 0], "{line}");
        let line: Value = serde_json::from_str(line).unwrap();
        let directives = line["_aws"]["CloudWatchMetrics"].as_array().unwrap();
        let is_whole = |directive: &&Value| {
            directive["Dimensions"] == json!([["stage"]])
                && directive["Metrics"][0]["Name"] == "delivery_seconds"
        };
        if directives.iter().any(|directive| is_whole(&directive)) {
            whole += line["delivery_seconds"].as_array().map_or(1, Vec::len);
        }
    }
    assert_eq!(whole, 1_000, "each value once");
}
