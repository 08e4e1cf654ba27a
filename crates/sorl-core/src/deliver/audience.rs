//! Who is in a channel, in this region: strongly consistent, all shards, page by page.
//!
//! Shards and channels are read side by side. What one invocation posts to itself is bounded: once a channel has
//! that many members, whatever was read beyond them, and where to go on, is left to `cut`, so that posting starts
//! with the first pages and a mass audience is never held in memory.

use std::collections::{BTreeMap, VecDeque};

use futures::stream::{FuturesUnordered, StreamExt};

use super::Run;
use super::cut::Remainder;
use super::job::Job;
use crate::config::Site;
use crate::envelope::{Recipient, Rest};
use crate::ids::ConnectionId;
use crate::limits::PAGES_IN_FLIGHT_MAX;
use crate::member::{Member, Partition};
use crate::names::ChannelName;
use crate::ports::{Registry, Unavailable};
use crate::time::Timestamp;

/// A channel's audience, as far as this invocation posts to it.
pub(super) struct Audience {
    /// The job's items that its members are owed.
    pub(super) items: Vec<usize>,
    pub(super) members: Vec<Recipient>,
    /// What goes to slices.
    pub(super) remainders: Vec<Remainder>,
    fault: Option<Unavailable>,
}

/// Reads the audience of every channel; channels that cannot be read fail their records.
pub(super) async fn read_all(
    job: &Job,
    channels: &BTreeMap<ChannelName, Vec<usize>>,
    run: &mut Run<'_>,
) -> Vec<Audience> {
    let audiences = open(channels, run).await;
    let (read, broken): (Vec<_>, Vec<_>) =
        audiences.into_iter().partition(|audience| audience.fault.is_none());
    for Audience { items, fault, .. } in broken {
        let source = fault.map(|fault| fault.source);
        tracing::warn!(source = source.as_deref().map(tracing::field::display), "an audience was not read");
        run.fail(&job.records(&items));
    }
    read
}

/// Reads the shards of all channels, a page of each in turn, until each channel is at its end or has as many members
/// as this invocation posts to.
async fn open(channels: &BTreeMap<ChannelName, Vec<usize>>, run: &Run<'_>) -> Vec<Audience> {
    let (now, enough) = (run.now(), run.site.config.delivery.inline_max);
    let mut audiences: Vec<_> = channels.values().map(|items| Audience::of(items)).collect();
    let mut waiting: VecDeque<_> = channels
        .keys()
        .enumerate()
        .flat_map(|(at, channel)| shards(channel, run.site).map(move |rest| (at, rest)))
        .collect();
    let mut reading = FuturesUnordered::new();
    loop {
        while reading.len() < PAGES_IN_FLIGHT_MAX {
            let Some((at, rest)) = waiting.pop_front() else { break };
            let Some(audience) = audiences.get_mut(at) else { continue };
            if audience.fault.is_some() {
                continue;
            }
            if audience.members.len() >= enough {
                audience.remainders.push(Remainder { members: Vec::new(), rest: Some(rest) });
            } else {
                reading.push(async move { (at, page(&rest, now, run).await) });
            }
        }
        let Some((at, page)) = reading.next().await else { return audiences };
        let Some(audience) = audiences.get_mut(at) else { continue };
        match page {
            Ok(page) => {
                if let Some(rest) = audience.take(page, enough) {
                    waiting.push_back((at, rest));
                }
            }
            Err(fault) => audience.fault = Some(fault),
        }
    }
}

/// Members that count, and where to go on reading; nowhere at the end of their shard.
pub(super) struct Page {
    pub(super) members: Vec<Member>,
    pub(super) rest: Option<Rest>,
}

/// The next page of the rest of a shard.
pub(super) async fn page(rest: &Rest, now: Timestamp, run: &Run<'_>) -> Result<Page, Unavailable> {
    let page = run.ports.registry.audience(&partition(rest, run.site), rest.after.as_ref()).await?;
    let members = page.members.into_iter().filter(|member| !member.is_expired(now)).collect();
    Ok(Page { members, rest: page.next.map(|last| Rest { after: Some(last), ..rest.clone() }) })
}

impl Audience {
    fn of(items: &[usize]) -> Self {
        Self { items: items.to_vec(), members: Vec::new(), remainders: Vec::new(), fault: None }
    }

    /// The members that were read so far.
    pub(super) fn len(&self) -> usize {
        self.members.len() + self.remainders.iter().map(|remainder| remainder.members.len()).sum::<usize>()
    }

    /// Takes a page in; says where to go on reading, unless the rest is for slices or there is none.
    fn take(&mut self, Page { members, rest }: Page, enough: usize) -> Option<Rest> {
        let mut members = members.iter().map(Recipient::from);
        let room = enough.saturating_sub(self.members.len());
        self.members.extend(members.by_ref().take(room));
        let surplus: Vec<_> = members.collect();
        if surplus.is_empty() {
            return rest;
        }
        self.remainders.push(Remainder { members: surplus, rest });
        None
    }
}

/// A channel's shards, none of them begun.
pub(super) fn shards(channel: &ChannelName, site: &Site) -> impl Iterator<Item = Rest> {
    let channel = channel.clone();
    let count = site.config.namespace(&channel).shards_read;
    (0..count).map(move |shard| Rest { channel: channel.clone(), shard, after: None })
}

/// Where the rest of a shard stands.
pub(super) fn partition(rest: &Rest, site: &Site) -> Partition {
    Partition { channel: rest.channel.clone(), region: site.region.clone(), shard: rest.shard }
}

/// The members of a channel in this region, page by page, without the expired ones.
pub(super) struct Pages<'a> {
    registry: &'a dyn Registry,
    partitions: VecDeque<Partition>,
    after: Option<ConnectionId>,
}

impl<'a> Pages<'a> {
    /// All of a channel's members.
    pub(super) fn new(channel: &ChannelName, registry: &'a dyn Registry, site: &Site) -> Self {
        let partitions = shards(channel, site).map(|rest| partition(&rest, site)).collect();
        Self { registry, partitions, after: None }
    }

    /// Those of the rest of a shard.
    pub(super) fn of(rest: &Rest, registry: &'a dyn Registry, site: &Site) -> Self {
        Self { registry, partitions: VecDeque::from([partition(rest, site)]), after: rest.after.clone() }
    }

    /// The next page, perhaps an empty one; none at the end.
    pub(super) async fn next(&mut self, now: Timestamp) -> Result<Option<Vec<Member>>, Unavailable> {
        let Some(partition) = self.partitions.front() else { return Ok(None) };
        let page = self.registry.audience(partition, self.after.as_ref()).await?;
        self.after = page.next;
        if self.after.is_none() {
            self.partitions.pop_front();
        }
        Ok(Some(page.members.into_iter().filter(|member| !member.is_expired(now)).collect()))
    }

    /// All that are left, of those that are `wanted`.
    pub(super) async fn all(
        mut self,
        now: Timestamp,
        wanted: impl Fn(&Member) -> bool + Send,
    ) -> Result<Vec<Member>, Unavailable> {
        let mut all = Vec::new();
        while let Some(members) = self.next(now).await? {
            all.extend(members.into_iter().filter(&wanted));
        }
        Ok(all)
    }
}
