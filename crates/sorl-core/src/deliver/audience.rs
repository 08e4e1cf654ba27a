//! Who is in a channel, in this region: all shards, all pages, strongly consistent, each connection once.
//!
//! A mass audience is not held in memory: the pages beyond what one invocation posts to go to slices as they
//! are read.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use futures::stream::{self, StreamExt};

use super::Run;
use super::job::Job;
use crate::config::Site;
use crate::envelope::Recipient;
use crate::ids::ConnectionId;
use crate::limits::{AUDIENCE_INLINE_MAX, SLICE_CONNECTIONS_MAX};
use crate::member::{Member, Partition};
use crate::names::ChannelName;
use crate::ports::{Partial, Queue, Registry, Unavailable};
use crate::time::Timestamp;

use super::settle::{self, Still};

/// Channels whose audiences are read at the same time.
const CONCURRENCY: usize = 16;

/// Reads the audience of every channel; channels that cannot be read fail their records.
pub(super) async fn read_all(
    job: &Job,
    channels: &BTreeMap<ChannelName, Vec<usize>>,
    run: &mut Run<'_>,
) -> Vec<(Vec<Recipient>, Vec<usize>)> {
    let (registry, site, now) = (run.ports.registry, run.site, run.now());
    let queue = run.ports.queue;
    let reads = channels.iter().map(|(channel, items)| async move {
        let mut overflow = Overflow { job, items, pending: Vec::new(), sent: 0, queue };
        let read = read(channel, &mut overflow, registry, site, now).await;
        (items, read, overflow.sent)
    });
    // Collected first: a closure over borrows that is held across an await keeps the handler from being `Send`.
    let reads: Vec<_> = reads.collect();
    let read: Vec<_> = stream::iter(reads).buffer_unordered(CONCURRENCY).collect().await;
    let mut audiences = Vec::with_capacity(read.len());
    for (items, result, sent) in read {
        run.counts.slices += sent;
        match result {
            Ok(inline) => audiences.push((inline, items.clone())),
            Err(fault) => {
                tracing::warn!(source = %fault.source, "an audience could not be read or sliced");
                run.fail(&job.records(items));
            }
        }
    }
    audiences
}

/// Where the members beyond the inline ones go.
struct Overflow<'a> {
    job: &'a Job,
    items: &'a [usize],
    pending: Vec<Recipient>,
    sent: u64,
    queue: &'a dyn Queue,
}

impl Overflow<'_> {
    async fn push(&mut self, recipient: Recipient) -> Result<(), Unavailable> {
        self.pending.push(recipient);
        if self.pending.len() < SLICE_CONNECTIONS_MAX { Ok(()) } else { self.flush().await }
    }

    async fn flush(&mut self) -> Result<(), Unavailable> {
        let connections = std::mem::take(&mut self.pending);
        if connections.is_empty() {
            return Ok(());
        }
        let still = Still { items: self.items.to_vec(), connections, delay: std::time::Duration::ZERO };
        let slices = settle::slices(self.job, still);
        self.queue.send(&slices).await.map_err(|partial: Partial| partial.source)?;
        self.sent += slices.len() as u64;
        Ok(())
    }
}

async fn read(
    channel: &ChannelName,
    overflow: &mut Overflow<'_>,
    registry: &dyn Registry,
    site: &Site,
    now: Timestamp,
) -> Result<Vec<Recipient>, Unavailable> {
    let mut inline: Vec<Recipient> = Vec::new();
    let mut seen: BTreeSet<ConnectionId> = BTreeSet::new();
    let is_sharded = site.config.namespace(channel).shards_read > 1;
    let mut pages = Pages::new(channel, registry, site);
    while let Some(members) = pages.next(now).await? {
        for member in &members {
            // While the number of shards changes, a connection may stand in two partitions.
            if is_sharded && !seen.insert(member.connection().clone()) {
                continue;
            }
            if inline.len() < AUDIENCE_INLINE_MAX {
                inline.push(member.into());
            } else {
                overflow.push(member.into()).await?;
            }
        }
    }
    overflow.flush().await?;
    Ok(inline)
}

/// The members of a channel in this region, page by page, without the expired ones.
pub(super) struct Pages<'a> {
    registry: &'a dyn Registry,
    partitions: VecDeque<Partition>,
    after: Option<ConnectionId>,
}

impl<'a> Pages<'a> {
    pub(super) fn new(channel: &ChannelName, registry: &'a dyn Registry, site: &Site) -> Self {
        let shards = site.config.namespace(channel).shards_read;
        let partition = |shard| Partition { channel: channel.clone(), region: site.region.clone(), shard };
        Self { registry, partitions: (0..shards).map(partition).collect(), after: None }
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
