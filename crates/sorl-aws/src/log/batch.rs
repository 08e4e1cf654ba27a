//! Appending: batches as DynamoDB takes them, and the rows that it did not get to, again and again for a while.
//!
//! The invariant: an entry that is not named in the failure was acknowledged. The SDK repeats requests that failed;
//! what is repeated here is only what DynamoDB's answer leaves over.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::stream::{self, StreamExt};
use sorl_core::ids::MessageId;
use sorl_core::names::ChannelName;
use sorl_core::ports::{LogEntry, Partial, Unavailable};
use tokio::time::Instant;

use crate::table::{Row, Table, call_ends_at};

use super::row;

/// Rows in a batch: DynamoDB's bound. Its 16 MB are out of reach, since a message has at most 96 KB.
const BATCH_ROWS: usize = 25;
/// Batches under way at the same time.
const CONCURRENCY: usize = 4;
/// How long to wait before what was left over is tried again, each time; less by chance, so that the invocations
/// which a hot channel throttles do not all come back at once.
const DELAYS: [Duration; 5] = [
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(200),
    Duration::from_millis(400),
    Duration::from_millis(800),
];

/// What is to be written under a key, and the entries that say so: DynamoDB refuses a batch that names a key twice.
struct Write<'e> {
    entry: &'e LogEntry,
    indexes: Vec<usize>,
}

/// Rows of a batch that may not stand, and why.
struct Failed<'e> {
    writes: Vec<Write<'e>>,
    source: Unavailable,
}

pub(super) async fn append(table: &Table, entries: &[LogEntry]) -> Result<(), Partial> {
    let ends_at = call_ends_at();
    let batches: Vec<_> = batches(entries).into_iter().map(|batch| put(table, batch, ends_at)).collect();
    let outcomes: Vec<_> = stream::iter(batches).buffer_unordered(CONCURRENCY).collect().await;
    let mut failed = Vec::new();
    let mut source = None;
    for outcome in outcomes.into_iter().filter_map(Result::err) {
        failed.extend(outcome.writes.into_iter().flat_map(|write| write.indexes));
        source = Some(outcome.source);
    }
    failed.sort_unstable();
    source.map_or(Ok(()), |source| Err(Partial { failed, source }))
}

fn batches(entries: &[LogEntry]) -> Vec<Vec<Write<'_>>> {
    let mut writes: BTreeMap<(ChannelName, MessageId), Write<'_>> = BTreeMap::new();
    for (index, entry) in entries.iter().enumerate() {
        let key = (entry.message.channel.clone(), entry.message.id);
        writes.entry(key).or_insert_with(|| Write { entry, indexes: Vec::new() }).indexes.push(index);
    }
    let mut batches = Vec::new();
    let mut writes = writes.into_values().peekable();
    while writes.peek().is_some() {
        batches.push(writes.by_ref().take(BATCH_ROWS).collect());
    }
    batches
}

/// Writes one batch, for as long as DynamoDB leaves something over.
async fn put<'e>(table: &Table, mut writes: Vec<Write<'e>>, ends_at: Instant) -> Result<(), Failed<'e>> {
    let mut delays = DELAYS.into_iter();
    loop {
        let rows = writes.iter().map(|write| row::write(write.entry)).collect();
        let left = match table.until(ends_at, table.put_batch(rows)).await {
            Ok(left) => left,
            Err(source) => return Err(Failed { writes, source }),
        };
        writes = left_over(writes, &left);
        if writes.is_empty() {
            return Ok(());
        }
        let Some(delay) = delays.next() else {
            let source = table.unavailable(format!("BatchWriteItem: {} rows left over", writes.len()));
            return Err(Failed { writes, source });
        };
        tokio::time::sleep(delay.mul_f64(rand::random_range(0.5..1.0))).await;
    }
}

/// Those of `writes` that DynamoDB names. If it names anything else, all of them: nothing is known then.
fn left_over<'e>(writes: Vec<Write<'e>>, left: &[Row]) -> Vec<Write<'e>> {
    let (mut over, done): (Vec<_>, Vec<_>) =
        writes.into_iter().partition(|write| left.iter().any(|row| is_of(row, write)));
    if over.len() < left.len() {
        over.extend(done);
    }
    over
}

fn is_of(row: &Row, write: &Write<'_>) -> bool {
    let message = &write.entry.message;
    row.partition_key() == Some(message.channel.as_str())
        && row.sort_key().is_some_and(|id| id == message.id.to_string())
}
