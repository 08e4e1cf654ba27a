//! A region's own idea of the time.

use std::time::Duration;

use sorl_core::ports::Clock;
use sorl_core::time::Timestamp;

use crate::executor::Timeline;

/// A clock that is ahead of the true time.
pub(crate) struct SkewedClock {
    /// The true time.
    pub(crate) timeline: Timeline,
    /// By how much.
    pub(crate) ahead: Duration,
}

impl Clock for SkewedClock {
    fn now(&self) -> Timestamp {
        self.timeline.now().plus(self.ahead)
    }
}
