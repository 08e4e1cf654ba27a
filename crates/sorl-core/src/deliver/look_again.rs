//! A slice begins: late or not, what it is owed is a job again.
//!
//! A late slice (more than 15 s after one of its messages) first writes a late mark, then looks again who is
//! still a member: who joined before that look gets the messages live, who comes later finds the mark.

use std::collections::{BTreeMap, BTreeSet};

use super::audience::Pages;
use super::job::{Item, Job, Target, targets};
use super::{Run, append};
use crate::envelope::{Recipient, Slice};
use crate::ids::ConnectionId;
use crate::limits::RECOVERY_OVERLAP;
use crate::member::Member;
use crate::names::{ChannelName, UserName};
use crate::ports::Unavailable;
use crate::time::Timestamp;

/// The job of a slice; none if it failed (the queue hands it out again) or nobody is left.
pub(super) async fn resume(record: usize, slice: Slice, run: &mut Run<'_>) -> Option<Job> {
    let Slice { messages, connections, read_at, depth, .. } = slice;
    let mut items: Vec<_> = messages.into_iter().map(|owed| Item { owed, records: vec![record] }).collect();
    items.sort_by_key(|item| item.owed.message.id);
    let now = run.now();
    if !items.iter().any(|item| append::is_late(&item.owed, now)) {
        let all: Vec<_> = (0..items.len()).collect();
        let targets = connections.into_iter().map(|to| Target { to, items: all.clone() }).collect();
        return Some(Job { items, targets, read_at, depth });
    }
    let items = append::mark_late(items, run).await;
    if run.failed.contains(&record) {
        return None;
    }
    match look(&items, &connections, read_at, run).await {
        Ok((targets, looked_at)) => Some(Job { items, targets, read_at: looked_at, depth }),
        Err(fault) => {
            tracing::warn!(source = %fault.source, "a slice could not look again; it comes again");
            run.fail(&[record]);
            None
        }
    }
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
    let users: BTreeSet<_> = members.iter().map(|member| member.user.clone()).collect();
    let mut blocked = BTreeSet::new();
    for user in users {
        let blocks = run.ports.registry.blocks(&run.site.region, &user).await?;
        if blocks.iter().any(|block| block.bars_channel(channel, run.now())) {
            blocked.insert(user);
        }
    }
    Ok(members.into_iter().filter(|member| !blocked.contains(&member.user)).collect())
}
