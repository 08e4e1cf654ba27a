//! A pace: posts of mass audiences and retries begin no faster than their share of the account's rate allows, so that
//! what is new keeps its latency.
//!
//! Not the limit of posts in flight, which `deliver` adapts to how the gateway answers. The invariant: in any second
//! at most the rate begins, and what [`BURST`] allows besides.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use sorl_core::ids::ConnectionId;
use sorl_core::ports::{CloseError, Gateway, PostError};
use sorl_core::protocol::Frame;
use tokio::time::{Instant, sleep_until};

/// What may begin at once after a rest: timers tell time by the millisecond, so posts go in small groups.
const BURST: Duration = Duration::from_millis(20);

/// When the next post may begin.
#[derive(Debug)]
pub struct Pace {
    gap: Duration,
    next: Mutex<Instant>,
}

impl Pace {
    /// A pace of so many a second, which must be more than none.
    #[must_use]
    pub fn per_second(rate: f64) -> Self {
        let gap = Duration::try_from_secs_f64(1.0 / rate).unwrap_or(Duration::from_secs(1));
        Self { gap, next: Mutex::new(Instant::now()) }
    }

    /// Waits for its turn.
    pub async fn turn(&self) {
        let now = Instant::now();
        let at = self.reserve(now);
        if at > now {
            sleep_until(at).await;
        }
    }

    fn reserve(&self, now: Instant) -> Instant {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let at = now.checked_sub(BURST).map_or(*next, |earliest| earliest.max(*next));
        *next = at + self.gap;
        at
    }
}

/// A gateway whose posts keep a pace. Closing does not wait: who is closed gets nothing any more.
pub struct Paced<'a> {
    /// How fast.
    pub pace: &'a Pace,
    /// To where.
    pub gateway: &'a dyn Gateway,
}

#[async_trait]
impl Gateway for Paced<'_> {
    async fn post(&self, connection: &ConnectionId, frame: &Frame) -> Result<(), PostError> {
        self.pace.turn().await;
        self.gateway.post(connection, frame).await
    }

    async fn close(&self, connection: &ConnectionId) -> Result<(), CloseError> {
        self.gateway.close(connection).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_thousand_a_second_are_a_millisecond_apart_after_the_burst() {
        let pace = Pace::per_second(1_000.0);
        let now = Instant::now() + Duration::from_secs(1);
        let turns: Vec<_> = (0..1_000).map(|_| pace.reserve(now)).collect();
        assert_eq!(
            turns.iter().filter(|at| **at <= now).count(),
            21,
            "20 ms worth of posts, and the present one"
        );
        assert_eq!(turns[999], now - BURST + Duration::from_millis(999));
        assert!(turns.windows(2).all(|pair| pair[1] - pair[0] == Duration::from_millis(1)));
    }

    #[tokio::test]
    async fn rest_is_not_saved_up() {
        let pace = Pace::per_second(1_000.0);
        let later = Instant::now() + Duration::from_secs(3_600);
        assert_eq!(pace.reserve(later), later - BURST);
    }

    #[tokio::test]
    async fn nobody_waits_for_ever_however_low_the_rate() {
        assert_eq!(Pace::per_second(0.0).gap, Duration::from_secs(1));
    }
}
