//! A time to the microsecond, for whoever watches: messages take less than a millisecond on one machine.

use serde::{Serialize, Serializer};
use sorl_core::ports::Clock;
use sorl_core::time::Timestamp;

/// Microseconds since the Unix epoch; written as milliseconds with three decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(u64);

impl Moment {
    /// A whole millisecond and so many 4,096ths of one.
    #[must_use]
    pub fn new(at: Timestamp, fraction: u16) -> Self {
        Self(at.as_millis().saturating_mul(1_000) + u64::from(fraction.min(4_095)) * 1_000 / 4_096)
    }

    /// Now.
    #[must_use]
    pub fn now(clock: &dyn Clock) -> Self {
        let (at, fraction) = clock.now_precisely();
        Self::new(at, fraction)
    }

    /// Milliseconds from an earlier one until this; none, if it is the earlier.
    #[must_use]
    pub fn millis_since(self, earlier: Self) -> f64 {
        in_millis(self.0.saturating_sub(earlier.0))
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(in_millis(self.0))
    }
}

/// Microseconds of our age fit a double's 53 bits.
fn in_millis(micros: u64) -> f64 {
    micros as f64 / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_written_in_milliseconds() {
        let at = Moment::new(Timestamp::from_millis(1_764_000_000_000), 2_048);
        assert_eq!(serde_json::to_string(&at).unwrap(), "1764000000000.5");
        let later = Moment::new(Timestamp::from_millis(1_764_000_000_002), 0);
        assert_eq!((later.millis_since(at), at.millis_since(later)), (1.5, 0.0));
    }
}
