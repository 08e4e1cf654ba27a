//! Late marks: a row a mark, by the time it was written, under a key of the channel's own that no channel has.
//!
//! The invariant: a mark that stands is either told or makes the answer `truncated`, even if it cannot be read.

use std::collections::BTreeSet;

use sorl_core::ids::MessageId;
use sorl_core::names::ChannelName;
use sorl_core::ports::{LateMark, Marks, Unavailable};
use sorl_core::time::Timestamp;

use crate::table::{Item, ItemBuilder, Query, Reading, Row, Table};

/// Ids in one row: well below DynamoDB's 400 KB.
const ROW_IDS_MAX: usize = 5_000;
/// Digits of a time, so that texts sort as times do.
const TIME_DIGITS: usize = 20;
/// Sorts after every time.
const LAST: &str = ":";

fn partition(channel: &ChannelName) -> String {
    format!("{channel}#marks")
}

fn time(at: Timestamp) -> String {
    format!("{:0TIME_DIGITS$}", at.as_millis())
}

pub(super) async fn put(table: &Table, mark: &LateMark) -> Result<(), Unavailable> {
    for ids in mark.ids.chunks(ROW_IDS_MAX) {
        table.put(write(mark, ids)).await?;
    }
    Ok(())
}

/// Marks of one moment are told apart by what they name: the same mark written twice is one.
fn write(mark: &LateMark, ids: &[MessageId]) -> Item {
    let ids_text: Vec<_> = ids.iter().map(MessageId::to_string).collect();
    ItemBuilder::keyed(partition(&mark.channel), format!("{}#{:016x}", time(mark.at), fingerprint(ids)))
        .text("ids", ids_text.join(" "))
        .expiring(mark.expires_at)
        .build()
}

/// FNV-1a over the ids.
fn fingerprint(ids: &[MessageId]) -> u64 {
    ids.iter().flat_map(|id| id.as_bytes()).fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// The ids named by marks that were written later than `after`.
pub(super) async fn later_than(
    table: &Table,
    channel: &ChannelName,
    after: Timestamp,
    now: Timestamp,
    limit: usize,
) -> Result<Marks, Unavailable> {
    let from = time(Timestamp::from_millis(after.as_millis().saturating_add(1)));
    let query = Query::of(partition(channel), Reading::Strong).between(&from, LAST);
    // A mark names at least one id.
    let mut pages = table.pages(query.at_most(limit.saturating_add(1)));
    let mut ids = BTreeSet::new();
    while let Some(rows) = pages.next().await? {
        for row in &rows {
            let Some((named, expires_at)) = read(row) else {
                tracing::warn!(%channel, sk = row.sort_key(), "a late mark cannot be read");
                return Ok(told(ids, true, limit));
            };
            if expires_at > now {
                ids.extend(named);
            }
        }
        if ids.len() > limit {
            return Ok(told(ids, true, limit));
        }
    }
    Ok(told(ids, false, limit))
}

fn told(ids: BTreeSet<MessageId>, truncated: bool, limit: usize) -> Marks {
    Marks { ids: ids.into_iter().take(limit).collect(), truncated }
}

fn read(row: &Row) -> Option<(Vec<MessageId>, Timestamp)> {
    let ids = row.text("ids")?.split(' ').map(MessageId::parse).collect::<Result<_, _>>().ok()?;
    Some((ids, row.expires_at()?))
}
