//! A queue's rows: what a durable store keeps of it for a restart.
//!
//! Where the store is not durable nothing is written: the line in memory is all there is.

use std::ops::Range;
use std::sync::Arc;

use bytes::{BufMut, BytesMut};
use sorl_core::ports::{Order, RecordSource};
use sorl_core::region::Region;
use sorl_core::time::Timestamp;

use super::line::Place;
use crate::store::{Batch, Key, Portion, Row, Store, StoreError, Tag, Then};

/// Rows read at once when a queue is opened.
const LOAD_ROWS: usize = 1_000;

/// The rows of one queue.
pub(super) struct QueueRows {
    store: Arc<dyn Store>,
    prefix: Key,
}

/// A record that outlived its process.
pub(super) struct Kept {
    pub(super) place: Place,
    pub(super) due_at: Timestamp,
    pub(super) body: Arc<str>,
}

impl QueueRows {
    pub(super) fn new(store: Arc<dyn Store>, region: &Region, source: RecordSource) -> Self {
        let prefix = Key::new(Tag::Record).text(region.as_str()).text(name(source));
        Self { store, prefix }
    }

    /// Whether records have rows at all.
    pub(super) fn are_kept(&self) -> bool {
        self.store.is_durable()
    }

    pub(super) fn put(&self, place: Place, due_at: Timestamp, body: &str, batch: &mut Batch) {
        if self.are_kept() {
            let mut value = BytesMut::with_capacity(8 + body.len());
            value.put_u64(due_at.as_millis());
            value.put_slice(body.as_bytes());
            batch.put(self.prefix.clone().number(place), value.freeze());
        }
    }

    pub(super) fn delete(&self, place: Option<Place>, batch: &mut Batch) {
        if let Some(place) = place {
            batch.delete(self.prefix.clone().number(place));
        }
    }

    /// Writes what there is to write, and does `then` once it stands.
    pub(super) async fn write_then(&self, batch: Batch, then: Then) -> Result<(), StoreError> {
        if batch.is_empty() {
            then();
            return Ok(());
        }
        self.store.write_then(batch, then).await
    }

    pub(super) fn write_soon(&self, batch: Batch) {
        if !batch.is_empty() {
            self.store.write_soon(batch);
        }
    }

    /// Everything that was kept, by place.
    pub(super) fn load(&self) -> Result<Vec<Kept>, StoreError> {
        let mut kept = Vec::new();
        let Range { mut start, end } = self.prefix.clone().children();
        loop {
            let range = start.clone()..end.clone();
            let rows = self.store.scan(range, Order::Ascending, Portion::rows(LOAD_ROWS))?;
            for row in &rows.rows {
                kept.push(self.read(row)?);
            }
            match rows.rows.last() {
                Some(last) if rows.more => start = [last.key.as_ref(), &[0]].concat(),
                _ => return Ok(kept),
            }
        }
    }

    fn read(&self, row: &Row) -> Result<Kept, StoreError> {
        let damaged = || StoreError::Damaged("a queue's record".to_owned());
        let place = row.key.get(self.prefix.as_bytes().len()..).and_then(number).ok_or_else(damaged)?;
        let due_at = row.value.get(..8).and_then(number).ok_or_else(damaged)?;
        let body = row.value.get(8..).ok_or_else(damaged)?;
        let body = std::str::from_utf8(body).map_err(|_not_text| damaged())?;
        Ok(Kept { place, due_at: Timestamp::from_millis(due_at), body: Arc::from(body) })
    }
}

fn number(bytes: &[u8]) -> Option<u64> {
    bytes.try_into().ok().map(u64::from_be_bytes)
}

/// The queue's name, in keys, ids and answers.
pub(crate) const fn name(source: RecordSource) -> &'static str {
    match source {
        RecordSource::Live => "live",
        RecordSource::Bulk => "bulk",
    }
}
