//! `subscribe`: the connection becomes a member, and only then the log is read.
//!
//! That order is the promise: `deliver` writes the log before it reads the audience, so every message is
//! either posted to this member or stands in this answer.

use std::collections::BTreeSet;

use futures::future::try_join;

use super::page::{Page, latest};
use super::recovery::recover;
use super::{Ports, no_grant, refuse_blocked, rights_on};
use crate::authorize::Caller;
use crate::config::Site;
use crate::connect::connection_keys;
use crate::disconnect::{presence_change, tell_leaves};
use crate::envelope::PresenceKind;
use crate::error::{ErrorCode, Refusal};
use crate::grants::{Right, Rights};
use crate::ids::MessageId;
use crate::limits::REWIND_MAX;
use crate::member::{Member, MemberKey, Partition, shard_of};
use crate::names::ChannelName;
use crate::protocol::{Fields, SubscribeResult};
use crate::region::Region;

struct Wanted {
    channel: ChannelName,
    since: Option<MessageId>,
    region: Option<Region>,
    rewind: Option<u32>,
}

impl Wanted {
    fn parse(fields: &Fields) -> Result<Self, Refusal> {
        let wanted = Self {
            channel: fields.channel()?,
            since: fields.cursor("since")?,
            region: fields.region("region")?,
            rewind: fields.count("rewind", 0..=REWIND_MAX)?,
        };
        if wanted.since.is_some() && wanted.rewind.is_some() {
            return Err(Refusal::bad_request("since and rewind exclude each other"));
        }
        Ok(wanted)
    }

    fn check(&self, rights: Rights) -> Result<(), Refusal> {
        if !rights.has(Right::Subscribe) {
            return Err(no_grant("subscribe", &self.channel));
        }
        if self.rewind.is_some() && !rights.has(Right::History) {
            return Err(no_grant("read the history", &self.channel));
        }
        Ok(())
    }
}

pub(super) async fn subscribe(
    fields: &Fields,
    caller: &Caller,
    ports: Ports<'_>,
    site: &Site,
) -> Result<SubscribeResult, Refusal> {
    let wanted = Wanted::parse(fields)?;
    let rights = rights_on(caller, site, &wanted.channel);
    wanted.check(rights)?;
    if wanted.channel.is_personal_of(&caller.principal.user) {
        // A member since `$connect`; a second put could bring back what a disconnect deleted.
        check_connection_stands(caller, ports, site).await?;
        refuse_blocked(caller, &wanted.channel, ports, site).await?;
        return answer(wanted, rights, ports, site).await;
    }
    // Looked at before the put as well: a refusal after it can take the row back only if the registry lets it.
    let blocked = refuse_blocked(caller, &wanted.channel, ports, site);
    try_join(blocked, refuse_crowded(caller, &wanted.channel, ports, site)).await?;
    let (member, replaced) = join(&wanted.channel, caller, ports, site).await?;
    let finished = finish(wanted, rights, &member, replaced.is_none(), ports, site).await;
    if finished.is_err() && replaced.is_none() {
        // A client that got an error is no member; a retry then joins, and says so, anew.
        take_back(&member, None, ports, site).await;
    }
    finished
}

/// Refuses one channel more than the bound; those that the connection is in may be subscribed again.
///
/// By the index, which lags: of several subscribed at once some more may pass, and a channel that was left a moment ago
/// may still count. So the bound is one of costs, and not a right.
async fn refuse_crowded(
    caller: &Caller,
    channel: &ChannelName,
    ports: Ports<'_>,
    site: &Site,
) -> Result<(), Refusal> {
    let Some(max) = site.config.bounds.channels else { return Ok(()) };
    let rows = ports.registry.rows_of(&site.region, &caller.connection).await?;
    let channels = rows.iter().map(|row| &row.partition.channel);
    let others: BTreeSet<_> =
        channels.filter(|channel| !channel.is_personal_of(&caller.principal.user)).collect();
    if others.len() < max || others.contains(channel) {
        return Ok(());
    }
    let explanation = format!("a connection is in at most {max} channels; unsubscribe from one first");
    Err(Refusal::bad_request(explanation))
}

async fn finish(
    wanted: Wanted,
    rights: Rights,
    member: &Member,
    is_new: bool,
    ports: Ports<'_>,
    site: &Site,
) -> Result<SubscribeResult, Refusal> {
    let result = answer(wanted, rights, ports, site).await?;
    if is_new {
        let joined = presence_change(member, PresenceKind::Join, site);
        if let Some(change) = joined {
            ports.bus.publish(&[change]).await.map_err(|partial| Refusal::from(partial.source))?;
        }
    }
    Ok(result)
}

/// Puts the member, then looks whether a disconnect or a block overtook it. Returns the row that it replaced.
async fn join(
    channel: &ChannelName,
    caller: &Caller,
    ports: Ports<'_>,
    site: &Site,
) -> Result<(Member, Option<Member>), Refusal> {
    let now = ports.clock.now();
    let member = Member {
        key: member_key(channel, caller, site),
        user: caller.principal.user.clone(),
        since: now,
        expires_at: caller.expires_at(),
    };
    let replaced = ports.registry.put(&member).await?.filter(|row| !row.is_expired(now));
    let allowed = async {
        check_connection_stands(caller, ports, site).await?;
        refuse_blocked(caller, channel, ports, site).await
    };
    if let Err(refusal) = allowed.await {
        take_back(&member, replaced, ports, site).await;
        return Err(refusal);
    }
    Ok((member, replaced))
}

async fn check_connection_stands(caller: &Caller, ports: Ports<'_>, site: &Site) -> Result<(), Refusal> {
    for key in connection_keys(caller, site) {
        let record = ports.registry.get(&key).await?;
        let now = ports.clock.now();
        if record.is_some_and(|record| !record.is_expired(now)) {
            return Ok(());
        }
    }
    Err(Refusal::new(ErrorCode::Unavailable, "the connection is closing; connect again"))
}

/// Deletes the row again; the leave is told if the row had been there before, and so its join.
async fn take_back(member: &Member, replaced: Option<Member>, ports: Ports<'_>, site: &Site) {
    if let Err(fault) = ports.registry.delete(&member.key).await {
        tracing::warn!(source = %fault.source, "the row of a refused subscribe stays until it expires");
    }
    if let Some(replaced) = replaced
        && let Err(fault) = tell_leaves(&[replaced], ports.bus, site).await
    {
        tracing::warn!(source = %fault.source, "a leave was not told");
    }
}

async fn answer(
    wanted: Wanted,
    rights: Rights,
    ports: Ports<'_>,
    site: &Site,
) -> Result<SubscribeResult, Refusal> {
    let now = ports.clock.now();
    let Wanted { channel, since, region, rewind } = wanted;
    let (page, recovered) = match (since, rewind) {
        (Some(since), _) => recover(&channel, since, region.as_ref(), rights, ports, site).await?,
        (None, Some(rewind)) => (latest(&channel, rewind, ports.log, site, now).await?.without_more(), true),
        (None, None) => (Page::default(), true),
    };
    let cursor = page
        .messages
        .last()
        .map(|message| message.id)
        .or(since.filter(|_| recovered))
        .unwrap_or_else(|| MessageId::floor(now));
    let Page { messages, more } = page;
    Ok(SubscribeResult { channel, messages, recovered, more, cursor, region: site.region.clone() })
}

/// Where the caller's row in `channel` is written.
pub(super) fn member_key(channel: &ChannelName, caller: &Caller, site: &Site) -> MemberKey {
    let shard = shard_of(&caller.connection, site.config.namespace(channel).shards);
    MemberKey {
        partition: Partition { channel: channel.clone(), region: site.region.clone(), shard },
        connection: caller.connection.clone(),
    }
}
