//! The functions' versions: to which of them the alias `live` leads, and which of them answer.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sorl_core::time::Timestamp;
use sorl_tests::stage::Stage;

/// All that clients and queues call.
pub(super) const FUNCTIONS: [&str; 5] = ["authorize", "connect", "command", "disconnect", "deliver"];

/// One version of each function in each region, by region and function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Versions(BTreeMap<(String, &'static str), String>);

impl Versions {
    /// Those to which the aliases lead, for most calls at least.
    pub(super) async fn live(stage: &Stage) -> Self {
        let mut versions = BTreeMap::new();
        for (region, function) in places(stage) {
            let alias = alias(stage, &region, function, "GET", "").await;
            let version = alias["FunctionVersion"].as_str().expect("a version").to_owned();
            versions.insert((region, function), version);
        }
        Self(versions)
    }

    /// Whether each is another than in `other`.
    pub(super) fn all_differ(&self, other: &Self) -> bool {
        self.0.iter().all(|(place, version)| other.0.get(place).is_some_and(|one| one != version))
    }

    /// Has all aliases lead to these; a share of the calls goes to others, if there are any.
    pub(super) async fn serve(&self, stage: &Stage, beside: Option<(&Self, f64)>) {
        for ((region, function), version) in &self.0 {
            let weights =
                beside.map(|(others, share)| (others.0[&(region.clone(), *function)].clone(), json!(share)));
            let weights: serde_json::Map<_, _> = weights.into_iter().collect();
            let wanted = json!({
                "FunctionVersion": version, "RoutingConfig": { "AdditionalVersionWeights": weights },
            });
            alias(stage, region, function, "PUT", &wanted.to_string()).await;
        }
    }
}

/// How many calls each version of each function answered, by region, function and version.
pub(super) struct Answered(BTreeMap<(String, &'static str, String), usize>);

impl Answered {
    /// Since a moment, as the functions' logs tell.
    pub(super) async fn since(stage: &Stage, moment: Timestamp) -> Self {
        let mut answered = BTreeMap::new();
        for (region, function) in places(stage) {
            for version in started(stage, &region, function, moment).await {
                *answered.entry((region.clone(), function, version)).or_default() += 1;
            }
        }
        Self(answered)
    }

    /// Of a function, by these versions, in all regions.
    pub(super) fn by(&self, versions: &Versions, function: &str) -> usize {
        let is_one = |(region, of, version): &(String, &'static str, String)| {
            *of == function && versions.0.get(&(region.clone(), *of)) == Some(version)
        };
        self.0.iter().filter(|(key, _)| is_one(key)).map(|(_, count)| count).sum()
    }

    /// Of a function, by whichever version.
    pub(super) fn all(&self, function: &str) -> usize {
        self.0.iter().filter(|((_, of, _), _)| *of == function).map(|(_, count)| count).sum()
    }
}

fn places(stage: &Stage) -> Vec<(String, &'static str)> {
    let regions = stage.regions.iter().map(|at| at.region.clone());
    regions.flat_map(|region| FUNCTIONS.map(|function| (region.clone(), function))).collect()
}

async fn alias(stage: &Stage, region: &str, function: &str, method: &str, body: &str) -> Value {
    let deployed = stage.deployed();
    let path = format!("/2015-03-31/functions/sorl-{}-{function}/aliases/live", deployed.stage);
    let answer = deployed.aws.rest(region, "lambda", (method, &path), body).await;
    assert_eq!(answer.status, 200, "{function} in {region}: {answer:?}");
    answer.json()
}

/// The version of each call, as Lambda's own line at its start tells it.
async fn started(stage: &Stage, region: &str, function: &str, since: Timestamp) -> Vec<String> {
    let deployed = stage.deployed();
    let group = format!("/aws/lambda/sorl-{}-{function}", deployed.stage);
    let wanted = json!({ "logGroupName": group, "limit": 10_000, "startTime": since.as_millis() });
    let told = deployed.aws.json(region, "logs", "Logs_20140328.FilterLogEvents", &wanted).await;
    let lines = told["events"].as_array().expect("events").iter();
    let starts = lines.filter_map(|event| event["message"].as_str()?.strip_prefix("START RequestId: "));
    starts.filter_map(|line| Some(line.trim().split_once("Version: ")?.1.to_owned())).collect()
}
