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

fn key(region: &Region, namespace: &str) -> Key {
    Key::new(Tag::Epochs).text(region.as_str()).text(namespace)
}

/// The retentions that the namespace had, oldest first.
pub(super) fn read(store: &dyn Store, region: &Region, namespace: &str) -> Result<Vec<Epoch>, StoreError> {
    let Some(value) = store.get(key(region, namespace).as_bytes())? else { return Ok(Vec::new()) };
    let rows: Vec<(Timestamp, u64)> = serde_json::from_slice(&value)
        .map_err(|fault| StoreError::Damaged(format!("a namespace's retentions: {fault}")))?;
    let epoch = |(since, millis)| Epoch { since, retention: Duration::from_millis(millis) };
    Ok(rows.into_iter().map(epoch).collect())
}

fn write(batch: &mut Batch, region: &Region, namespace: &str, epochs: &[Epoch]) {
    let millis = |retention: Duration| u64::try_from(retention.as_millis()).unwrap_or(u64::MAX);
    let rows: Vec<_> = epochs.iter().map(|epoch| (epoch.since, millis(epoch.retention))).collect();
    // A list of numbers always serializes.
    batch.put(key(region, namespace), serde_json::to_vec(&rows).unwrap_or_default());
}

/// What a start of the stage knows about its logs.
pub(crate) struct Beginnings<'a> {
    /// What is to be kept.
    pub(crate) config: &'a Config,
    /// Regions that were part of the stage when it last ran; none if it never did.
    pub(crate) known: Option<&'a BTreeSet<Region>>,
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
            let after = self.continued(region, before.clone(), namespace.history);
            if after != before {
                write(batch, region, &namespace.name, &after);
            }
        }
        Ok(())
    }

    fn continued(&self, region: &Region, mut epochs: Vec<Epoch>, retention: Duration) -> Vec<Epoch> {
        let since = match self.known {
            None => Timestamp::ZERO,
            Some(known) if known.contains(region) => self.now,
            // It was away while others accepted messages: whatever it had before has a gap behind it.
            Some(_) => {
                epochs.clear();
                self.now
            }
        };
        if epochs.last().is_none_or(|last| last.retention != retention) {
            epochs.push(Epoch { since, retention });
        }
        forget_outlived(&mut epochs, self.now);
        epochs
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
    if let Some(first) = epochs.first_mut() {
        first.since = first.since.max(since);
    }
    epochs
}
