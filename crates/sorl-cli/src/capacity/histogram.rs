//! A distribution of times, in buckets a hundredth apart, weighted.
//!
//! The invariant: a quantile is never further than one bucket (1 %) from the exact one; the largest value is exact.

/// The smallest time that is told apart from zero: ten microseconds.
const LEAST: f64 = 1e-5;
/// Each bucket is so much wider than the one before.
const GROWTH: f64 = 1.01;

/// Times in seconds, by weight.
#[derive(Debug, Clone, Default)]
pub(super) struct Histogram {
    weights: Vec<f64>,
    total: f64,
    sum: f64,
    max: f64,
}

impl Histogram {
    /// Adds `weight` values that are spread evenly from `low` to `high`.
    pub(super) fn add_spread(&mut self, low: f64, high: f64, weight: f64) {
        let (low, high) = (low.max(0.0), high.max(0.0));
        self.total += weight;
        self.sum += weight * f64::midpoint(low, high);
        self.max = self.max.max(high);
        let (first, last) = (bucket(low), bucket(high));
        if self.weights.len() <= last {
            self.weights.resize(last + 1, 0.0);
        }
        for (at, sum) in self.weights.iter_mut().enumerate().take(last + 1).skip(first) {
            let share = if first == last { 1.0 } else { overlap(at, low, high) / (high - low) };
            *sum += weight * share;
        }
    }

    /// How many values there are.
    pub(super) const fn total(&self) -> f64 {
        self.total
    }

    pub(super) fn mean(&self) -> f64 {
        if self.total > 0.0 { self.sum / self.total } else { 0.0 }
    }

    pub(super) const fn max(&self) -> f64 {
        self.max
    }

    /// The value that a share of all lies below.
    pub(super) fn quantile(&self, share: f64) -> f64 {
        let mut left = share * self.total;
        for (at, weight) in self.weights.iter().enumerate() {
            left -= weight;
            if left <= 0.0 {
                return upper(at).min(self.max);
            }
        }
        self.max
    }
}

fn bucket(value: f64) -> usize {
    let exact = ((value / LEAST).ln() / GROWTH.ln()).ceil();
    // Beyond the limits of usize this saturates, and NaN is 0: both are what is wanted.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
    let bucket = exact.max(0.0) as usize;
    bucket
}

/// The largest value of a bucket.
fn upper(at: usize) -> f64 {
    LEAST * (at as f64 * GROWTH.ln()).exp()
}

fn overlap(at: usize, low: f64, high: f64) -> f64 {
    let from = if at == 0 { 0.0 } else { upper(at - 1) };
    (upper(at).min(high) - from.max(low)).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(value: f64, exact: f64) {
        assert!((value / exact - 1.0).abs() < 0.011, "{value} is not {exact}");
    }

    #[test]
    fn quantiles_are_within_a_hundredth() {
        let mut times = Histogram::default();
        for value in 1..=1_000_u32 {
            times.add_spread(f64::from(value) / 1_000.0, f64::from(value) / 1_000.0, 1.0);
        }
        near(times.quantile(0.5), 0.5);
        near(times.quantile(0.9), 0.9);
        near(times.quantile(0.99), 0.99);
        near(times.mean(), 0.5005);
        assert!((times.max() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn a_spread_counts_as_its_values_would() {
        let mut times = Histogram::default();
        times.add_spread(0.0, 10.0, 100_000.0);
        near(times.quantile(0.5), 5.0);
        near(times.quantile(0.99), 9.9);
        near(times.total(), 100_000.0);
        near(times.weights.iter().sum(), 100_000.0);
    }

    #[test]
    fn weights_count() {
        let mut times = Histogram::default();
        times.add_spread(1.0, 1.0, 98.0);
        times.add_spread(7.0, 7.0, 2.0);
        near(times.quantile(0.98), 1.0);
        near(times.quantile(0.99), 7.0);
    }
}
