//! Points in time, as milliseconds since the Unix epoch.
//!
//! Not a clock: core never asks what time it is, it is told (`ports::Clock`).

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A point in time: milliseconds since the Unix epoch, UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The epoch itself; before everything that Sorl ever stamped.
    pub const ZERO: Self = Self(0);

    /// The point `ms` milliseconds after the epoch.
    #[must_use]
    pub const fn from_millis(ms: u64) -> Self {
        Self(ms)
    }

    /// Milliseconds since the epoch.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded up: what DynamoDB's TTL wants, never too early.
    #[must_use]
    pub const fn as_secs_ceil(self) -> u64 {
        self.0.div_ceil(1000)
    }

    /// This point, `duration` later; saturates at the end of time.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(millis(duration)))
    }

    /// This point, `duration` earlier; saturates at the epoch.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(millis(duration)))
    }

    /// How long after `earlier` this point lies; zero if it lies before.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn what_is_later_and_earlier_stays_within_time() {
        let at = Timestamp::from_millis(1_500);
        assert_eq!((at.plus(SECOND).as_millis(), at.minus(SECOND).as_millis()), (2_500, 500));
        assert_eq!(at.minus(SECOND * 2), Timestamp::ZERO);
        assert_eq!(at.plus(Duration::MAX), Timestamp::from_millis(u64::MAX));
    }

    #[test]
    fn nothing_is_since_what_is_yet_to_come() {
        let (early, late) = (Timestamp::from_millis(500), Timestamp::from_millis(1_500));
        assert_eq!((late.since(early), early.since(late)), (SECOND, Duration::ZERO));
    }

    #[test]
    fn a_time_in_seconds_is_never_too_early() {
        let secs = |ms| Timestamp::from_millis(ms).as_secs_ceil();
        assert_eq!((secs(0), secs(1), secs(1_000), secs(1_001)), (0, 1, 1, 2));
    }
}
