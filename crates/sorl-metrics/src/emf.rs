//! Samples as CloudWatch's embedded metric format: log lines out of which CloudWatch Logs makes metrics.
//!
//! Not where the lines go (`sorl_aws::telemetry`). Specification:
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>.
//! The invariants: every value is in exactly one line for each set of labels that its metric has; a member of a line
//! has one meaning, so what would need a second value of it goes to another line; what was counted zero times is not
//! told, so a metric that never occurs costs nothing.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value, json};
use sorl_core::time::Timestamp;

use crate::catalogue::{Kind, Metric};
use crate::samples::{Sample, Samples};

/// The namespace that all metrics are in.
pub const NAMESPACE: &str = "Sorl";
/// The dimension that every metric has: an account may have several stages.
pub const STAGE: &str = "stage";
/// Values of one metric in one line: CloudWatch takes no more.
const VALUES_MAX: usize = 100;
/// Metrics in one directive: CloudWatch takes no more.
const METRICS_MAX: usize = 100;

/// Where and when samples were counted.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'a> {
    /// The stage.
    pub stage: &'a str,
    /// The request that counted them, so that its other lines are found.
    pub request: &'a str,
    /// When.
    pub at: Timestamp,
}

/// The lines that tell the samples, without line ends; none if there is nothing to tell.
#[must_use]
pub fn lines(samples: &Samples, origin: &Origin<'_>) -> Vec<String> {
    let mut lines: Vec<Line<'_>> = Vec::new();
    for series in all_series(samples) {
        match lines.iter_mut().find(|line| line.has_room_for(&series)) {
            Some(line) => line.take(series),
            None => {
                let mut line = Line::default();
                line.take(series);
                lines.push(line);
            }
        }
    }
    lines.iter().map(|line| line.to_json(origin)).collect()
}

/// Values of a metric for one set of labels.
struct Series<'s> {
    metric: &'static Metric,
    set: &'static [&'static str],
    /// The values of the set's labels.
    labels: Vec<&'s str>,
    values: Vec<f64>,
}

/// Everything that is to be told, each metric once for each of its sets, added up where it is a sum.
fn all_series(samples: &Samples) -> Vec<Series<'_>> {
    let mut all: Vec<Series<'_>> = Vec::new();
    for sample in samples.iter().filter(|sample| !sample.is_nothing()) {
        for set in sample.metric.sets {
            let labels = set.iter().filter_map(|label| sample.label(label)).collect();
            add(&mut all, sample, set, labels);
        }
    }
    all
}

fn add<'s>(all: &mut Vec<Series<'s>>, sample: &Sample, set: &'static [&'static str], labels: Vec<&'s str>) {
    let is_sum = sample.metric.kind == Kind::Counter;
    let same = |known: &&mut Series<'s>| {
        let has_room = is_sum || known.values.len() < VALUES_MAX;
        known.metric == sample.metric && known.set == set && known.labels == labels && has_room
    };
    match all.iter_mut().find(same) {
        Some(Series { values, .. }) if is_sum => values.iter_mut().for_each(|sum| *sum += sample.value),
        Some(Series { values, .. }) => values.push(sample.value),
        None => all.push(Series { metric: sample.metric, set, labels, values: vec![sample.value] }),
    }
}

/// One line under way: every member of it has one value.
#[derive(Default)]
struct Line<'s> {
    labels: BTreeMap<&'static str, &'s str>,
    metrics: BTreeMap<&'static str, Vec<f64>>,
    directives: BTreeMap<&'static [&'static str], Vec<&'static Metric>>,
}

impl<'s> Line<'s> {
    /// A metric that is there already may stand in a second directive if its values are the same.
    fn has_room_for(&self, series: &Series<'_>) -> bool {
        let mut labels = series.set.iter().zip(&series.labels);
        let told = self.directives.get(series.set);
        labels.all(|(name, value)| self.labels.get(name).is_none_or(|known| known == value))
            && self.metrics.get(series.metric.name).is_none_or(|known| *known == series.values)
            && told.is_none_or(|told| told.len() < METRICS_MAX && !told.contains(&series.metric))
    }

    fn take(&mut self, series: Series<'s>) {
        self.labels.extend(series.set.iter().copied().zip(series.labels));
        self.metrics.insert(series.metric.name, series.values);
        self.directives.entry(series.set).or_default().push(series.metric);
    }

    fn to_json(&self, origin: &Origin<'_>) -> String {
        let directives: Vec<_> =
            self.directives.iter().map(|(set, metrics)| Directive::new(set, metrics)).collect();
        let mut members = Map::new();
        let about = json!({ "Timestamp": origin.at.as_millis(), "CloudWatchMetrics": directives });
        members.insert("_aws".to_owned(), about);
        members.insert(STAGE.to_owned(), origin.stage.into());
        members.insert("request".to_owned(), origin.request.into());
        members.extend(self.labels.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value))));
        members.extend(self.metrics.iter().map(|(name, values)| ((*name).to_owned(), number(values))));
        Value::Object(members).to_string()
    }
}

/// One value as itself, several as a list; whole ones without a fraction.
fn number(values: &[f64]) -> Value {
    let one = |value: f64| -> Value {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole, and within 2^53")]
        if value.fract() == 0.0 && (0.0..9e15).contains(&value) {
            (value as u64).into()
        } else {
            value.into()
        }
    };
    match values {
        [value] => one(*value),
        values => values.iter().copied().map(one).collect(),
    }
}

/// Tells CloudWatch which members are metrics, and by which dimensions.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Directive {
    namespace: &'static str,
    dimensions: [Vec<&'static str>; 1],
    metrics: Vec<Definition>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Definition {
    name: &'static str,
    unit: &'static str,
}

impl Directive {
    fn new(set: &[&'static str], metrics: &[&'static Metric]) -> Self {
        let dimensions = [std::iter::once(STAGE).chain(set.iter().copied()).collect()];
        let define = |metric: &&Metric| Definition { name: metric.name, unit: metric.unit.as_str() };
        Self { namespace: NAMESPACE, dimensions, metrics: metrics.iter().map(define).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::{COMMANDS, DELIVERY_SECONDS, GONE, POSTS};

    fn told(fill: impl FnOnce(&mut Samples)) -> Vec<Value> {
        let mut samples = Samples::default();
        fill(&mut samples);
        let at = Timestamp::from_millis(1_764_000_000_000);
        let lines = lines(&samples, &Origin { stage: "prod", request: "r-1", at });
        lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn a_sum_is_one_number_and_zero_is_not_told() {
        let lines = told(|samples| {
            samples.count(&POSTS, &[], 2);
            samples.count(&POSTS, &[], 3);
            samples.count(&GONE, &[], 0);
        });
        let about = json!({
            "Timestamp": 1_764_000_000_000_u64,
            "CloudWatchMetrics": [
                { "Namespace": "Sorl", "Dimensions": [["stage"]], "Metrics": [{ "Name": "posts", "Unit": "Count" }] },
            ],
        });
        assert_eq!(lines, [json!({ "_aws": about, "stage": "prod", "request": "r-1", "posts": 5 })]);
        assert!(told(|samples| samples.count(&GONE, &[], 0)).is_empty());
    }

    #[test]
    fn two_values_of_a_label_are_two_lines() {
        let lines = told(|samples| {
            samples.observe(&DELIVERY_SECONDS, &["eu-north-1"], 0.25);
            samples.observe(&DELIVERY_SECONDS, &["us-east-1"], 0.5);
            samples.observe(&DELIVERY_SECONDS, &["eu-north-1"], 0.75);
        });
        let values: Vec<_> =
            lines.iter().map(|line| (line["origin"].as_str(), line["delivery_seconds"].clone())).collect();
        let expected = [
            (None, json!([0.25, 0.5, 0.75])),
            (Some("eu-north-1"), json!([0.25, 0.75])),
            (Some("us-east-1"), json!(0.5)),
        ];
        assert_eq!(values, expected);
    }

    #[test]
    fn one_value_of_a_label_needs_no_second_line() {
        let lines = told(|samples| {
            samples.count(&COMMANDS, &["ping", "none"], 1);
            samples.observe(&DELIVERY_SECONDS, &["eu-north-1"], 0.25);
        });
        let [line] = lines.as_slice() else { panic!("{lines:?}") };
        let sets: Vec<_> =
            line["_aws"]["CloudWatchMetrics"].as_array().unwrap().iter().map(|d| &d["Dimensions"]).collect();
        assert_eq!(sets, [&json!([["stage"]]), &json!([["stage", "error"]]), &json!([["stage", "origin"]])]);
        assert_eq!((line["error"].as_str(), line["delivery_seconds"].as_f64()), (Some("none"), Some(0.25)));
    }

    #[test]
    fn more_values_than_a_line_takes_go_to_the_next() {
        let lines = told(|samples| {
            (0..250).for_each(|n| samples.observe(&DELIVERY_SECONDS, &["here"], f64::from(n)))
        });
        let whole = lines.iter().filter_map(|line| line["delivery_seconds"].as_array());
        assert!(whole.clone().all(|values| values.len() <= VALUES_MAX));
        let sum: usize = whole.map(Vec::len).sum();
        assert_eq!(sum, 250, "the same values serve both sets, or stand twice: {lines:?}");
    }
}
