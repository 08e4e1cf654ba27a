//! An operator's order to put a user out, carried out on this region's own connections.
//!
//! The block is written before anybody is looked for, and `connect` and `subscribe` read blocks after their
//! put: so whoever comes meanwhile is seen by one side or the other.

use std::collections::BTreeSet;

use super::audience::Pages;
use super::{Run, gone};
use crate::disconnect::tell_leaves;
use crate::envelope::{PutOut, Recipient};
use crate::ids::ConnectionId;
use crate::limits::HANDSHAKE_MAX;
use crate::member::{Block, Member, MemberKey, Partition, shard_of};
use crate::names::ChannelName;
use crate::ports::{PostError, Unavailable};
use crate::protocol::{Bye, unsubscribed_frame};
use crate::time::Timestamp;

/// Whom to put out, and when SNS took the order.
pub(super) struct Order {
    pub(super) control: PutOut,
    pub(super) at: Timestamp,
}

/// Carries out one order; if anything of it is not certain, its record comes again.
pub(super) async fn carry_out(record: usize, order: &Order, run: &mut Run<'_>) {
    let done = match &order.control.channel {
        None => disconnect(order, run).await,
        Some(channel) => unsubscribe(channel, order, run).await,
    };
    match done {
        Ok(true) => {}
        Ok(false) => run.fail(&[record]),
        Err(fault) => {
            tracing::warn!(source = %fault.source, "a control message was not carried out; it comes again");
            run.fail(&[record]);
        }
    }
}

/// Closes all of the user's connections; `false` if one could not be closed for certain.
async fn disconnect(order: &Order, run: &Run<'_>) -> Result<bool, Unavailable> {
    block(order, run).await?;
    let mut certain = true;
    for member in connections(order, run).await? {
        certain &= kick(&Recipient::from(&member), run).await;
    }
    Ok(certain)
}

async fn kick(to: &Recipient, run: &Run<'_>) -> bool {
    let said = gone::say_bye(to, Bye::Kicked, run).await;
    let is_young = run.now().since(to.since) < HANDSHAKE_MAX;
    if matches!(said, Err(PostError::Gone)) && is_young {
        // Its handshake may still be pending: closing it now would close nothing.
        return false;
    }
    match gone::close(to, run).await {
        Ok(()) => {
            tracing::info!(connection = %to.connection, user = %to.user, "closed: kicked");
            true
        }
        Err(fault) => {
            tracing::warn!(connection = %to.connection, %fault, "a kicked connection could not be closed");
            false
        }
    }
}

/// Takes the channel away from all of the user's connections; `false` if one could not be told or closed.
async fn unsubscribe(channel: &ChannelName, order: &Order, run: &Run<'_>) -> Result<bool, Unavailable> {
    block(order, run).await?;
    let mut certain = true;
    for connection in connections(order, run).await? {
        for key in rows(channel, connection.connection(), run) {
            certain &= evict(&key, &Recipient::from(&connection), order, run).await?;
        }
    }
    Ok(certain)
}

/// Where the connection's rows in the channel may stand, wherever a number of shards has put them.
fn rows(channel: &ChannelName, connection: &ConnectionId, run: &Run<'_>) -> Vec<MemberKey> {
    let shards_read = run.site.config.namespace(channel).shards_read;
    let shards: BTreeSet<_> = (1..=shards_read).map(|shards| shard_of(connection, shards)).collect();
    let partition = |shard| Partition { channel: channel.clone(), region: run.site.region.clone(), shard };
    let key = |shard| MemberKey { partition: partition(shard), connection: connection.clone() };
    shards.into_iter().map(key).collect()
}

/// Tells the client, then deletes its row: whatever dies in between, the order comes again and finds the row.
/// The other way round, a client that was never told would go on believing that it is a member.
async fn evict(key: &MemberKey, to: &Recipient, order: &Order, run: &Run<'_>) -> Result<bool, Unavailable> {
    let Some(row) = run.ports.registry.get(key).await?.filter(|row| is_meant(row, order)) else {
        return Ok(true);
    };
    if !tell_evicted(&key.partition.channel, to, run).await {
        return Ok(false);
    }
    let Some(deleted) = run.ports.registry.delete(key).await? else { return Ok(true) };
    let came_back = deleted.since != row.since;
    if let Err(fault) = tell_leaves(&[deleted], run.ports.bus, run.site).await {
        tracing::warn!(source = %fault.source, "a leave was not told");
    }
    // It subscribed again as soon as it was told: its new row is gone, and only a new connection tells it so.
    Ok(!came_back || gone::close(to, run).await.is_ok())
}

/// A client that cannot be told is closed, so that it comes back and learns it. A 410 is no telling: the
/// connection may be alive all the same.
async fn tell_evicted(channel: &ChannelName, to: &Recipient, run: &Run<'_>) -> bool {
    let frame = unsubscribed_frame(channel);
    match run.ports.gateway.post(&to.connection, &frame.into()).await {
        Ok(()) => true,
        Err(_not_told) => gone::close(to, run).await.is_ok(),
    }
}

async fn block(order: &Order, run: &Run<'_>) -> Result<(), Unavailable> {
    let Some(until) = order.control.until else { return Ok(()) };
    let (user, channel) = (order.control.user.clone(), order.control.channel.clone());
    let block = Block { user, channel, until, at: order.at };
    run.ports.registry.put_block(&run.site.region, &block).await
}

/// The user's connections in this region. Without a block he may come back at once, so an order that comes
/// again leaves alone whoever came after it was given.
async fn connections(order: &Order, run: &Run<'_>) -> Result<Vec<Member>, Unavailable> {
    let personal = ChannelName::personal(&order.control.user);
    let is_meant = |member: &Member| is_meant(member, order);
    Pages::new(&personal, run.ports.registry, run.site).all(run.now(), is_meant).await
}

fn is_meant(member: &Member, order: &Order) -> bool {
    order.control.until.is_some() || member.since <= order.at
}
