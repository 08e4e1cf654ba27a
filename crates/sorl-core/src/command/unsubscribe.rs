//! `unsubscribe`: the connection is a member no more.

use futures::future::{try_join, try_join_all};
use serde::Serialize;

use super::Ports;
use crate::authorize::Caller;
use crate::config::Site;
use crate::disconnect::tell_leaves;
use crate::error::{ErrorCode, Refusal};
use crate::member::{Member, MemberKey};
use crate::names::ChannelName;
use crate::ports::{Registry, Unavailable};
use crate::protocol::Fields;

use super::subscribe::member_key;

#[derive(Serialize)]
pub(super) struct UnsubscribeResult {
    channel: ChannelName,
}

pub(super) async fn unsubscribe(
    fields: &Fields,
    caller: &Caller,
    ports: Ports<'_>,
    site: &Site,
) -> Result<UnsubscribeResult, Refusal> {
    let channel = fields.channel()?;
    if channel.is_personal_of(&caller.principal.user) {
        return Err(Refusal::bad_request("your personal channel lasts as long as the connection"));
    }
    let gone = remove(&channel, caller, ports.registry, site).await?;
    let now = ports.clock.now();
    let Some(member) = gone.into_iter().find(|member| !member.is_expired(now)) else {
        return Err(Refusal::new(ErrorCode::NotSubscribed, format!("{channel} is not subscribed")));
    };
    tell_leaves(&[member], ports.bus, site).await?;
    Ok(UnsubscribeResult { channel })
}

/// Deletes the member's row, and those that another number of shards left in other partitions.
///
/// By the table, not by the index: while a number of shards is rolled out, a function with the other one may have
/// written a row a moment ago, and the index lags.
async fn remove(
    channel: &ChannelName,
    caller: &Caller,
    registry: &dyn Registry,
    site: &Site,
) -> Result<Vec<Member>, Unavailable> {
    let key = member_key(channel, caller, site);
    let shards_read = site.config.namespace(channel).shards_read;
    let others = key.elsewhere(shards_read).into_iter().map(|other| delete_if_there(other, registry));
    let (own, others) = try_join(registry.delete(&key), try_join_all(others)).await?;
    Ok(own.into_iter().chain(others.into_iter().flatten()).collect())
}

/// Most often it is not, and to read costs a fifth of a delete.
async fn delete_if_there(key: MemberKey, registry: &dyn Registry) -> Result<Option<Member>, Unavailable> {
    match registry.get(&key).await? {
        Some(_) => registry.delete(&key).await,
        None => Ok(None),
    }
}
