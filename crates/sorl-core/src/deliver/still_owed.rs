//! Who is owed late slices now: their connections that still are members, and the same users' that came since.
//!
//! All late slices of a batch look together, once a channel: an audience is as long as the slices that were cut from
//! it are many, and a partition of the table gives only so many reads.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use futures::stream::{self, StreamExt, TryStreamExt};

use super::Run;
use super::audience::{Pages, shards};
use super::job::{Item, Job, targets};
use crate::envelope::Recipient;
use crate::ids::ConnectionId;
use crate::limits::RECOVERY_OVERLAP;
use crate::member::Member;
use crate::names::{ChannelName, UserName};
use crate::ports::Unavailable;
use crate::time::Timestamp;

/// Shards that are read at the same time.
const SHARDS_CONCURRENCY: usize = 4;
/// Users whose blocks are read at the same time.
const BLOCKS_CONCURRENCY: usize = 16;

/// A slice that is late, its messages marked.
pub(super) struct Late {
    pub(super) record: usize,
    pub(super) items: Vec<Item>,
    pub(super) connections: Vec<Recipient>,
    /// When the audience was read.
    pub(super) read_at: Timestamp,
    pub(super) depth: u32,
}

/// The jobs of late slices; those that could not look are handed out again.
pub(super) async fn jobs(late: Vec<Late>, run: &mut Run<'_>) -> Vec<Job> {
    let looked_at = run.now();
    let mut audiences: Vec<Vec<(Vec<Recipient>, Vec<usize>)>> = late.iter().map(|_| Vec::new()).collect();
    let mut failed = BTreeSet::new();
    for (channel, slices) in by_channel(&late) {
        match look(&channel, &slices, &late, looked_at, run).await {
            Ok(found) => {
                for (slice, members) in found {
                    let items = items_of(&channel, &late, slice);
                    audiences
                        .get_mut(slice)
                        .into_iter()
                        .for_each(|all| all.push((members.clone(), items.clone())));
                }
            }
            Err(fault) => {
                tracing::warn!(source = %fault.source, "slices could not look again; they come again");
                failed.extend(slices);
            }
        }
    }
    let mut jobs = Vec::new();
    for (slice, (late, audiences)) in late.into_iter().zip(audiences).enumerate() {
        if failed.contains(&slice) {
            run.fail(&[late.record]);
        } else {
            let Late { items, depth, .. } = late;
            jobs.push(Job { items, targets: targets(audiences), read_at: looked_at, depth });
        }
    }
    jobs
}

/// The channels of all messages, and which slices have some of them.
fn by_channel(late: &[Late]) -> BTreeMap<ChannelName, BTreeSet<usize>> {
    let mut channels: BTreeMap<ChannelName, BTreeSet<usize>> = BTreeMap::new();
    for (slice, Late { items, .. }) in late.iter().enumerate() {
        for item in items {
            channels.entry(item.owed.message.channel.clone()).or_default().insert(slice);
        }
    }
    channels
}

fn items_of(channel: &ChannelName, late: &[Late], slice: usize) -> Vec<usize> {
    let items = late.get(slice).map(|late| late.items.iter()).into_iter().flatten().enumerate();
    items.filter(|(_, item)| item.owed.message.channel == *channel).map(|(index, _)| index).collect()
}

/// Who of a channel's members now is owed which of the slices.
async fn look(
    channel: &ChannelName,
    slices: &BTreeSet<usize>,
    late: &[Late],
    now: Timestamp,
    run: &Run<'_>,
) -> Result<BTreeMap<usize, Vec<Recipient>>, Unavailable> {
    let owed = Owed::new(slices, late);
    let read = |rest| {
        let owed = &owed;
        async move {
            let pages = Pages::of(&rest, run.ports.registry, run.site);
            pages.all(now, |member| !owed.slices(member).is_empty()).await
        }
    };
    // Collected first: a closure over borrows that is held across an await keeps the handler from being `Send`.
    let reads: Vec<_> = shards(channel, run.site).map(read).collect();
    let members: Vec<Vec<Member>> = stream::iter(reads).buffered(SHARDS_CONCURRENCY).try_collect().await?;
    let members = without_blocked(channel, members.into_iter().flatten().collect(), run).await?;
    let mut found: BTreeMap<usize, Vec<Recipient>> = BTreeMap::new();
    for member in &members {
        for (slice, attempts) in owed.slices(member) {
            found.entry(slice).or_default().push(Recipient { attempts, ..member.into() });
        }
    }
    Ok(found)
}

/// What members are looked for by: a slice's connections, with the attempts that they had, and its users, with the
/// time since when another connection of theirs counts.
#[derive(Default)]
struct Owed<'a> {
    connections: HashMap<&'a ConnectionId, Vec<(usize, u32)>>,
    users: HashMap<&'a UserName, Vec<(usize, Timestamp)>>,
}

impl<'a> Owed<'a> {
    fn new(slices: &BTreeSet<usize>, late: &'a [Late]) -> Self {
        let mut owed = Self::default();
        for (slice, late) in slices.iter().filter_map(|slice| Some((*slice, late.get(*slice)?))) {
            let since = late.read_at.minus(RECOVERY_OVERLAP);
            for to in &late.connections {
                owed.connections.entry(&to.connection).or_default().push((slice, to.attempts));
                owed.users.entry(&to.user).or_default().push((slice, since));
            }
        }
        owed
    }

    /// The slices that the member is owed, each once, with the attempts that it had.
    fn slices(&self, member: &Member) -> BTreeMap<usize, u32> {
        let users = self.users.get(&member.user).into_iter().flatten();
        let newer = users.filter(|(_, since)| member.since > *since).map(|(slice, _)| (*slice, 0));
        let named = self.connections.get(member.connection()).into_iter().flatten().copied();
        newer.chain(named).collect()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::member::{MemberKey, Partition};
    use crate::region::Region;

    fn member(connection: &str, since: u64) -> Member {
        let (channel, region) = (ChannelName::parse("c").unwrap(), Region::parse("r").unwrap());
        let key = MemberKey {
            partition: Partition { channel, region, shard: 0 },
            connection: ConnectionId::parse(connection).unwrap(),
        };
        let since = Timestamp::from_millis(since);
        Member { key, user: UserName::parse("u").unwrap(), since, expires_at: since }
    }

    #[test]
    fn a_users_other_connection_is_owed_a_slice_if_it_came_after_the_minute_before_the_audience_was_read() {
        let named = Recipient { attempts: 3, ..Recipient::from(&member("named", 0)) };
        let read_at = Timestamp::from_millis(100_000);
        let late = Late { record: 0, items: Vec::new(), connections: vec![named], read_at, depth: 1 };
        let late = [late];
        let owed = Owed::new(&BTreeSet::from([0]), &late);
        let attempts = |connection, since| owed.slices(&member(connection, since)).get(&0).copied();
        assert_eq!([40_000, 40_001].map(|since| attempts("other", since)), [None, Some(0)]);
        assert_eq!([0, 99_999].map(|since| attempts("named", since)), [Some(3); 2]);
    }
}
