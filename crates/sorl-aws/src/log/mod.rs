//! Core's log over DynamoDB: the messages table of the own region.
//!
//! Not replicated and not the table itself, which the template makes. The invariant: every read is strongly
//! consistent, and whatever cannot be read or is not certain makes a recovery incomplete in words, never in silence,
//! as far as the port has words for it.
//!
//! | method | what DynamoDB is asked | who calls it |
//! |---|---|---|
//! | `append` | `BatchWriteItem`, puts only | `deliver` |
//! | `mark` | `PutItem` | `deliver` |
//! | `declare` | `PutItem` under a condition; what stands comes with the refusal | `deliver` |
//! | `marks`, `range`, `epochs` | `Query` | `command` |
//! | `read` | one `Query` a message: no dearer than a batch of gets, and one right less | `command` |

mod batch;
mod epochs;
mod marks;
mod row;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use async_trait::async_trait;
use futures::stream::{self, StreamExt, TryStreamExt};
use sorl_core::config::Config;
use sorl_core::ids::MessageId;
use sorl_core::names::ChannelName;
use sorl_core::ports::{
    Epoch, LateMark, Log, LogEntry, LogPage, LogQuery, Marks, Order, Partial, Unavailable,
};
use sorl_core::time::Timestamp;

pub use epochs::Completeness;

use crate::table::{Query, Reading, Table};
use epochs::Epochs;

const PORT: &str = "log";
/// Single messages that are read at the same time.
const CONCURRENCY: usize = 8;

/// The port over one region's table.
#[derive(Debug)]
pub struct AwsLog {
    table: Table,
    epochs: Epochs,
}

impl AwsLog {
    /// The log in `table`, which has everything since `complete`.
    #[must_use]
    pub const fn new(client: aws_sdk_dynamodb::Client, table: String, complete: Completeness) -> Self {
        Self { table: Table::new(client, table, PORT), epochs: Epochs::new(complete) }
    }

    /// Notes for how long `config` keeps what, so that readers know what went early and what never stood. Whoever
    /// appends calls this first, at the beginning of every invocation: DynamoDB is asked at a cold start and again
    /// every few minutes, so that a note which an outgoing version leaves behind does not stand for long.
    ///
    /// # Errors
    /// [`Unavailable`]: nothing must be appended before it succeeded.
    pub async fn declare(&self, config: &Config, now: Timestamp) -> Result<(), Unavailable> {
        self.table.in_time(self.epochs.declare(&self.table, config, now)).await
    }

    async fn one(&self, channel: &ChannelName, id: &MessageId) -> Result<Option<LogEntry>, Unavailable> {
        let query = Query::of(channel.as_str(), Reading::Strong).only(&id.to_string());
        Ok(self.table.all(query).await?.iter().find_map(row::read))
    }

    async fn page(&self, query: &LogQuery) -> Result<LogPage, Unavailable> {
        let Some((from, to)) = row::bounds(query) else { return Ok(LogPage::default()) };
        let limit = query.limit.max(1);
        let rows = Query::of(query.channel.as_str(), Reading::Strong)
            .between(&from, &to)
            .descending(query.order == Order::Descending)
            // One more, to know whether there is more.
            .at_most(limit.saturating_add(1));
        let mut pages = self.table.pages(rows);
        let mut entries = Vec::new();
        while let Some(rows) = pages.next().await? {
            entries.extend(rows.iter().filter_map(row::read));
            // Of two entries the last is evidence that there is more, and comes again with the next page.
            if entries.len() > 1 && pages.rest().is_some() {
                return Ok(page(entries, limit, true));
            }
        }
        Ok(page(entries, limit, false))
    }
}

#[async_trait]
impl Log for AwsLog {
    async fn append(&self, entries: &[LogEntry]) -> Result<(), Partial> {
        batch::append(&self.table, entries).await
    }

    async fn mark(&self, mark: &LateMark) -> Result<(), Unavailable> {
        self.table.in_time(marks::put(&self.table, mark)).await
    }

    async fn marks(
        &self,
        channel: &ChannelName,
        after: Timestamp,
        now: Timestamp,
        limit: usize,
    ) -> Result<Marks, Unavailable> {
        self.table.in_time(marks::later_than(&self.table, channel, after, now, limit)).await
    }

    async fn read(&self, channel: &ChannelName, ids: &[MessageId]) -> Result<Vec<LogEntry>, Unavailable> {
        let ids: BTreeSet<_> = ids.iter().copied().collect();
        // Collected first: a closure over borrows that is held across an await is not `Send`.
        let reads: Vec<_> = ids.iter().map(|id| self.one(channel, id)).collect();
        let found: Vec<_> =
            self.table.in_time(stream::iter(reads).buffered(CONCURRENCY).try_collect()).await?;
        Ok(found.into_iter().flatten().collect())
    }

    async fn range(&self, query: &LogQuery) -> Result<LogPage, Unavailable> {
        self.table.in_time(self.page(query)).await
    }

    async fn epochs(&self, namespace: &str) -> Result<Vec<Epoch>, Unavailable> {
        self.table.in_time(self.epochs.of(&self.table, namespace)).await
    }
}

/// At most `limit` of the entries; the last one is kept back if the range goes on behind them.
fn page(mut entries: Vec<LogEntry>, limit: usize, goes_on: bool) -> LogPage {
    let shown = if goes_on { limit.min(entries.len().saturating_sub(1)) } else { limit };
    let more = entries.len() > shown;
    entries.truncate(shown);
    LogPage { entries, more }
}
