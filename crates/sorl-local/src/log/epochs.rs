//! Since when a region's log is complete, and for how long it keeps what: one small row a namespace.

use std::collections::BTreeSet;
use std::time::Duration;

use sorl_core::config::Config;
use sorl_core::limits::LOG_GRACE;
use sorl_core::ports::Epoch;
use sorl_core::region::Region;
use sorl_core::time::Timestamp;

use crate::store::{Batch, Key, Store, StoreError, Tag};

/// Changes of a retention that are remembered; before the oldest the log counts as incomplete.
const EPOCHS_MAX: usize = 32;
/// The namespace of all channels that no other claims.
const FALLBACK: &str = "default";

fn key(region: &Region, namespace: &str) -> Key {
    Key::new(Tag::Epochs).text(region.as_str()).text(namespace)
}

/// The retentions that the namespace had, oldest first.
pub(super) fn read(store: &dyn Store, region: &Region, namespace: &str) -> Result<Vec<Epoch>, StoreError> {
    let Some(value) = store.get(key(region, namespace).as_bytes())? else { return Ok(Vec::new()) };
    let rows: Vec<(Timestamp, u64, bool)> = serde_json::from_slice(&value)
        .map_err(|fault| StoreError::Damaged(format!("a namespace's retentions: {fault}")))?;
    let epoch = |(since, millis, begins_stage)| {
        let retention = Duration::from_millis(millis);
        Epoch { since, retention, begins_stage }
    };
    Ok(rows.into_iter().map(epoch).collect())
}

fn write(batch: &mut Batch, region: &Region, namespace: &str, epochs: &[Epoch]) {
    let millis = |retention: Duration| u64::try_from(retention.as_millis()).unwrap_or(u64::MAX);
    let rows: Vec<_> =
        epochs.iter().map(|epoch| (epoch.since, millis(epoch.retention), epoch.begins_stage)).collect();
    // A list of numbers always serializes.
    batch.put(key(region, namespace), serde_json::to_vec(&rows).unwrap_or_default());
}

/// What a stage was when it last ran.
pub(crate) struct LastRun<'a> {
    /// Its regions.
    pub(crate) regions: &'a BTreeSet<Region>,
    /// Its namespaces.
    pub(crate) namespaces: &'a BTreeSet<String>,
}

/// What a start of the stage knows about its logs.
pub(crate) struct Beginnings<'a> {
    /// What is to be kept.
    pub(crate) config: &'a Config,
    /// What was before; none if the stage never ran.
    pub(crate) last_run: Option<LastRun<'a>>,
    /// The time.
    pub(crate) now: Timestamp,
}

impl Beginnings<'_> {
    /// Adds to `batch` what the start means for the region's logs.
    pub(crate) fn note(
        &self,
        store: &dyn Store,
        region: &Region,
        batch: &mut Batch,
    ) -> Result<(), StoreError> {
        for namespace in self.config.namespaces() {
            let before = read(store, region, &namespace.name)?;
            let after = self.continued(region, &namespace.name, before.clone(), namespace.history);
            if after != before {
                write(batch, region, &namespace.name, &after);
            }
        }
        Ok(())
    }

    fn continued(
        &self,
        region: &Region,
        namespace: &str,
        mut epochs: Vec<Epoch>,
        retention: Duration,
    ) -> Vec<Epoch> {
        let (since, begins_stage) = (self.now, self.last_run.is_none());
        if self.last_run.as_ref().is_some_and(|last_run| !self.goes_on(last_run, region, namespace)) {
            epochs.clear();
        }
        if epochs.last().is_none_or(|last| last.retention != retention) {
            epochs.push(Epoch { since, retention, begins_stage });
        }
        forget_outlived(&mut epochs, self.now);
        epochs
    }

    /// Whether the log of the namespace's channels has had no gap since the last run. A region that was away
    /// missed what others accepted. The channels of a namespace that was not there, or is no more, were or become
    /// those of `default`, which may have kept them for another time.
    fn goes_on(&self, last_run: &LastRun<'_>, region: &Region, namespace: &str) -> bool {
        let is_named = |name: &String| self.config.namespaces().any(|namespace| namespace.name == *name);
        let took_over = namespace == FALLBACK && !last_run.namespaces.iter().all(is_named);
        last_run.regions.contains(region) && last_run.namespaces.contains(namespace) && !took_over
    }
}

/// Drops epochs under which nothing can stand any more, and those beyond what is remembered.
fn forget_outlived(epochs: &mut Vec<Epoch>, now: Timestamp) {
    let longest = epochs.iter().map(|epoch| epoch.retention).max().unwrap_or_default();
    let horizon = now.minus(longest).minus(LOG_GRACE);
    while let [_, second, ..] = epochs.as_slice()
        && (second.since < horizon || epochs.len() > EPOCHS_MAX)
    {
        epochs.remove(0);
    }
}

/// Adds to `batch` that nothing up to `until` counts as complete any more.
pub(super) fn raise(
    store: &dyn Store,
    region: &Region,
    namespace: &str,
    until: Timestamp,
    batch: &mut Batch,
) -> Result<(), StoreError> {
    let before = read(store, region, namespace)?;
    let raised = raised(before.clone(), until.plus(Duration::from_millis(1)));
    if raised != before {
        write(batch, region, namespace, &raised);
    }
    Ok(())
}

fn raised(mut epochs: Vec<Epoch>, since: Timestamp) -> Vec<Epoch> {
    while let [_, second, ..] = epochs.as_slice()
        && second.since <= since
    {
        epochs.remove(0);
    }
    if let Some(first) = epochs.first_mut().filter(|first| first.since < since) {
        first.since = since;
        first.begins_stage = false;
    }
    epochs
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3_600_000;

    fn epoch(since: u64, hours: u64) -> Epoch {
        Epoch {
            since: Timestamp::from_millis(since),
            retention: Duration::from_hours(hours),
            begins_stage: false,
        }
    }

    #[test]
    fn what_went_for_room_moves_the_beginning_and_nothing_else() {
        let raised =
            |until| raised(vec![epoch(0, 1), epoch(100, 2), epoch(200, 3)], Timestamp::from_millis(until));
        assert_eq!(raised(50), [epoch(50, 1), epoch(100, 2), epoch(200, 3)]);
        assert_eq!(raised(100), [epoch(100, 2), epoch(200, 3)]);
        assert_eq!(raised(150), [epoch(150, 2), epoch(200, 3)]);
        assert_eq!(raised(900), [epoch(900, 3)]);
    }

    #[test]
    fn only_epochs_that_nothing_stands_under_are_forgotten() {
        let mut epochs = vec![epoch(0, 1), epoch(HOUR, 2), epoch(10 * HOUR, 1)];
        forget_outlived(&mut epochs, Timestamp::from_millis(10 * HOUR));
        assert_eq!(epochs, [epoch(HOUR, 2), epoch(10 * HOUR, 1)]);
        let mut many: Vec<_> = (0..100).map(|n| epoch(n, n)).collect();
        forget_outlived(&mut many, Timestamp::from_millis(100));
        assert_eq!(many.len(), EPOCHS_MAX);
        assert_eq!(many.last(), Some(&epoch(99, 99)));
    }
}
