//! The client's time: the system's at the start, and steady from then on, so that a clock that is set while
//! the client runs neither fires all its deadlines nor stops them.

use std::time::{SystemTime, UNIX_EPOCH};

use sorl_core::time::Timestamp;
use tokio::time::Instant;

/// Steady time since the epoch.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    started: Timestamp,
    instant: Instant,
}

impl Clock {
    pub(super) fn start() -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { started: Timestamp::ZERO.plus(since_epoch), instant: Instant::now() }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.started.plus(self.instant.elapsed())
    }

    /// The instant at which this clock shows `at`.
    pub(super) fn instant(&self, at: Timestamp) -> Instant {
        self.instant + at.since(self.started)
    }
}
