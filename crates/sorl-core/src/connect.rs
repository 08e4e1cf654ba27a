//! `connect`: a connection becomes a member of its user's personal channel; that row is the connection record.
//!
//! Blocks are read after the put, strongly consistent, so that a block written meanwhile is seen by one side:
//! either here, or by whoever wrote it and then looks for connections to close. The user's connections are counted
//! after the put as well, so that of several that are opened at once in a region no more than the bound stay.

use std::iter::once;

use futures::future::{try_join, try_join_all};

use crate::authorize::Caller;
use crate::config::Site;
use crate::member::{Member, MemberKey, Partition, shard_of};
use crate::names::ChannelName;
use crate::ports::{Clock, Registry, Unavailable};
use crate::time::Timestamp;

/// Why a connection is refused.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The user is blocked: 401.
    #[error("the user is blocked")]
    Blocked,
    /// The user has as many connections as one may have: 429.
    #[error("the user has too many connections")]
    Crowded,
    /// A dependency failed: 5xx.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Records the connection, or refuses it.
///
/// # Errors
/// [`ConnectError`]; the row is taken back then, or expires.
pub async fn connect(
    caller: &Caller,
    registry: &dyn Registry,
    clock: &dyn Clock,
    site: &Site,
) -> Result<(), ConnectError> {
    let now = clock.now();
    let record = connection_record(caller, site, now);
    registry.put(&record).await?;
    let blocked = refuse_blocked(caller, registry, clock, site);
    let crowded = refuse_crowded(caller, registry, site, now);
    match try_join(blocked, crowded).await {
        Ok(((), ())) => Ok(()),
        Err(refusal) => {
            // Expired at once instead of deleted: this handler has no right to delete.
            let taken_back = Member { expires_at: now, ..record };
            if let Err(fault) = registry.put(&taken_back).await {
                tracing::warn!(source = %fault.source, "the row of a refused connection stays until it expires");
            }
            Err(refusal)
        }
    }
}

async fn refuse_blocked(
    caller: &Caller,
    registry: &dyn Registry,
    clock: &dyn Clock,
    site: &Site,
) -> Result<(), ConnectError> {
    let blocks = registry.blocks(&site.region, &caller.principal.user).await?;
    let now = clock.now();
    if blocks.iter().any(|block| block.bars_service(now)) { Err(ConnectError::Blocked) } else { Ok(()) }
}

/// Refuses one connection more than the bound. Those of the own region are all seen; those of the others as far as
/// the replica here has them, and so is whoever vanished without a word and was not found gone yet.
async fn refuse_crowded(
    caller: &Caller,
    registry: &dyn Registry,
    site: &Site,
    now: Timestamp,
) -> Result<(), ConnectError> {
    let Some(max) = site.config.bounds.connections else { return Ok(()) };
    let places = partitions(caller, site);
    let counts = places.iter().map(|partition| count(partition, caller, registry, now, max));
    let others: usize = try_join_all(counts).await?.into_iter().sum();
    if others < max { Ok(()) } else { Err(ConnectError::Crowded) }
}

/// Where connection records of the caller's user may stand.
fn partitions(caller: &Caller, site: &Site) -> Vec<Partition> {
    let channel = ChannelName::personal(&caller.principal.user);
    let shards = site.config.namespace(&channel).shards_read;
    let regions = site.config.regions.iter();
    let places = regions.flat_map(|region| (0..shards).map(move |shard| (region.clone(), shard)));
    places.map(|(region, shard)| Partition { channel: channel.clone(), region, shard }).collect()
}

/// The other connections in a partition; no further than to `max`.
async fn count(
    partition: &Partition,
    caller: &Caller,
    registry: &dyn Registry,
    now: Timestamp,
    max: usize,
) -> Result<usize, Unavailable> {
    let (mut count, mut after) = (0, None);
    loop {
        let page = if partition.region == caller.region {
            registry.audience(partition, after.as_ref()).await?
        } else {
            registry.presence(partition, after.as_ref()).await?
        };
        let is_other =
            |member: &&Member| *member.connection() != caller.connection && !member.is_expired(now);
        count += page.members.iter().filter(is_other).count();
        match page.next {
            Some(_) if count >= max => return Ok(count),
            None => return Ok(count),
            next => after = next,
        }
    }
}

fn connection_record(caller: &Caller, site: &Site, now: Timestamp) -> Member {
    Member {
        key: connection_key(caller, site),
        user: caller.principal.user.clone(),
        since: now,
        expires_at: caller.expires_at(),
    }
}

/// Where the connection record may stand: today's key first, then where it was written if the number of shards has
/// changed since.
pub(crate) fn connection_keys(caller: &Caller, site: &Site) -> Vec<MemberKey> {
    let today = connection_key(caller, site);
    let others = today.elsewhere(site.config.namespace(&today.partition.channel).shards_read);
    once(today).chain(others).collect()
}

/// The key of the connection record as it is written today: the row in the user's personal channel.
fn connection_key(caller: &Caller, site: &Site) -> MemberKey {
    let channel = ChannelName::personal(&caller.principal.user);
    let shard = shard_of(&caller.connection, site.config.namespace(&channel).shards);
    MemberKey {
        partition: Partition { channel, region: site.region.clone(), shard },
        connection: caller.connection.clone(),
    }
}
