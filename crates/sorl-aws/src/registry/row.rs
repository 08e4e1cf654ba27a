//! A member's row: its key names channel, region, shard and connection, its attributes the rest.
//!
//! `#` is in no name, so a key falls apart in one way only; and no key of a member ends as those of blocks and
//! counters do, because what stands there is a number.

use sorl_core::ids::ConnectionId;
use sorl_core::member::{Member, MemberKey, Partition};
use sorl_core::names::{ChannelName, UserName};
use sorl_core::region::Region;

use crate::table::{Item, ItemBuilder, Row};

/// The attribute that the index is over: which region's connection the row is of.
pub(super) const CONNECTION: &str = "connection";

/// What a query of a partition needs to know of a member: the rest, its key's first half, it asked with.
pub(super) const MEMBER: &str = "#sk, #user, #since, #expires_ms";
pub(super) const MEMBER_NAMES: [(&str, &str); 4] =
    [("#sk", "sk"), ("#user", "user"), ("#since", "since"), ("#expires_ms", "expires_ms")];

pub(super) fn partition(partition: &Partition) -> String {
    let Partition { channel, region, shard } = partition;
    format!("{channel}#{region}#{shard}")
}

pub(super) fn connection(region: &Region, connection: &ConnectionId) -> String {
    format!("{region}#{connection}")
}

fn keyed(part: &Partition, connection: &ConnectionId) -> ItemBuilder {
    ItemBuilder::keyed(partition(part), connection.as_str())
}

pub(super) fn key(part: &Partition, connection: &ConnectionId) -> Item {
    keyed(part, connection).build()
}

pub(super) fn write(member: &Member) -> Item {
    let MemberKey { partition, connection: id } = &member.key;
    keyed(partition, id)
        .text("user", member.user.as_str())
        .time("since", member.since)
        .text(CONNECTION, connection(&partition.region, id))
        .expiring_not_before(member.expires_at, member.since)
        .build()
}

/// The member, unless another version wrote something that this one does not understand: then that member is left
/// out, and nobody else.
pub(super) fn read(row: &Row) -> Option<Member> {
    told(row, read_partition(row).and_then(|partition| member(row, partition)))
}

/// As [`read`], of a row of `partition` that holds only [`MEMBER`].
pub(super) fn read_in(partition: &Partition, row: &Row) -> Option<Member> {
    told(row, member(row, partition.clone()))
}

fn member(row: &Row, partition: Partition) -> Option<Member> {
    let user = UserName::parse(row.text("user")?).ok()?;
    let key = MemberKey { partition, connection: read_connection(row)? };
    Some(Member { key, user, since: row.time("since")?, expires_at: row.expires_at()? })
}

fn told(row: &Row, member: Option<Member>) -> Option<Member> {
    if member.is_none() {
        tracing::warn!(pk = row.partition_key(), sk = row.sort_key(), "a member's row cannot be read");
    }
    member
}

pub(super) fn read_key(row: &Row) -> Option<MemberKey> {
    Some(MemberKey { partition: read_partition(row)?, connection: read_connection(row)? })
}

fn read_partition(row: &Row) -> Option<Partition> {
    let mut parts = row.partition_key()?.splitn(3, '#');
    let channel = ChannelName::parse(parts.next()?).ok()?;
    let region = Region::parse(parts.next()?).ok()?;
    let shard = parts.next()?.parse().ok()?;
    Some(Partition { channel, region, shard })
}

pub(super) fn read_connection(row: &Row) -> Option<ConnectionId> {
    ConnectionId::parse(row.sort_key()?).ok()
}
