//! Log before audience: what the namespace keeps is written, and late messages are marked, before anybody
//! asks who is there. What could not be written is not posted; its record comes again.

use std::collections::BTreeMap;

use super::Run;
use super::job::Item;
use crate::envelope::Owed;
use crate::ids::MessageId;
use crate::limits::{LATE_AFTER, LOG_GRACE};
use crate::names::ChannelName;
use crate::ports::{LateMark, LogEntry, Unavailable};
use crate::time::Timestamp;

/// Writes the batch to the log; returns what was written or need not be.
pub(super) async fn log(items: Vec<Item>, run: &mut Run<'_>) -> Vec<Item> {
    let kept: Vec<usize> = items
        .iter()
        .enumerate()
        .filter(|(_, item)| is_kept(&item.owed, run))
        .map(|(index, _)| index)
        .collect();
    let entries: Vec<_> =
        kept.iter().filter_map(|index| items.get(*index)).map(|item| entry(item, run)).collect();
    if entries.is_empty() {
        return items;
    }
    let Err(partial) = run.ports.log.append(&entries).await else { return items };
    tracing::warn!(source = %partial.source.source, failed = partial.failed.len(), "messages were not logged");
    let failed: Vec<_> = partial.failed.iter().filter_map(|at| kept.get(*at).copied()).collect();
    without(items, &failed, run)
}

/// Writes a late mark for each channel of which messages come late; returns what is marked or need not be.
pub(super) async fn mark_late(items: Vec<Item>, run: &mut Run<'_>) -> Vec<Item> {
    let now = run.now();
    let mut late: BTreeMap<ChannelName, Vec<usize>> = BTreeMap::new();
    for (index, item) in items.iter().enumerate() {
        if is_late(&item.owed, now) && is_kept(&item.owed, run) {
            late.entry(item.owed.message.channel.clone()).or_default().push(index);
        }
    }
    let mut failed = Vec::new();
    for (channel, indexes) in late {
        let ids =
            indexes.iter().filter_map(|index| items.get(*index)).map(|item| item.owed.message.id).collect();
        if let Err(fault) = mark(channel, ids, run).await {
            tracing::warn!(source = %fault.source, "a late mark was not written");
            failed.extend(indexes);
        }
    }
    without(items, &failed, run)
}

/// Writes one late mark, stamped now.
async fn mark(channel: ChannelName, ids: Vec<MessageId>, run: &mut Run<'_>) -> Result<(), Unavailable> {
    let at = run.now();
    let expires_at = at.plus(run.site.config.namespace(&channel).history).plus(LOG_GRACE);
    run.ports.log.mark(&LateMark { channel, at, ids, expires_at }).await?;
    run.counts.marks += 1;
    Ok(())
}

/// Whether a message is delivered so long after its acceptance that a cursor may have passed it.
pub(super) fn is_late(owed: &Owed, now: Timestamp) -> bool {
    now.since(owed.message.at()) > LATE_AFTER
}

fn is_kept(owed: &Owed, run: &Run<'_>) -> bool {
    !owed.ephemeral && run.site.config.namespace(&owed.message.channel).keeps_history()
}

fn entry(item: &Item, run: &Run<'_>) -> LogEntry {
    let message = item.owed.message.clone();
    let retention = run.site.config.namespace(&message.channel).history;
    let expires_at = message.at().plus(retention).plus(LOG_GRACE);
    LogEntry { message, expires_at }
}

fn without(items: Vec<Item>, failed: &[usize], run: &mut Run<'_>) -> Vec<Item> {
    let mut kept = Vec::with_capacity(items.len());
    for (index, item) in items.into_iter().enumerate() {
        if failed.contains(&index) {
            run.fail(&item.records);
        } else {
            kept.push(item);
        }
    }
    kept
}
