//! A slice begins: late or not, what it is owed is a job again.
//!
//! A late slice (more than 15 s after one of its messages) first writes a late mark, then looks again who is
//! still a member: who joined before that look gets the messages live, who comes later finds the mark.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures::stream::{self, StreamExt, TryStreamExt};

use super::audience::Pages;
use super::cut::{Cutting, Remainder};
use super::job::{Item, Job, Target, targets};
use super::{Run, append, cut};
use crate::envelope::{Recipient, Rest, Slice};
use crate::ids::ConnectionId;
use crate::limits::{LATE_AFTER, RECOVERY_OVERLAP};
use crate::member::Member;
use crate::names::{ChannelName, UserName};
use crate::ports::Unavailable;
use crate::time::Timestamp;

/// Users whose blocks are read at the same time.
const BLOCKS_CONCURRENCY: usize = 16;
/// After so long since an audience was first read, somebody may have moved to where it was read already, with a cursor
/// that is past the message and no mark in its answer: [`RECOVERY_OVERLAP`], less [`LATE_AFTER`] for which there is no
/// mark, less as much for clocks.
const MOVED_AFTER: Duration = RECOVERY_OVERLAP.saturating_sub(LATE_AFTER).saturating_sub(LATE_AFTER);

/// The job of a slice, if somebody is left, and what it goes on to cut. Neither if it failed: the queue hands it out
/// again.
pub(super) async fn resume(record: usize, slice: Slice, run: &mut Run<'_>) -> (Option<Job>, Vec<Cutting>) {
    let Slice { messages, connections, rest, read_at, depth, .. } = slice;
    let mut items: Vec<_> = messages.into_iter().map(|owed| Item::new(owed, vec![record])).collect();
    items.sort_by_key(|item| item.owed.message.id);
    let now = run.now();
    let is_late = items.iter().any(|item| append::is_late(&item.owed, now));
    if is_late {
        items = append::mark_late(items, run).await;
        if run.failed.contains(&record) {
            return (None, Vec::new());
        }
    }
    let cuttings = rest.map_or_else(Vec::new, |rest| cuttings(&items, rest, read_at, depth, run));
    if connections.is_empty() {
        return (None, cuttings);
    }
    if !is_late {
        let all: Arc<[usize]> = (0..items.len()).collect();
        let targets = connections.into_iter().map(|to| Target { to, items: Arc::clone(&all) }).collect();
        return (Some(Job { items, targets, read_at, depth }), cuttings);
    }
    match look(&items, &connections, read_at, run).await {
        Ok((targets, looked_at)) => (Some(Job { items, targets, read_at: looked_at, depth }), cuttings),
        Err(fault) => {
            tracing::warn!(source = %fault.source, "a slice could not look again; it comes again");
            run.fail(&[record]);
            (None, Vec::new())
        }
    }
}

/// What of an audience is still to be read; after a while, also whoever joined where it was read already.
fn cuttings(items: &[Item], rest: Rest, read_at: Timestamp, depth: u32, run: &Run<'_>) -> Vec<Cutting> {
    let (now, channel) = (run.now(), rest.channel.clone());
    let has_moved = now.since(read_at) > MOVED_AFTER;
    let own = Cutting {
        messages: items.iter().map(|item| item.owed.clone()).collect(),
        records: items.iter().flat_map(|item| item.records.clone()).collect(),
        remainder: Remainder { members: Vec::new(), rest: Some(rest) },
        joined_after: None,
        read_at: if has_moved { now } else { read_at },
        depth,
    };
    let since = read_at.minus(RECOVERY_OVERLAP);
    let mut cuttings = if has_moved { cut::of_newer(&channel, since, &own, run) } else { Vec::new() };
    cuttings.push(own);
    cuttings
}

/// Who is owed what now, channel by channel.
async fn look(
    items: &[Item],
    connections: &[Recipient],
    read_at: Timestamp,
    run: &Run<'_>,
) -> Result<(Vec<Target>, Timestamp), Unavailable> {
    let looked_at = run.now();
    let mut channels: BTreeMap<&ChannelName, Vec<usize>> = BTreeMap::new();
    for (index, item) in items.iter().enumerate() {
        channels.entry(&item.owed.message.channel).or_default().push(index);
    }
    let owed = Owed::new(connections, read_at);
    let mut audiences = Vec::new();
    for (channel, items) in channels {
        let pages = Pages::new(channel, run.ports.registry, run.site);
        let members = pages.all(looked_at, |member| owed.includes(member)).await?;
        let allowed = without_blocked(channel, members, run).await?;
        let recipients = allowed.iter().map(|member| owed.recipient(member)).collect();
        audiences.push((recipients, items));
    }
    Ok((targets(audiences), looked_at))
}

/// To whom a slice is owed: its connections, and the same users' that came since.
struct Owed<'a> {
    connections: BTreeMap<&'a ConnectionId, &'a Recipient>,
    users: BTreeSet<&'a UserName>,
    since: Timestamp,
}

impl<'a> Owed<'a> {
    fn new(connections: &'a [Recipient], read_at: Timestamp) -> Self {
        Self {
            connections: connections.iter().map(|to| (&to.connection, to)).collect(),
            users: connections.iter().map(|to| &to.user).collect(),
            since: read_at.minus(RECOVERY_OVERLAP),
        }
    }

    fn includes(&self, member: &Member) -> bool {
        let came_since = member.since > self.since && self.users.contains(&member.user);
        came_since || self.connections.contains_key(member.connection())
    }

    /// The member as it stands now, with the attempts that it had.
    fn recipient(&self, member: &Member) -> Recipient {
        let attempts = self.connections.get(member.connection()).map_or(0, |to| to.attempts);
        Recipient { attempts, ..member.into() }
    }
}

async fn without_blocked(
    channel: &ChannelName,
    members: Vec<Member>,
    run: &Run<'_>,
) -> Result<Vec<Member>, Unavailable> {
    let users: BTreeSet<_> = members.iter().map(|member| &member.user).collect();
    let is_blocked = |user| async move {
        let blocks = run.ports.registry.blocks(&run.site.region, user).await?;
        let is_blocked = blocks.iter().any(|block| block.bars_channel(channel, run.now()));
        Ok::<_, Unavailable>(is_blocked.then(|| user.clone()))
    };
    // Collected first: a closure over borrows that is held across an await keeps the handler from being `Send`.
    let reads: Vec<_> = users.into_iter().map(is_blocked).collect();
    let blocked: Vec<_> = stream::iter(reads).buffer_unordered(BLOCKS_CONCURRENCY).try_collect().await?;
    let blocked: BTreeSet<UserName> = blocked.into_iter().flatten().collect();
    Ok(members.into_iter().filter(|member| !blocked.contains(&member.user)).collect())
}
