//! When a connection is replaced by the next, before the service ends it: after two hours always, or when its
//! token expires, after which nothing comes.
//!
//! The invariant: never sooner than a minute after it opened. A clock that is wrong makes a fresh token look
//! old, and must not make a client reconnect without end; the service's own word ends such a connection in
//! time.

use std::time::Duration;

use sorl_core::time::Timestamp;

/// The least age of a connection that is replaced.
const AGE_MIN: Duration = Duration::from_mins(1);
/// API Gateway closes every connection at this age.
const AGE_MAX: Duration = Duration::from_hours(2);
/// Spread over this time, so that clients that came together do not return together.
const SPREAD: Duration = Duration::from_mins(5);
/// The share of a token's life within which it is renewed, if that is less.
const LAST_SHARE: u32 = 10;

/// When a connection that opens now with a token that expires then is replaced.
pub(super) fn renewal(now: Timestamp, expiry: Option<Timestamp>, jitter: u32) -> Timestamp {
    let life = expiry.map_or(AGE_MAX, |expiry| expiry.since(now)).min(AGE_MAX);
    let margin = SPREAD.min(life / LAST_SHARE);
    // Half of the margin, and any part of the other half.
    let spread = (margin.as_millis() * ((1 << u32::BITS) + u128::from(jitter))) >> (u32::BITS + 1);
    let spread = Duration::from_millis(u64::try_from(spread).unwrap_or_default());
    now.plus(life.saturating_sub(spread).max(AGE_MIN))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// After how many ms a connection with a token of so many minutes is replaced.
    fn replaced(life: Option<u64>, jitter: u32) -> u128 {
        let now = Timestamp::from_millis(1_000_000);
        let expiry = life.map(|minutes| now.plus(Duration::from_mins(minutes)));
        renewal(now, expiry, jitter).since(now).as_millis()
    }

    #[test]
    fn a_connection_is_replaced_within_the_last_tenth_of_its_life_and_the_last_five_minutes() {
        assert_eq!((replaced(Some(10), 0), replaced(Some(10), u32::MAX)), (570_000, 540_001));
        assert_eq!((replaced(None, 0), replaced(Some(900), 1 << 31)), (7_050_000, 6_975_000));
    }

    #[test]
    fn a_connection_is_not_replaced_within_its_first_minute() {
        assert_eq!(replaced(Some(0), 0), 60_000);
    }
}
