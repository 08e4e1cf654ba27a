//! Newer configurations rolled out, region by region, while everything goes on; in each region versions run side by
//! side for a while.
//!
//! Not the upgrade of the code (`upgrade`), and not when each step is taken (`schedule`). The invariant is what a
//! deployment keeps: what a region's log is said to keep is never more than what every version that ran meanwhile
//! has kept.

use std::iter::once;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use sorl_core::config::{Config, Namespace, Site};
use sorl_core::ports::{Clock, Epoch, Log, Unavailable};
use sorl_core::region::Region;
use sorl_core::time::Timestamp;
use sorl_tests::over::OverLog;

use crate::chance::Chance;
use crate::executor::Timeline;

/// What an invocation of the former version may still read and write after the last of the new version began.
pub(crate) const LAST_WRITE: Duration = Duration::from_secs(30);

/// The configurations of one region over time.
#[derive(Clone)]
pub(crate) struct Rollout {
    /// The region.
    pub(crate) region: Region,
    /// What it begins with.
    pub(crate) first: Arc<Config>,
    /// What it is given then; none begins before the one before it has ended.
    pub(crate) steps: Vec<Step>,
}

/// One deployment to one region.
#[derive(Clone)]
pub(crate) struct Step {
    /// What it brings.
    pub(crate) config: Arc<Config>,
    /// From when on some invocations have it, and from when on all.
    pub(crate) begins: Timestamp,
    /// See there.
    pub(crate) ends: Timestamp,
}

impl Rollout {
    /// How many steps an invocation that begins now has behind it.
    pub(crate) fn version(&self, now: Timestamp, chance: &Chance) -> usize {
        let has = |step: &&Step| now >= step.ends || (now >= step.begins && chance.happens(0.5));
        self.steps.iter().take_while(has).count()
    }

    /// What an invocation of a version is configured with.
    pub(crate) fn site(&self, version: usize) -> Site {
        let step = version.checked_sub(1).and_then(|last| self.steps.get(last));
        let config = step.map_or(&self.first, |step| &step.config);
        Site { region: self.region.clone(), config: Arc::clone(config) }
    }

    /// When the last step was over that changed this of a namespace.
    pub(crate) fn changed<T: PartialEq>(
        &self,
        namespace: &str,
        of: impl Fn(&Namespace) -> T,
    ) -> Option<Timestamp> {
        let of = |config: &Config| option(config, namespace, &of);
        let changes = self.changes().filter(|(before, step)| of(before) != of(&step.config));
        changes.map(|(_, step)| step.ends).max()
    }

    /// Every step, and what was there before it.
    fn changes(&self) -> impl Iterator<Item = (&Config, &Step)> {
        let before = once(&self.first).chain(self.steps.iter().map(|step| &step.config));
        before.map(|config| &**config).zip(&self.steps)
    }

    /// What is noted about the log since the roll-out: less is kept from a step's beginning on, more after its end.
    fn epochs(&self, namespace: &str, now: Timestamp) -> impl Iterator<Item = Epoch> {
        let history = |config: &Config| option(config, namespace, |namespace| namespace.history);
        self.changes().filter_map(move |(before, step)| {
            let (before, after) = (history(before)?, history(&step.config)?);
            let since = if after < before { step.begins } else { step.ends.plus(LAST_WRITE) };
            (after != before && now >= since).then_some(Epoch {
                since,
                retention: after,
                begins_stage: false,
            })
        })
    }
}

fn option<T>(config: &Config, namespace: &str, of: impl Fn(&Namespace) -> T) -> Option<T> {
    config.namespaces().find(|other| other.name == namespace).map(|namespace| of(namespace))
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
        epochs.extend(self.rollout.epochs(namespace, self.timeline.now()));
        Ok(epochs)
    }
}
