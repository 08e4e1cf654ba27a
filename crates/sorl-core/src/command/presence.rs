//! `presence`: who is in a channel, over all regions, from the local replica.

use std::collections::{BTreeMap, BTreeSet};

use futures::stream::{self, StreamExt, TryStreamExt};

use super::{Ports, no_grant, refuse_blocked, rights_on};
use crate::authorize::Caller;
use crate::config::Site;
use crate::error::Refusal;
use crate::grants::Right;
use crate::limits::{PAGE_LEN_MAX, PRESENCE_MEMBERS_MAX, PRESENCE_ROWS_MAX};
use crate::member::{Member, Partition};
use crate::names::{ChannelName, UserName};
use crate::ports::{Registry, Unavailable};
use crate::protocol::{Fields, PresenceMember, PresenceResult};
use crate::region::Region;
use crate::time::Timestamp;

/// Partitions read at the same time.
const CONCURRENCY: usize = 16;

pub(super) async fn presence(
    fields: &Fields,
    caller: &Caller,
    ports: Ports<'_>,
    site: &Site,
) -> Result<PresenceResult, Refusal> {
    let channel = fields.channel()?;
    if !rights_on(caller, site, &channel).has(Right::Presence) {
        return Err(no_grant("list the members", &channel));
    }
    if !site.config.namespace(&channel).presence {
        return Err(Refusal::forbidden(format!("{channel} does not list its members")));
    }
    refuse_blocked(caller, &channel, ports, site).await?;
    let (members, complete) = read(&channel, ports.registry, site, ports.clock.now()).await?;
    Ok(list(members, complete))
}

/// The members in all regions, and whether that is all of them.
async fn read(
    channel: &ChannelName,
    registry: &dyn Registry,
    site: &Site,
    now: Timestamp,
) -> Result<(Vec<Member>, bool), Unavailable> {
    let partitions: Vec<_> = partitions(channel, site).collect();
    let rows_max = PRESENCE_ROWS_MAX / partitions.len().max(1);
    let parts: Vec<(Vec<Member>, bool)> = stream::iter(partitions)
        .map(|partition| async move { read_partition(&partition, rows_max, registry).await })
        .buffered(CONCURRENCY)
        .try_collect()
        .await?;
    let complete = parts.iter().all(|(_, complete)| *complete);
    let present = parts.into_iter().flat_map(|(members, _)| members).filter(|member| !member.is_expired(now));
    Ok((present.collect(), complete))
}

fn partitions<'a>(channel: &'a ChannelName, site: &'a Site) -> impl Iterator<Item = Partition> + 'a {
    let shards = site.config.namespace(channel).shards_read;
    site.config.regions.iter().flat_map(move |region| {
        (0..shards).map(move |shard| Partition { channel: channel.clone(), region: region.clone(), shard })
    })
}

async fn read_partition(
    partition: &Partition,
    rows_max: usize,
    registry: &dyn Registry,
) -> Result<(Vec<Member>, bool), Unavailable> {
    let (mut members, mut after) = (Vec::new(), None);
    loop {
        let page = registry.presence(partition, after.as_ref()).await?;
        members.extend(page.members);
        match page.next {
            None => return Ok((members, true)),
            Some(_) if members.len() >= rows_max => return Ok((members, false)),
            next => after = next,
        }
    }
}

fn list(members: Vec<Member>, complete: bool) -> PresenceResult {
    // A connection may stand in two partitions while the number of shards changes.
    let mut users: BTreeMap<UserName, BTreeSet<(Region, _)>> = BTreeMap::new();
    for Member { key, user, .. } in members {
        users.entry(user).or_default().insert((key.partition.region, key.connection));
    }
    let count = users.len();
    let mut len = 0;
    let listed: Vec<_> = users
        .into_iter()
        .map(|(user, places)| {
            let connections = places.len();
            let regions: BTreeSet<Region> = places.into_iter().map(|(region, _)| region).collect();
            PresenceMember { user, connections, regions: regions.into_iter().collect() }
        })
        .take_while(|member| {
            len += serde_json::to_string(member).map_or(PAGE_LEN_MAX, |text| text.len()) + 1;
            len <= PAGE_LEN_MAX
        })
        .take(PRESENCE_MEMBERS_MAX)
        .collect();
    let truncated = listed.len() < count || !complete;
    PresenceResult { count, members: listed, truncated }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::ConnectionId;
    use crate::member::MemberKey;

    fn member(user: &str, connection: &str, region: &str, shard: u16) -> Member {
        let (channel, region) = (ChannelName::parse("c").unwrap(), Region::parse(region).unwrap());
        let partition = Partition { channel, region, shard };
        Member {
            key: MemberKey { partition, connection: ConnectionId::parse(connection).unwrap() },
            user: UserName::parse(user).unwrap(),
            since: Timestamp::ZERO,
            expires_at: Timestamp::ZERO,
        }
    }

    fn crowd(users: usize) -> Vec<Member> {
        (0..users).map(|n| member(&format!("u{n}"), &format!("c{n}"), "r", 0)).collect()
    }

    #[test]
    fn a_user_is_listed_once_with_all_connections_and_regions() {
        // One of them stands in two partitions while the number of shards changes.
        let rows = [("a", "1", "r", 0), ("b", "1", "s", 0), ("a", "2", "s", 0), ("a", "2", "s", 1)];
        let rows = rows.map(|(user, connection, region, shard)| member(user, connection, region, shard));
        let told = list(rows.to_vec(), true);
        assert_eq!((told.count, told.members.len(), told.truncated), (2, 2, false));
        let (alice, regions) = (&told.members[0], ["r", "s"].map(|name| Region::parse(name).unwrap()));
        assert_eq!((alice.user.as_str(), alice.connections, &alice.regions[..]), ("a", 2, &regions[..]));
    }

    #[test]
    fn a_list_that_is_too_long_is_cut_and_says_so() {
        let cut = |users| {
            let told = list(crowd(users), true);
            (told.count, told.members.len(), told.truncated)
        };
        assert_eq!(cut(PRESENCE_MEMBERS_MAX), (300, 300, false));
        assert_eq!(cut(PRESENCE_MEMBERS_MAX + 1), (301, 300, true));
        assert!(list(crowd(1), false).truncated, "who was not read is not listed");
    }

    #[test]
    fn a_list_has_no_more_bytes_than_a_page() {
        let everywhere = |user: usize| {
            (0..50).map(move |region| {
                let (user, region) = (format!("u{user}"), format!("region-with-a-name-{region}"));
                member(&user, &format!("{user}-{region}"), &region, 0)
            })
        };
        let told = list((0..200).flat_map(everywhere).collect(), true);
        let len = serde_json::to_string(&told.members).unwrap().len();
        let each = len / told.members.len();
        assert!(told.truncated && told.count == 200);
        assert!((PAGE_LEN_MAX - 2 * each..=PAGE_LEN_MAX).contains(&len), "{len} bytes, {each} a member");
    }

    #[test]
    fn the_bytes_between_members_count_as_the_members_do() {
        // Each takes 447 bytes and a comma, 256 of them as much as a page.
        let everywhere = |user: &str| -> Vec<Member> {
            (0..12).map(|n| member(user, "c", &format!("region-with-a-name-{n:02}"), 0)).collect()
        };
        let sized = |n: usize, len: usize| {
            let short = list(everywhere(&format!("{n:03}")), true).members;
            let short_len = serde_json::to_string(&short[0]).unwrap().len();
            everywhere(&format!("{n:03}{}", "x".repeat(len - short_len)))
        };
        for (last, fits) in [(447, true), (448, false)] {
            let members = (0..255).flat_map(|n| sized(n, 447)).chain(sized(255, last)).collect();
            assert_eq!(list(members, true).members.len() == 256, fits);
        }
    }
}
