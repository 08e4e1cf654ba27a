//! Samples: what was counted, each with the metric that it belongs to and the values of that metric's labels.

use crate::catalogue::{Kind, Metric};

/// One value of a metric.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Of which metric.
    pub metric: &'static Metric,
    /// The values of its labels, in their order.
    pub labels: Vec<String>,
    /// How many, or how much.
    pub value: f64,
}

impl Sample {
    /// Whether it says nothing: zero, where samples are added up.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        self.metric.kind == Kind::Counter && self.value == 0.0
    }

    /// The value of a label.
    #[must_use]
    pub fn label(&self, name: &str) -> Option<&str> {
        let at = self.metric.labels.iter().position(|label| *label == name)?;
        self.labels.get(at).map(String::as_str)
    }
}

/// What one invocation counted.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Samples(Vec<Sample>);

impl Samples {
    /// Counts so many of a metric; `labels` are the values of its labels, in their order.
    pub fn count(&mut self, metric: &'static Metric, labels: &[&str], value: u64) {
        // Exact up to 2^53, and nothing here comes near.
        self.observe(metric, labels, value as f64);
    }

    /// Takes in a value.
    pub fn observe(&mut self, metric: &'static Metric, labels: &[&str], value: f64) {
        debug_assert_eq!(labels.len(), metric.labels.len(), "{}: a value for each label", metric.name);
        let labels = labels.iter().map(|label| (*label).to_owned()).collect();
        self.0.push(Sample { metric, labels, value });
    }

    /// All of them, in the order in which they came.
    pub fn iter(&self) -> std::slice::Iter<'_, Sample> {
        self.0.iter()
    }
}

impl<'a> IntoIterator for &'a Samples {
    type Item = &'a Sample;
    type IntoIter = std::slice::Iter<'a, Sample>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
