//! How much of each fault: a little in the gate, as much as there is time for otherwise.

use std::time::Duration;

/// How long it may take in all.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scale {
    /// None is the short form.
    minutes: Option<u32>,
}

impl Scale {
    /// `SORL_FIRE_MINUTES`, else the short form.
    pub(crate) fn asked() -> Self {
        let minutes = std::env::var("SORL_FIRE_MINUTES").ok();
        Self { minutes: minutes.map(|minutes| minutes.parse().expect("SORL_FIRE_MINUTES is a number")) }
    }

    pub(crate) const fn is_long(self) -> bool {
        self.minutes.is_some()
    }

    /// Ten kills a minute that was asked for.
    pub(crate) fn kills(self) -> usize {
        self.minutes.map_or(3, |minutes| minutes as usize * 10)
    }

    /// How often a region goes and comes back.
    pub(crate) fn outages(self) -> usize {
        self.minutes.map_or(2, |minutes| minutes as usize)
    }

    /// How long a region stays away: in the long form long enough for late marks.
    pub(crate) const fn outage(self) -> Duration {
        if self.is_long() { Duration::from_secs(18) } else { Duration::from_secs(2) }
    }

    /// How long a flood or a storm lasts.
    pub(crate) const fn storm(self) -> Duration {
        if self.is_long() { Duration::from_secs(20) } else { Duration::from_secs(4) }
    }

    /// Connections that never read: as many as fit, or five hundred.
    pub(crate) const fn silent(self) -> usize {
        if self.is_long() { usize::MAX } else { 500 }
    }

    /// Messages, every tenth of them poison.
    pub(crate) const fn doses(self) -> usize {
        if self.is_long() { 2_000 } else { 200 }
    }
}
