//! Bytes of rows as DynamoDB counts them, and the units that they cost.
//!
//! By the rules of AWS: names and values as UTF-8, numbers of so many digits as half of them and one. The rows are those
//! of the deployed tables, not those of the store here.

use sorl_core::member::{Member, MemberKey};
use sorl_core::ports::LogEntry;

const WRITE_UNIT: usize = 1_024;
const READ_UNIT: usize = 4_096;
/// A time in milliseconds, and one in seconds.
const MILLIS: usize = 8;
const SECONDS: usize = 6;
/// `pk`, `sk`, and the times of a row with their names.
const KEYS: usize = "pksk".len();
const EXPIRY: usize = "expires_at".len() + SECONDS + "expires_ms".len() + MILLIS;
/// An id of a message as text.
const ID: usize = 36;

/// What was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    Strong,
    Eventual,
}

/// Units of a query of so many bytes: one, or half of one, even if it finds nothing.
pub(super) fn read(bytes: usize, reading: Reading) -> f64 {
    let units = bytes.div_ceil(READ_UNIT).max(1) as f64;
    if reading == Reading::Strong { units } else { units / 2.0 }
}

/// Units of writing or deleting a row of so many bytes.
pub(super) fn written(bytes: usize) -> f64 {
    bytes.div_ceil(WRITE_UNIT).max(1) as f64
}

/// A member's row.
pub(super) fn member(member: &Member) -> usize {
    let region = member.key.partition.region.as_str().len();
    let of_index = "connection".len() + region + 1 + member.key.connection.as_str().len();
    key(&member.key) + "user".len() + member.user.as_str().len() + "since".len() + MILLIS + of_index + EXPIRY
}

/// Its row of the index: the keys of both.
pub(super) fn of_index(row: &MemberKey) -> usize {
    let region = row.partition.region.as_str().len();
    key(row) + "connection".len() + region + 1 + row.connection.as_str().len()
}

fn key(row: &MemberKey) -> usize {
    let partition = &row.partition;
    let shard = partition.shard.to_string().len();
    KEYS + partition.channel.as_str().len()
        + partition.region.as_str().len()
        + "##".len()
        + shard
        + row.connection.as_str().len()
}

/// A message's row.
pub(super) fn message(entry: &LogEntry) -> usize {
    let message = &entry.message;
    KEYS + message.channel.as_str().len() + ID + "message".len() + message.to_json().len() + EXPIRY
}

#[cfg(test)]
mod tests {
    use sorl_core::ids::ConnectionId;
    use sorl_core::member::Partition;
    use sorl_core::names::{ChannelName, UserName};
    use sorl_core::region::Region;
    use sorl_core::time::Timestamp;

    use super::*;

    #[test]
    fn a_members_row_is_counted_attribute_by_attribute() {
        let row = Member {
            key: MemberKey {
                partition: Partition {
                    channel: ChannelName::parse("room:1").unwrap(),
                    region: Region::parse("eu-north-1").unwrap(),
                    shard: 0,
                },
                connection: ConnectionId::parse("0123456789abcde=").unwrap(),
            },
            user: UserName::parse("alice").unwrap(),
            since: Timestamp::ZERO,
            expires_at: Timestamp::ZERO,
        };
        // pk 2 + room:1#eu-north-1#0 19; sk 2 + 16; user 4 + 5; since 5 + 8; connection 10 + 27; expires_at 10 + 6;
        // expires_ms 10 + 8.
        assert_eq!(member(&row), 21 + 18 + 9 + 13 + 37 + 16 + 18);
        assert_eq!(of_index(&row.key), 21 + 18 + 37);
    }

    #[test]
    fn what_is_begun_is_a_unit_and_nothing_is_one_too() {
        assert_eq!([0, 4_096, 4_097].map(|bytes| read(bytes, Reading::Strong)), [1.0, 1.0, 2.0]);
        assert_eq!([0, 4_096, 4_097].map(|bytes| read(bytes, Reading::Eventual)), [0.5, 0.5, 1.0]);
        assert_eq!([1, 1_024, 1_025].map(written), [1.0, 1.0, 2.0]);
    }
}
