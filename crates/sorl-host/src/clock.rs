//! The machine's time and chance: the only place that reads the clock.
//!
//! Everything else is told what time it is, so that a simulator may tell it otherwise.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rand::Rng;
use sorl_core::ports::{Clock, Entropy};
use sorl_core::time::Timestamp;

/// The machine's clock; AWS keeps that of a Lambda in step with everybody else's, to within milliseconds.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::ZERO.plus(since_epoch())
    }

    fn now_precisely(&self) -> (Timestamp, u16) {
        let elapsed = since_epoch();
        let fraction = u64::from(elapsed.subsec_nanos() % 1_000_000) * 4_096 / 1_000_000;
        (Timestamp::ZERO.plus(elapsed), u16::try_from(fraction).unwrap_or(0))
    }
}

fn since_epoch() -> Duration {
    // A clock before 1970 is a broken machine; the epoch is as good an answer as any.
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO)
}

/// Random bits from a generator that the operating system seeds.
#[derive(Debug, Clone, Copy, Default)]
pub struct OsEntropy;

impl Entropy for OsEntropy {
    fn bits(&self) -> u64 {
        rand::rng().next_u64()
    }
}
