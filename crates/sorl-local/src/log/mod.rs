//! Core's log over the store: one a region, each channel's messages by id, late marks beside them.
//!
//! The invariant: what `append` or `mark` acknowledged is read by everybody from then on, until it expires or, in
//! memory, until room is needed; and what was taken for room shows in `epochs`, so that no gap is silent.

mod epochs;
mod erasing;
mod expiry;
mod rows;

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use sorl_core::config::Config;
use sorl_core::ids::MessageId;
use sorl_core::limits::KB;
use sorl_core::names::ChannelName;
use sorl_core::ports::{
    Epoch, LateMark, Log, LogEntry, LogPage, LogQuery, Marks, Order, Partial, Unavailable,
};
use sorl_core::region::Region;
use sorl_core::time::Timestamp;

pub(crate) use epochs::{Beginnings, LastRun};
pub(crate) use expiry::Expiry;

use crate::store::{Batch, Key, Portion, Row, Rows, Store, StoreError};

const PORT: &str = "log";
/// Bytes of a page, as of DynamoDB's.
const PAGE_BYTES: usize = KB * KB;
/// Entries in a page.
pub(crate) const PAGE_ROWS: usize = 1_000;
/// Marks read at once.
const MARK_ROWS: usize = 100;

/// The port over one region's rows.
#[derive(Clone)]
pub struct LocalLog {
    region: Region,
    store: Arc<dyn Store>,
    expiry: Arc<Expiry>,
    page_rows: usize,
}

impl LocalLog {
    pub(crate) fn new(region: Region, store: Arc<dyn Store>, expiry: Arc<Expiry>, page_rows: usize) -> Self {
        Self { region, store, expiry, page_rows }
    }

    async fn write(&self, batch: Batch) -> Result<(), Unavailable> {
        self.store.write(batch).await.map_err(|fault| fault.of(PORT))?;
        self.expiry.make_room();
        Ok(())
    }

    fn page(&self, query: &LogQuery) -> Result<LogPage, StoreError> {
        let channel = rows::channel(&self.region, &query.channel);
        let mut range = channel.clone().children();
        if let Some(after) = query.after {
            range.start = channel.clone().bytes(after.as_bytes()).successor();
        }
        if let Some(before) = query.before {
            range.end = channel.bytes(before.as_bytes()).into();
        }
        let portion = Portion { rows: query.limit.clamp(1, self.page_rows), bytes: PAGE_BYTES };
        let Rows { rows, more } = self.store.scan(range, query.order, portion)?;
        let entries = rows.iter().map(|row| rows::read_entry(&row.value)).collect::<Result<_, _>>()?;
        Ok(LogPage { entries, more })
    }

    fn marked(
        &self,
        channel: &ChannelName,
        after: Timestamp,
        now: Timestamp,
        limit: usize,
    ) -> Result<Marks, StoreError> {
        let marks = rows::marks(&self.region, channel);
        let mut range = marks.clone().children();
        range.start = marks.number(after.as_millis().saturating_add(1)).into();
        let mut ids = BTreeSet::new();
        loop {
            let Rows { rows, more } =
                self.store.scan(range.clone(), Order::Ascending, Portion::rows(MARK_ROWS))?;
            for row in &rows {
                let (expires_at, named) = rows::read_mark(&row.value)?;
                if expires_at > now {
                    ids.extend(named);
                }
            }
            let truncated = ids.len() > limit;
            match rows.last() {
                Some(last) if more && !truncated => range.start = after_row(last),
                _ => return Ok(Marks { ids: ids.into_iter().take(limit).collect(), truncated }),
            }
        }
    }

    fn stored(&self, channel: &ChannelName, ids: &[MessageId]) -> Result<Vec<LogEntry>, StoreError> {
        let ids: BTreeSet<_> = ids.iter().collect();
        let mut entries = Vec::new();
        for id in ids {
            let key = rows::message(&self.region, channel, id);
            if let Some(value) = self.store.get(key.as_bytes())? {
                entries.push(rows::read_entry(&value)?);
            }
        }
        Ok(entries)
    }
}

fn after_row(row: &Row) -> Vec<u8> {
    [row.key.as_ref(), &[0]].concat()
}

#[async_trait]
impl Log for LocalLog {
    async fn append(&self, entries: &[LogEntry]) -> Result<(), Partial> {
        let mut batch = Batch::default();
        for entry in entries {
            let message = &entry.message;
            let key = rows::message(&self.region, &message.channel, &message.id);
            rows::put(&mut batch, key, entry.expires_at, message.to_json().as_bytes());
        }
        if batch.is_empty() {
            return Ok(());
        }
        self.write(batch).await.map_err(|fault| Partial::all(entries.len(), fault))
    }

    async fn mark(&self, mark: &LateMark) -> Result<(), Unavailable> {
        let mut batch = Batch::default();
        let key: Key = rows::mark(&self.region, mark);
        rows::put(&mut batch, key, mark.expires_at, &rows::ids_json(&mark.ids));
        self.write(batch).await
    }

    async fn marks(
        &self,
        channel: &ChannelName,
        after: Timestamp,
        now: Timestamp,
        limit: usize,
    ) -> Result<Marks, Unavailable> {
        self.marked(channel, after, now, limit).map_err(|fault| fault.of(PORT))
    }

    async fn read(&self, channel: &ChannelName, ids: &[MessageId]) -> Result<Vec<LogEntry>, Unavailable> {
        self.stored(channel, ids).map_err(|fault| fault.of(PORT))
    }

    async fn range(&self, query: &LogQuery) -> Result<LogPage, Unavailable> {
        self.page(query).map_err(|fault| fault.of(PORT))
    }

    async fn epochs(&self, namespace: &str) -> Result<Vec<Epoch>, Unavailable> {
        epochs::read(&*self.store, &self.region, namespace).map_err(|fault| fault.of(PORT))
    }
}

/// The namespace whose options a channel has, by name.
pub(crate) fn namespace_of<'c>(config: &'c Config, channel: &ChannelName) -> &'c str {
    &config.namespace(channel).name
}
