//! Joins and leaves told to the members of a channel in this region: one frame a channel, to at most
//! 200 over all regions.
//!
//! Best effort: presence is outside recovery, so a frame that is not taken is not owed.

use std::collections::BTreeMap;

use futures::stream::{self, StreamExt};

use super::audience::Pages;
use super::{Run, gone};
use crate::envelope::{PresenceChange, PresenceEvent};
use crate::limits::{HANDSHAKE_MAX, PRESENCE_AUDIENCE_MAX};
use crate::member::{Member, Partition};
use crate::names::ChannelName;
use crate::ports::{PostError, Unavailable};
use crate::protocol::{Frame, presence_frame};

/// Posts at the same time.
const CONCURRENCY: usize = 64;

/// Tells the changes; a channel whose audience cannot be read fails its records.
pub(super) async fn tell(changes: Vec<(usize, PresenceChange)>, run: &mut Run<'_>) {
    let mut channels: BTreeMap<ChannelName, (Vec<usize>, Vec<PresenceEvent>)> = BTreeMap::new();
    for (record, change) in changes {
        let (records, events) = channels.entry(change.channel).or_default();
        records.push(record);
        events.extend(change.events);
    }
    for (channel, (records, events)) in channels {
        match audience(&channel, run).await {
            Ok(members) => {
                let frame = presence_frame(&PresenceChange { channel, events });
                post(&members, &Frame::from(frame), run).await;
            }
            Err(fault) => {
                tracing::warn!(source = %fault.source, "presence was not told; it comes again");
                run.fail(&records);
            }
        }
    }
}

async fn audience(channel: &ChannelName, run: &Run<'_>) -> Result<Vec<Member>, Unavailable> {
    let allotment = allotment(channel, run).await?;
    let mut pages = Pages::new(channel, run.ports.registry, run.site);
    let mut members = Vec::new();
    while members.len() < allotment
        && let Some(page) = pages.next(run.now()).await?
    {
        members.extend(page);
    }
    members.truncate(allotment);
    Ok(members)
}

/// How many members of this region are told: 200 in all, the regions that stand first in the configuration
/// first. The others' members are counted in the local replica, as far as it matters.
async fn allotment(channel: &ChannelName, run: &Run<'_>) -> Result<usize, Unavailable> {
    let config = &run.site.config;
    let mut left = PRESENCE_AUDIENCE_MAX;
    for region in config.regions.iter().take_while(|region| **region != run.site.region) {
        for shard in 0..config.namespace(channel).shards_read {
            let partition = Partition { channel: channel.clone(), region: region.clone(), shard };
            left = left.saturating_sub(count(&partition, left, run).await?);
        }
    }
    Ok(left)
}

/// The members of a partition of any region; more than `enough` need not be counted.
async fn count(partition: &Partition, enough: usize, run: &Run<'_>) -> Result<usize, Unavailable> {
    let (mut counted, mut after) = (0, None);
    while counted < enough {
        let page = run.ports.registry.presence(partition, after.as_ref()).await?;
        counted += page.members.iter().filter(|member| !member.is_expired(run.now())).count();
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    Ok(counted)
}

/// Posts to all of them; who is found gone is closed and forgotten, as after any other post.
async fn post(members: &[Member], frame: &Frame, run: &mut Run<'_>) {
    let gateway = run.ports.gateway;
    let posts = members.iter().map(|member| async move {
        let answer = gateway.post(member.connection(), frame).await;
        (member, answer)
    });
    // Collected first: a closure over borrows that is held across an await keeps the handler from being `Send`.
    let posts: Vec<_> = posts.collect();
    let answers: Vec<_> = stream::iter(posts).buffer_unordered(CONCURRENCY).collect().await;
    for (member, answer) in answers {
        match answer {
            Ok(()) => {
                run.counts.posts += 1;
                run.counts.presence_posts += 1;
                run.counts.bytes += frame.text().len() as u64;
            }
            Err(PostError::Gone) if run.now().since(member.since) >= HANDSHAKE_MAX => {
                run.counts.gone += 1;
                if let Err(fault) = gone::close(&member.into(), run).await {
                    tracing::debug!(connection = %member.connection(), %fault, "a gone member stays for now");
                }
            }
            Err(fault) => tracing::debug!(connection = %member.connection(), %fault, "presence was not told"),
        }
    }
}
