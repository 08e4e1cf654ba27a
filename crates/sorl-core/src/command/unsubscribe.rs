//! `unsubscribe`: the connection is a member no more.

use serde::Serialize;

use super::Ports;
use crate::authorize::Caller;
use crate::config::Site;
use crate::disconnect::tell_leaves;
use crate::error::{ErrorCode, Refusal};
use crate::member::Member;
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

/// Deletes the member's row, and those that an earlier number of shards left in other partitions.
async fn remove(
    channel: &ChannelName,
    caller: &Caller,
    registry: &dyn Registry,
    site: &Site,
) -> Result<Vec<Member>, Unavailable> {
    let key = member_key(channel, caller, site);
    let mut gone: Vec<_> = registry.delete(&key).await?.into_iter().collect();
    if site.config.namespace(channel).shards_read > 1 {
        // The index may lag, but rows of an earlier configuration are older than any lag.
        for other in registry.rows_of(&site.region, &caller.connection).await? {
            if other.partition.channel == *channel && other != key {
                gone.extend(registry.delete(&other).await?);
            }
        }
    }
    Ok(gone)
}
