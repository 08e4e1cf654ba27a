//! Joins and leaves told to the members of a channel in this region: one frame a channel, to at most 200.
//!
//! Best effort: presence is outside recovery, so a frame that is not taken is not owed.

use std::collections::BTreeMap;

use bytes::Bytes;
use futures::stream::{self, StreamExt};

use super::Run;
use super::audience::Pages;
use crate::envelope::{PresenceChange, PresenceEvent};
use crate::limits::PRESENCE_AUDIENCE_MAX;
use crate::member::Member;
use crate::names::ChannelName;
use crate::ports::Unavailable;
use crate::protocol::presence_frame;

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
                post(&members, &Bytes::from(frame), run).await;
            }
            Err(fault) => {
                tracing::warn!(source = %fault.source, "presence was not told; it comes again");
                run.fail(&records);
            }
        }
    }
}

async fn audience(channel: &ChannelName, run: &Run<'_>) -> Result<Vec<Member>, Unavailable> {
    let mut pages = Pages::new(channel, run.ports.registry, run.site);
    let mut members = Vec::new();
    while members.len() < PRESENCE_AUDIENCE_MAX
        && let Some(page) = pages.next(run.now()).await?
    {
        members.extend(page);
    }
    members.truncate(PRESENCE_AUDIENCE_MAX);
    Ok(members)
}

async fn post(members: &[Member], frame: &Bytes, run: &mut Run<'_>) {
    let gateway = run.ports.gateway;
    // Collected first: a closure over borrows that is held across an await keeps the handler from being `Send`.
    let posts: Vec<_> =
        members.iter().map(|member| gateway.post(member.connection(), frame.clone())).collect();
    let taken = stream::iter(posts)
        .buffer_unordered(CONCURRENCY)
        .filter(|post| std::future::ready(post.is_ok()))
        .count()
        .await;
    run.counts.posts += taken as u64;
    run.counts.bytes += (taken * frame.len()) as u64;
}
