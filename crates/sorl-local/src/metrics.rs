//! What was counted since the start, by region, and its form as Prometheus reads it.
//!
//! Not what is counted, which is `sorl_metrics`' catalogue, and not the log lines, which tell single outcomes. The
//! invariant: every metric of the catalogue that is told in one process is here, under the catalogue's name.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use sorl_core::region::Region;
use sorl_metrics::{Kind, Metric, Place, Sample, Samples, catalogue};

use crate::billed::{Counters, Tab};

/// Bounds of the latency histogram in seconds: one machine answers in milliseconds, a cut region in minutes.
const LATENCY_BOUNDS: [f64; 14] =
    [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0, 15.0, 60.0, 900.0];

/// A sample's labels and their values, the region first.
type Labels = Vec<(&'static str, String)>;

/// The sums of one metric.
enum Sums {
    Counter(Family<Labels, Counter>),
    Gauge(Family<Labels, Gauge>),
    Histogram(Family<Labels, Histogram, fn() -> Histogram>),
}

impl Sums {
    /// Empty sums, known to the registry from here on.
    fn register(metric: &Metric, registry: &mut Registry) -> Self {
        let (name, what) = (metric.name, metric.what);
        match metric.kind {
            Kind::Counter => {
                let family = Family::default();
                registry.register(name, what, family.clone());
                Self::Counter(family)
            }
            Kind::Gauge => {
                let family = Family::default();
                registry.register(name, what, family.clone());
                Self::Gauge(family)
            }
            Kind::Histogram => {
                let family = Family::new_with_constructor(histogram as fn() -> Histogram);
                registry.register(name, what, family.clone());
                Self::Histogram(family)
            }
        }
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "counts are whole, within 2^53"
    )]
    fn take(&self, labels: &Labels, value: f64) {
        match self {
            Self::Counter(family) => drop(family.get_or_create(labels).inc_by(value as u64)),
            Self::Gauge(family) => drop(family.get_or_create(labels).set(value as i64)),
            Self::Histogram(family) => family.get_or_create(labels).observe(value),
        }
    }
}

fn histogram() -> Histogram {
    Histogram::new(LATENCY_BOUNDS)
}

/// Everything that is counted.
pub struct Metrics {
    registry: Registry,
    sums: BTreeMap<&'static str, Sums>,
    billed: Counters,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("sorl");
        let embedded = catalogue::ALL.iter().filter(|metric| metric.place != Place::Deployed);
        let sums = embedded.map(|metric| (metric.name, Sums::register(metric, &mut registry))).collect();
        let billed = Counters::new(&mut registry);
        Self { registry, sums, billed }
    }
}

impl Metrics {
    /// Takes in what was counted in a region.
    pub fn take(&self, region: &Region, samples: &Samples) {
        for Sample { metric, labels, value } in samples {
            if let Some(sums) = self.sums.get(metric.name) {
                let mut named = vec![("region", region.as_str().to_owned())];
                named.extend(metric.labels.iter().copied().zip(labels.iter().cloned()));
                sums.take(&named, *value);
            }
        }
    }

    /// What a region uses of what AWS meters.
    pub(crate) fn tab(&self, region: &Region) -> Arc<Tab> {
        self.billed.of(region)
    }

    /// All of it, as Prometheus text (version 0.0.4).
    ///
    /// # Errors
    /// Only if a label cannot be written, which none of these is.
    pub fn render(&self) -> Result<String, std::fmt::Error> {
        let mut rendered = String::new();
        text::encode(&mut rendered, &self.registry)?;
        Ok(as_prometheus(&rendered))
    }
}

/// The library writes `OpenMetrics`, where a counter's family is named without the `_total` of its samples and
/// the text has an end; the older form, which everything reads, has neither.
fn as_prometheus(open_metrics: &str) -> String {
    let counters: BTreeSet<_> = open_metrics
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.strip_suffix(" counter"))
        .collect();
    let mut text = String::with_capacity(open_metrics.len());
    for line in open_metrics.lines().filter(|line| *line != "# EOF") {
        let mut words = line.splitn(4, ' ');
        match (words.next(), words.next(), words.next(), words.next()) {
            (Some("#"), Some(kind), Some(name), Some(rest)) if counters.contains(name) => {
                text.push_str(&format!("# {kind} {name}_total {rest}\n"));
            }
            _ => {
                text.push_str(line);
                text.push('\n');
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_is_rendered_by_region() {
        let metrics = Metrics::default();
        let region = Region::parse("eu-north-1").unwrap();
        let mut samples = Samples::default();
        samples.count(&catalogue::ACCEPTED, &["sns"], 3);
        samples.count(&catalogue::POSTS, &[], 2);
        samples.count(&catalogue::RECORDS, &["live"], 7);
        samples.observe(&catalogue::DELIVERY_SECONDS, &["us-east-1"], 0.003);
        metrics.take(&region, &samples);
        metrics.take(&region, &samples);
        let text = metrics.render().unwrap();
        for line in [
            "# TYPE sorl_accepted_total counter",
            r#"sorl_accepted_total{region="eu-north-1",via="sns"} 6"#,
            r#"sorl_posts_total{region="eu-north-1"} 4"#,
            r#"sorl_records{region="eu-north-1",queue="live"} 7"#,
            r#"sorl_delivery_seconds_bucket{le="0.005",region="eu-north-1",origin="us-east-1"} 2"#,
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }
}
