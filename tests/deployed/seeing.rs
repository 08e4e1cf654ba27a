//! What the functions tell besides their answers: the metrics in their logs, as CloudWatch would find them there.

use std::collections::BTreeSet;

use serde_json::Value;
use sorl_metrics::catalogue;
use sorl_tests::names::room;
use sorl_tests::stage::Stage;

use crate::shared::stage;

#[path = "../handlers/metrics/specification.rs"]
mod specification;

/// What a client's visit makes each function count.
const COUNTED: [(&str, &str); 5] = [
    ("authorize", "handshakes_refused"),
    ("connect", "connections_opened"),
    ("disconnect", "connections_closed"),
    ("command", "accepted"),
    ("deliver", "delivery_seconds"),
];

/// The lines of a function's log that are metrics, each valid; and that its other lines are ours or the runtime's.
async fn metrics_of(stage: &Stage, region: &str, function: &str) -> Vec<Value> {
    let deployed = stage.deployed();
    let lines = deployed.aws.log_of(region, &format!("sorl-{}-{function}", deployed.stage)).await;
    let told: Vec<_> = lines.into_iter().filter(|line| line.contains("\"_aws\"")).collect();
    for line in &told {
        assert_eq!(specification::faults(line), [] as [String; 0], "{function}: {line}");
    }
    told.iter().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
}

/// Name, unit and dimensions of each metric in a line.
fn named(line: &Value) -> BTreeSet<(String, String, Vec<String>)> {
    let mut all = BTreeSet::new();
    for directive in line["_aws"]["CloudWatchMetrics"].as_array().expect("directives") {
        assert_eq!(directive["Namespace"], "Sorl");
        let [set]: [Vec<String>; 1] =
            serde_json::from_value(directive["Dimensions"].clone()).expect("one set");
        for metric in directive["Metrics"].as_array().expect("metrics") {
            let text = |name: &str| metric[name].as_str().expect("a text").to_owned();
            all.insert((text("Name"), text("Unit"), set.clone()));
        }
    }
    all
}

/// Everything that a Lambda may tell.
fn known() -> BTreeSet<(String, String, Vec<String>)> {
    let mut known = BTreeSet::new();
    for metric in catalogue::ALL {
        for set in metric.sets {
            let set = std::iter::once(&"stage").chain(*set).map(ToString::to_string).collect();
            known.insert((metric.name.to_owned(), metric.unit.as_str().to_owned(), set));
        }
    }
    known
}

#[tokio::test]
async fn every_function_tells_what_it_counted_in_its_log_as_metrics_of_the_catalogue() {
    let stage = stage().await;
    let [region, ..] = stage.three();
    let refused =
        sorl_tests::socket::Socket::try_open("nobody", &stage.region(region).url, "no token", None).await;
    assert!(refused.is_err());
    let channel = room();
    let mut member = stage.member(region, &channel).await;
    member.publish(&channel, "counted").await;
    member.message(&channel, "counted").await;
    member.close().await;
    let known = known();
    for (function, counted) in COUNTED {
        let what = format!("{function} tells {counted}");
        let lines = sorl_tests::eventually(&what, async || {
            let lines = metrics_of(&stage, region, function).await;
            lines.iter().any(|line| line.get(counted).is_some()).then_some(lines)
        })
        .await;
        assert!(
            lines.iter().any(|line| line["function"] == function && line["cold_starts"] == 1),
            "{function}"
        );
        for line in &lines {
            assert_eq!(line["stage"], stage.deployed().stage.as_str());
            assert!(line["request"].as_str().is_some_and(|request| request.len() == 36), "{line}");
            let strangers: Vec<_> = named(line).difference(&known).cloned().collect();
            assert_eq!(strangers, [], "{function}: {line}");
        }
    }
}

#[tokio::test]
async fn trouble_rings_once_whatever_is_on_and_is_over_when_all_is() {
    let stage = stage().await;
    // Not the region whose alarms another test may look at.
    let [.., region] = stage.three();
    let name = |alarm: &str| format!("sorl-{}-{alarm}", stage.deployed().stage);
    let is_on = async || {
        let fields = [("Action", "DescribeAlarms"), ("AlarmTypes.member.1", "CompositeAlarm")];
        let told = ask(&stage, region, &fields).await;
        assert!(told.contains(&name("trouble")), "{told}");
        told.contains("<StateValue>ALARM</StateValue>")
    };
    let set = async |alarm: &str, state: &str| {
        let alarm = name(alarm);
        let fields = [
            ("Action", "SetAlarmState"),
            ("AlarmName", &alarm),
            ("StateValue", state),
            ("StateReason", "a test"),
        ];
        ask(&stage, region, &fields).await;
    };
    assert!(!is_on().await);
    set("live-age", "ALARM").await;
    assert!(is_on().await);
    set("latency", "ALARM").await;
    set("live-age", "OK").await;
    assert!(is_on().await, "one of two is off");
    set("latency", "OK").await;
    assert!(!is_on().await);
    // What can wait till the morning rings by itself.
    set("dead-letters", "ALARM").await;
    assert!(!is_on().await);
    set("dead-letters", "OK").await;
}

async fn ask(stage: &Stage, region: &str, fields: &[(&str, &str)]) -> String {
    let all = [&[("Version", "2010-08-01")], fields].concat();
    let answer = stage.deployed().aws.query(region, "monitoring", &all).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body
}
