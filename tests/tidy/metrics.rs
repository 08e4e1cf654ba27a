//! The metrics that `docs/metrics.md` lists are those of the code: names, labels, units, what they count.

use sorl_metrics::{Kind, Metric, Place, catalogue};

use crate::read;

/// A row of the document's table.
fn row(metric: &Metric) -> String {
    let kind = match metric.kind {
        Kind::Counter => "",
        Kind::Gauge => " (gauge)",
        Kind::Histogram => " (histogram)",
    };
    let embedded = match metric.place {
        Place::Deployed => String::new(),
        _ => format!("`{}`{kind}", metric.prometheus()),
    };
    let labels: Vec<_> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
    let sets: Vec<_> = metric.sets.iter().map(|set| set_of(metric, set)).collect();
    let (labels, sets, unit) = (labels.join(", "), sets.join("; "), metric.unit.as_str());
    format!("| {embedded} | {labels} | {sets} | {unit} | {} |", metric.what)
}

/// What a metric is called in CloudWatch, and by what.
fn set_of(metric: &Metric, set: &[&str]) -> String {
    let labels: Vec<_> = set.iter().map(|label| format!("`{label}`")).collect();
    let by = if labels.is_empty() { String::new() } else { format!(" by {}", labels.join(", ")) };
    format!("`{}`{by}", metric.name)
}

#[test]
fn the_documented_metrics_are_those_of_the_code() {
    let text = read("docs/metrics.md");
    let header = "| `sorl dev` | labels | CloudWatch | unit | what it counts |\n|---|---|---|---|---|\n";
    let expected: String = catalogue::ALL.iter().map(|metric| row(metric) + "\n").collect();
    let (_, rest) = text.split_once(header).expect("the table of metrics");
    let table = rest.split("\n\n").next().unwrap_or_default().trim_end();
    assert_eq!(table, expected.trim_end(), "the table of docs/metrics.md should be\n{header}{expected}");
}
