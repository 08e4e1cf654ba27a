//! Latencies of every pair of regions, in memory that does not grow with their number.
//!
//! The invariant: a quantile is at most 1 % from the exact one (two significant digits, `HdrHistogram`), from 1 µs to an
//! hour; longer ones count as an hour.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::{Serialize, Serializer};

use crate::measure::micros;

/// The longest latency that is told from longer ones.
const LONGEST: Duration = Duration::from_hours(1);
/// Significant digits.
const DIGITS: u8 = 2;

/// Latencies by pair of regions.
#[derive(Debug)]
pub(super) struct Tally {
    regions: usize,
    pairs: Vec<Mutex<Histogram<u64>>>,
}

/// What is told of a distribution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) struct Quantiles {
    #[serde(serialize_with = "millis")]
    pub(super) p50: Duration,
    #[serde(serialize_with = "millis")]
    pub(super) p90: Duration,
    #[serde(serialize_with = "millis")]
    pub(super) p99: Duration,
    #[serde(serialize_with = "millis")]
    pub(super) max: Duration,
}

impl Tally {
    /// Nothing yet, between so many regions.
    pub(super) fn new(regions: usize) -> anyhow::Result<Self> {
        let pairs = (0..regions * regions).map(|_| empty().map(Mutex::new));
        Ok(Self { regions, pairs: pairs.collect::<Result<_, _>>()? })
    }

    /// A message of region `from` arrived in region `to`.
    pub(super) fn record(&self, from: usize, to: usize, latency: Duration) {
        if let Some(pair) = self.pairs.get(from * self.regions + to) {
            pair.lock().unwrap_or_else(PoisonError::into_inner).saturating_record(micros(latency).max(1));
        }
    }

    /// The latencies of a pair.
    pub(super) fn pair(&self, from: usize, to: usize) -> anyhow::Result<Histogram<u64>> {
        let pair = self.pairs.get(from * self.regions + to);
        let pair = pair.map(|pair| pair.lock().unwrap_or_else(PoisonError::into_inner).clone());
        pair.map_or_else(|| empty().map_err(Into::into), Ok)
    }

    /// The latencies of all pairs.
    pub(super) fn all(&self) -> anyhow::Result<Histogram<u64>> {
        let mut all = empty()?;
        for pair in &self.pairs {
            all.add(&*pair.lock().unwrap_or_else(PoisonError::into_inner))?;
        }
        Ok(all)
    }
}

impl Quantiles {
    /// Of a distribution that holds something.
    pub(super) fn of(latencies: &Histogram<u64>) -> Option<Self> {
        let at = |quantile| Duration::from_micros(latencies.value_at_quantile(quantile));
        let max = Duration::from_micros(latencies.max());
        (!latencies.is_empty()).then(|| Self { p50: at(0.5), p90: at(0.9), p99: at(0.99), max })
    }
}

/// Each latency that there was, and how often.
pub(super) fn values(latencies: &Histogram<u64>) -> impl Iterator<Item = (Duration, u64)> + '_ {
    latencies
        .iter_recorded()
        .map(|value| (Duration::from_micros(value.value_iterated_to()), value.count_at_value()))
}

fn empty() -> Result<Histogram<u64>, hdrhistogram::CreationError> {
    Histogram::new_with_bounds(1, micros(LONGEST), DIGITS)
}

fn millis<S: Serializer>(latency: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(latency.as_secs_f64() * 1e3)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(measured: Duration, exact: Duration) {
        let share = measured.as_secs_f64() / exact.as_secs_f64();
        assert!((0.99..=1.01).contains(&share), "{measured:?} is not {exact:?}");
    }

    #[test]
    fn quantiles_are_within_a_hundredth_of_the_exact_ones() {
        let tally = Tally::new(2).unwrap();
        for ms in 1..=1_000 {
            tally.record(0, 1, Duration::from_millis(ms));
        }
        let told = Quantiles::of(&tally.pair(0, 1).unwrap()).unwrap();
        near(told.p50, Duration::from_millis(500));
        near(told.p90, Duration::from_millis(900));
        near(told.p99, Duration::from_millis(990));
        near(told.max, Duration::from_secs(1));
    }

    #[test]
    fn each_pair_has_its_own_latencies_and_all_have_them_all() {
        let tally = Tally::new(2).unwrap();
        tally.record(0, 1, Duration::from_millis(5));
        tally.record(1, 0, Duration::from_millis(50));
        tally.record(1, 0, Duration::from_hours(99));
        assert_eq!(tally.pair(0, 1).unwrap().len(), 1);
        assert_eq!(tally.pair(1, 0).unwrap().len(), 2);
        assert_eq!(tally.pair(0, 0).unwrap().len(), 0);
        assert_eq!(values(&tally.all().unwrap()).map(|(_, count)| count).sum::<u64>(), 3);
        assert_eq!(Quantiles::of(&tally.pair(0, 0).unwrap()), None);
    }
}
