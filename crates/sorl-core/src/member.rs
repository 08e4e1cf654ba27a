//! Rows of the registry: members, the partitions they stand in, and blocks.
//!
//! Each region writes only rows of its own region, so replication never has a conflict to resolve.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::ids::ConnectionId;
use crate::names::{ChannelName, UserName};
use crate::region::Region;
use crate::time::Timestamp;

/// A connection in a channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Where the row stands.
    pub key: MemberKey,
    /// Who the connection belongs to.
    pub user: UserName,
    /// When it joined.
    pub since: Timestamp,
    /// From then on the row counts as gone, whether or not it was collected.
    pub expires_at: Timestamp,
}

impl Member {
    /// Whether the row no longer counts.
    #[must_use]
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires_at <= now
    }

    /// The connection that is the member.
    #[must_use]
    pub const fn connection(&self) -> &ConnectionId {
        &self.key.connection
    }
}

/// The key of a member's row.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MemberKey {
    /// The part of the channel's members that it belongs to.
    pub partition: Partition,
    /// The connection, unique within the region.
    pub connection: ConnectionId,
}

/// A part of a channel's members: those of one region whose connections hash to one shard.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Partition {
    /// The channel.
    pub channel: ChannelName,
    /// The region whose gateway holds the connections.
    pub region: Region,
    /// Below the namespace's `shards_read`.
    pub shard: u16,
}

impl MemberKey {
    /// Where other numbers of shards, as many as are read, put the same connection: rows may stand there that were
    /// written before the number changed, or by a function that has not the new one yet.
    #[must_use]
    pub fn elsewhere(&self, shards_read: u16) -> Vec<Self> {
        let shards: BTreeSet<_> =
            (1..=shards_read).map(|shards| shard_of(&self.connection, shards)).collect();
        let others = shards.into_iter().filter(|shard| *shard != self.partition.shard);
        let key = |shard| Self { partition: Partition { shard, ..self.partition.clone() }, ..self.clone() };
        others.map(key).collect()
    }
}

/// The shard of a connection among `shards`: stable across versions and machines, since rows outlive both.
#[must_use]
pub fn shard_of(connection: &ConnectionId, shards: u16) -> u16 {
    let digest = Sha256::digest(connection.as_str().as_bytes());
    let hash = digest.iter().take(4).fold(0u32, |hash, byte| (hash << 8) | u32::from(*byte));
    u16::try_from(hash % u32::from(shards.max(1))).unwrap_or(0)
}

/// A user kept out, by an operator, of a channel or (without one) of the service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// Who is kept out.
    pub user: UserName,
    /// Of what; of everything if absent.
    pub channel: Option<ChannelName>,
    /// Before then he may not come back.
    pub until: Timestamp,
    /// SNS's time of the control message: a later one replaces an earlier, never the other way.
    pub at: Timestamp,
}

impl Block {
    /// Whether the block is in force for connecting to the service at all.
    #[must_use]
    pub fn bars_service(&self, now: Timestamp) -> bool {
        self.channel.is_none() && self.until > now
    }

    /// Whether the block is in force for `channel`.
    #[must_use]
    pub fn bars_channel(&self, channel: &ChannelName, now: Timestamp) -> bool {
        self.until > now && self.channel.as_ref().is_none_or(|blocked| blocked == channel)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shard_of_a_connection_is_frozen() {
        let connection = ConnectionId::parse("L0SM9cOFvHcCIhw=").unwrap();
        assert_eq!([1, 7, 16, 64].map(|shards| shard_of(&connection, shards)), [0, 2, 5, 53]);
        assert_eq!(shard_of(&connection, 0), 0);
        assert!((0..100).all(|n| {
            let connection = ConnectionId::parse(&format!("c{n}")).unwrap();
            shard_of(&connection, 7) < 7
        }));
    }

    #[test]
    fn a_row_may_stand_wherever_a_number_of_shards_that_is_read_puts_it() {
        let connection = ConnectionId::parse("carol").unwrap();
        let partition = Partition { channel: channel("c"), region: Region::parse("r").unwrap(), shard: 3 };
        let key = MemberKey { partition, connection };
        let shards = |read| key.elsewhere(read).iter().map(|other| other.partition.shard).collect::<Vec<_>>();
        assert_eq!((shards(1), shards(4), shards(8)), (vec![0], vec![0, 1, 2], vec![0, 1, 2, 5, 7]));
    }

    #[test]
    fn a_row_counts_until_the_moment_it_expires() {
        let partition = Partition { channel: channel("c"), region: Region::parse("r").unwrap(), shard: 0 };
        let key = MemberKey { partition, connection: ConnectionId::parse("c").unwrap() };
        let member = Member { key, user: UserName::parse("u").unwrap(), since: at(0), expires_at: at(10) };
        assert_eq!([9, 10, 11].map(|ms| member.is_expired(at(ms))), [false, true, true]);
    }

    #[test]
    fn a_block_bars_what_it_names_until_its_time() {
        let block = |name: Option<&str>| Block {
            user: UserName::parse("u").unwrap(),
            channel: name.map(channel),
            until: at(10),
            at: at(0),
        };
        let (service, room) = (block(None), block(Some("room")));
        assert_eq!([9, 10].map(|ms| service.bars_service(at(ms))), [true, false]);
        assert_eq!([9, 10].map(|ms| service.bars_channel(&channel("any"), at(ms))), [true, false]);
        assert_eq!([9, 10].map(|ms| room.bars_channel(&channel("room"), at(ms))), [true, false]);
        assert!(!room.bars_service(at(9)) && !room.bars_channel(&channel("other"), at(9)));
    }

    fn at(ms: u64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    fn channel(name: &str) -> ChannelName {
        ChannelName::parse(name).unwrap()
    }
}
