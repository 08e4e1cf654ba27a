//! How long to wait before the next attempt: full jitter, so that clients that fell together do not return
//! together.
//!
//! No chance in here: whoever asks brings it.

use std::time::Duration;

/// The most that the first wait can be.
const BASE: Duration = Duration::from_millis(250);
/// The most that any wait can be.
const CAP: Duration = Duration::from_secs(20);
/// Doublings after which [`CAP`] is reached for certain.
const DOUBLINGS_MAX: u32 = 8;

/// The wait after `failures` failures in a row, before this one: anything from zero to a bound that doubles.
/// `jitter` says where in between; every `u32` is to be equally likely.
#[must_use]
pub fn full_jitter(failures: u32, jitter: u32) -> Duration {
    let bound = BASE.saturating_mul(1 << failures.min(DOUBLINGS_MAX)).min(CAP);
    let millis = (bound.as_millis() * u128::from(jitter)) >> u32::BITS;
    Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_doubles_from_a_quarter_second_to_twenty() {
        let most = |failures| full_jitter(failures, u32::MAX).as_millis();
        assert_eq!([most(0), most(1), most(2)], [249, 499, 999]);
        assert_eq!([most(7), most(u32::MAX)], [19_999, 19_999]);
    }

    #[test]
    fn every_wait_below_the_bound_is_possible() {
        assert_eq!(full_jitter(9, 0), Duration::ZERO);
        assert_eq!(full_jitter(9, 1 << 31), Duration::from_secs(10));
    }
}
