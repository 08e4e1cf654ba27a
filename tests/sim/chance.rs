//! Chance: one stream of numbers a seed, and nothing else that is random in a run.
//!
//! Not a source of secrets. The invariant: the same seed gives the same numbers in the same order on every
//! machine (`SplitMix64`, a counter and a mixing function).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sorl_core::ports::Entropy;

const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

/// A stream of numbers. Cloning shares the stream.
#[derive(Debug, Clone)]
pub(crate) struct Chance(Arc<AtomicU64>);

impl Chance {
    /// The stream of a seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self(Arc::new(AtomicU64::new(mix(seed ^ GAMMA))))
    }

    /// A stream of its own, so that what draws from it disturbs nobody else.
    pub(crate) fn split(&self) -> Self {
        Self::new(self.next())
    }

    /// A number below `bound`; zero if the bound is zero.
    pub(crate) fn below(&self, bound: usize) -> usize {
        let bound = bound as u64;
        // 64 bits modulo a small number: a bias that no run is long enough to show.
        usize::try_from(self.next().checked_rem(bound).unwrap_or(0)).unwrap_or(0)
    }

    /// Whether something happens that happens in this share of cases. Always draws, so that a share that is
    /// changed leaves the rest of the run alone.
    pub(crate) fn happens(&self, share: f64) -> bool {
        let high = u32::try_from(self.next() >> 32).unwrap_or(u32::MAX);
        f64::from(high) / (f64::from(u32::MAX) + 1.0) < share
    }

    /// A duration from `least` up to, but not including, `most` milliseconds.
    pub(crate) fn millis(&self, least: u64, most: u64) -> Duration {
        let span = most.saturating_sub(least).max(1);
        Duration::from_millis(least + self.next() % span)
    }

    /// One of `items`.
    pub(crate) fn pick<'a, T>(&self, items: &'a [T]) -> Option<&'a T> {
        items.get(self.below(items.len()))
    }

    /// 32 bits.
    pub(crate) fn jitter(&self) -> u32 {
        u32::try_from(self.next() >> 32).unwrap_or(0)
    }

    fn next(&self) -> u64 {
        mix(self.0.fetch_add(GAMMA, Ordering::Relaxed).wrapping_add(GAMMA))
    }
}

const fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

impl Entropy for Chance {
    fn bits(&self) -> u64 {
        self.next()
    }
}
