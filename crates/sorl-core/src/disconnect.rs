//! `disconnect`: a connection is forgotten in all its channels, and its leaves are told.
//!
//! API Gateway calls it at best once. What it misses (rows that the index does not show yet, a call that never
//! came) goes at the first failed post or at expiry.

use crate::authorize::Caller;
use crate::config::Site;
use crate::connect::connection_keys;
use crate::envelope::{PresenceChange, PresenceEvent, PresenceKind, Relayed};
use crate::ids::ConnectionId;
use crate::member::Member;
use crate::ports::{Bus, Registry, Unavailable};

/// Forgets the connection.
///
/// # Errors
/// [`Unavailable`] if a row may still stand or a leave was not told; nothing more can be done about it here.
pub async fn disconnect(
    caller: &Caller,
    registry: &dyn Registry,
    bus: &dyn Bus,
    site: &Site,
) -> Result<(), Unavailable> {
    // The connection record first: a `subscribe` that is under way looks for it after its own put.
    for key in connection_keys(caller, site) {
        registry.delete(&key).await?;
    }
    forget(&caller.connection, registry, bus, site).await
}

/// Deletes every row of a connection and tells the leaves of those that stood.
pub(crate) async fn forget(
    connection: &ConnectionId,
    registry: &dyn Registry,
    bus: &dyn Bus,
    site: &Site,
) -> Result<(), Unavailable> {
    let mut gone = Vec::new();
    let mut failed = None;
    for key in registry.rows_of(&site.region, connection).await? {
        match registry.delete(&key).await {
            Ok(row) => gone.extend(row),
            Err(fault) => failed = Some(fault),
        }
    }
    tell_leaves(&gone, bus, site).await?;
    failed.map_or(Ok(()), Err)
}

/// Tells that these rows are gone, where the namespace wants it told.
pub(crate) async fn tell_leaves(gone: &[Member], bus: &dyn Bus, site: &Site) -> Result<(), Unavailable> {
    let leaves: Vec<_> =
        gone.iter().filter_map(|member| presence_change(member, PresenceKind::Leave, site)).collect();
    if leaves.is_empty() {
        return Ok(());
    }
    bus.publish(&leaves).await.map_err(|partial| partial.source)
}

/// The change to tell when a row came or went; none where the namespace does not want it told.
pub(crate) fn presence_change(member: &Member, event: PresenceKind, site: &Site) -> Option<Relayed> {
    let channel = member.key.partition.channel.clone();
    if !site.config.namespace(&channel).join_leave {
        return None;
    }
    let event = PresenceEvent { event, user: member.user.clone(), region: site.region.clone() };
    Some(Relayed::Presence(PresenceChange { channel, events: vec![event] }))
}
