//! `connect`: a connection becomes a member of its user's personal channel; that row is the connection record.
//!
//! Blocks are read after the put, strongly consistent, so that a block written meanwhile is seen by one side:
//! either here, or by whoever wrote it and then looks for connections to close.

use crate::authorize::Caller;
use crate::config::Site;
use crate::member::{Member, MemberKey, Partition, shard_of};
use crate::names::ChannelName;
use crate::ports::{Clock, Registry, Unavailable};

/// Why a connection is refused.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The user is blocked: 401.
    #[error("the user is blocked")]
    Blocked,
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
    match refuse_blocked(caller, registry, clock, site).await {
        Ok(()) => Ok(()),
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

fn connection_record(caller: &Caller, site: &Site, now: crate::time::Timestamp) -> Member {
    Member {
        key: connection_key(caller, site),
        user: caller.principal.user.clone(),
        since: now,
        expires_at: caller.expires_at(),
    }
}

/// The key of the connection record: the row in the user's personal channel.
pub(crate) fn connection_key(caller: &Caller, site: &Site) -> MemberKey {
    let channel = ChannelName::personal(&caller.principal.user);
    let shard = shard_of(&caller.connection, site.config.namespace(&channel).shards);
    MemberKey {
        partition: Partition { channel, region: site.region.clone(), shard },
        connection: caller.connection.clone(),
    }
}
