//! The blocks of one region: who is kept out, of what, and until when.
//!
//! One row a user and channel. The invariant: an order is replaced only by one that is not older, whatever order
//! they arrive in; and a block that cannot be understood keeps out.

use std::time::Duration;

use sorl_core::member::Block;
use sorl_core::names::{ChannelName, UserName};
use sorl_core::ports::Unavailable;
use sorl_core::region::Region;
use sorl_core::time::Timestamp;

use crate::table::{Condition, ItemBuilder, Put, Query, Reading, Row, Table};

/// A block stays this long after its order, ended or not, so that an older order that a queue still holds finds
/// it: as long as a queue keeps records.
const KEPT_FOR: Duration = Duration::from_hours(14 * 24);
/// The sort key of a block of the whole service: the name of no channel.
const SERVICE: &str = "#";

pub(super) fn partition(user: &UserName, region: &Region) -> String {
    format!("{user}#{region}#blocks")
}

/// Writes the block; one that stands and is newer stays, which is as good.
pub(super) async fn put(table: &Table, region: &Region, block: &Block) -> Result<(), Unavailable> {
    let row = ItemBuilder::keyed(
        partition(&block.user, region),
        block.channel.as_ref().map_or(SERVICE, ChannelName::as_str),
    );
    let row = row
        .time("at", block.at)
        .time("until", block.until)
        .expiring(block.until.max(block.at.plus(KEPT_FOR)));
    let condition = Condition {
        expression: "attribute_not_exists(pk) OR #at <= :at",
        names: vec![("#at", "at")],
        values: ItemBuilder::default().time(":at", block.at).build(),
    };
    match table.put_if(row.build(), condition).await? {
        Put::Done | Put::Refused(_) => Ok(()),
    }
}

/// The user's blocks.
pub(super) async fn of(table: &Table, region: &Region, user: &UserName) -> Result<Vec<Block>, Unavailable> {
    let rows = table.all(Query::of(partition(user, region), Reading::Strong)).await?;
    Ok(rows.iter().filter_map(|row| read(user, row)).collect())
}

/// A row that names what is blocked but cannot be read further is a block without end: better to keep out one
/// user than to let in one who was kept out.
fn read(user: &UserName, row: &Row) -> Option<Block> {
    let channel = match row.sort_key()? {
        SERVICE => None,
        channel => Some(ChannelName::parse(channel).ok()?),
    };
    let (at, until) = row.time("at").zip(row.time("until")).unwrap_or_else(|| {
        tracing::warn!(%user, "a block's row cannot be read: it counts as in force");
        (Timestamp::ZERO, Timestamp::from_millis(u64::MAX))
    });
    Some(Block { user: user.clone(), channel, until, at })
}
