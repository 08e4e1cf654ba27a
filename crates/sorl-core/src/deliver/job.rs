//! A job: messages and the connections that are owed them. A live batch is one job, each slice another.

use std::collections::{BTreeMap, BTreeSet};

use super::{Run, append, audience};
use crate::envelope::{Owed, Recipient};
use crate::ids::ConnectionId;
use crate::names::ChannelName;
use crate::time::Timestamp;

/// A message, and the records that must come again if it cannot be accounted for.
pub(super) struct Item {
    pub(super) owed: Owed,
    pub(super) records: Vec<usize>,
}

/// Messages in id order, and who is owed which of them.
pub(super) struct Job {
    pub(super) items: Vec<Item>,
    /// In the order of posting.
    pub(super) targets: Vec<Target>,
    /// When the audience was read.
    pub(super) read_at: Timestamp,
    /// Turns through the queue so far.
    pub(super) depth: u32,
}

/// A connection and what it is owed: indexes into the job's items, ascending, not empty.
pub(super) struct Target {
    pub(super) to: Recipient,
    pub(super) items: Vec<usize>,
}

impl Job {
    /// The records that bring these items.
    pub(super) fn records(&self, items: &[usize]) -> Vec<usize> {
        items.iter().filter_map(|item| self.items.get(*item)).flat_map(|item| item.records.clone()).collect()
    }
}

/// Logs the batch's messages, then reads the audience of their channels. None if nothing is to be posted.
pub(super) async fn live(messages: Vec<Item>, run: &mut Run<'_>) -> Option<Job> {
    run.counts.messages += messages.len() as u64;
    let items = append::log(messages, run).await;
    let items = append::mark_late(items, run).await;
    if items.is_empty() {
        return None;
    }
    let read_at = run.now();
    let mut channels: BTreeMap<ChannelName, Vec<usize>> = BTreeMap::new();
    for (index, item) in items.iter().enumerate() {
        channels.entry(item.owed.message.channel.clone()).or_default().push(index);
    }
    let job = Job { items, targets: Vec::new(), read_at, depth: 0 };
    let audiences = audience::read_all(&job, &channels, run).await;
    Some(Job { targets: targets(audiences), ..job })
}

/// One target a connection, whatever its channels; those of the smallest audience first.
pub(super) fn targets(mut audiences: Vec<(Vec<Recipient>, Vec<usize>)>) -> Vec<Target> {
    audiences.sort_by_key(|(members, _)| members.len());
    let mut places: BTreeMap<ConnectionId, usize> = BTreeMap::new();
    let mut targets: Vec<(Recipient, BTreeSet<usize>)> = Vec::new();
    for (members, items) in audiences {
        for member in members {
            let place = *places.entry(member.connection.clone()).or_insert(targets.len());
            match targets.get_mut(place) {
                Some((_, owed)) => owed.extend(&items),
                None => targets.push((member, items.iter().copied().collect())),
            }
        }
    }
    targets.into_iter().map(|(to, items)| Target { to, items: items.into_iter().collect() }).collect()
}
