//! Another configuration rolled out, region by region, while everything goes on; in each region versions run side
//! by side for a while.
//!
//! Not the upgrade of the code (`upgrade`). The invariant is what a deployment keeps: what a region's log is said to
//! keep is never more than what every version that ran meanwhile has kept.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use sorl_core::config::{Config, Site};
use sorl_core::ports::{Clock, Epoch, Log, Unavailable};
use sorl_core::region::Region;
use sorl_core::time::Timestamp;
use sorl_tests::over::OverLog;

use crate::chance::Chance;
use crate::executor::Timeline;

/// What an invocation of the former version may still write after the last of the new version began.
const LAST_WRITE: Duration = Duration::from_secs(30);

/// The configurations of one region over time.
#[derive(Clone)]
pub(crate) struct Rollout {
    /// The region.
    pub(crate) region: Region,
    /// What it begins with.
    pub(crate) before: Arc<Config>,
    /// What it ends with.
    pub(crate) after: Arc<Config>,
    /// From when on some invocations have the new one, and from when on all.
    pub(crate) begins: Timestamp,
    /// See there.
    pub(crate) ends: Timestamp,
}

impl Rollout {
    /// What an invocation that begins now is configured with.
    pub(crate) fn site(&self, now: Timestamp, chance: &Chance) -> Site {
        let is_newer = now >= self.ends || (now >= self.begins && chance.happens(0.5));
        let config = if is_newer { &self.after } else { &self.before };
        Site { region: self.region.clone(), config: Arc::clone(config) }
    }

    /// What is noted about the log since the roll-out: less is kept from its beginning on, more after its end.
    fn epoch(&self, namespace: &str, now: Timestamp) -> Option<Epoch> {
        let history = |config: &Config| {
            config.namespaces().find(|other| other.name == namespace).map(|namespace| namespace.history)
        };
        let (before, after) = (history(&self.before)?, history(&self.after)?);
        let since = if after < before { self.begins } else { self.ends.plus(LAST_WRITE) };
        (after != before && now >= since).then_some(Epoch { since, retention: after, begins_stage: false })
    }
}

/// A log that also tells what was noted about it during the roll-out.
pub(crate) struct Noted {
    pub(crate) inner: Arc<dyn Log>,
    pub(crate) rollout: Rollout,
    pub(crate) timeline: Timeline,
}

#[async_trait]
impl OverLog for Noted {
    fn log(&self) -> &dyn Log {
        &*self.inner
    }

    async fn epochs(&self, namespace: &str) -> Result<Vec<Epoch>, Unavailable> {
        let mut epochs = self.inner.epochs(namespace).await?;
        epochs.extend(self.rollout.epoch(namespace, self.timeline.now()));
        Ok(epochs)
    }
}
