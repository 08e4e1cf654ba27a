//! Rows in a tree in memory: everything happens inline and in the same order every time.

use std::collections::BTreeMap;
use std::ops::Range;

use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::RwLock;
use sorl_core::ports::Order;

use super::{Batch, Portion, Room, Row, Rows, Store, StoreError, Then};

/// What a row costs besides its bytes: the tree's share, two allocations and their headers.
const ROW_COST: usize = 128;
/// What all rows of all regions may take: a few hours of a lively chat, on a laptop that has other things to do.
const TOTAL_DEFAULT: usize = 512 * 1024 * 1024;

/// Rows in memory.
#[derive(Debug)]
pub struct MemoryStore {
    rows: RwLock<Tree>,
    total: usize,
    outlives_world: bool,
}

#[derive(Debug, Default)]
struct Tree {
    rows: BTreeMap<Vec<u8>, Bytes>,
    used: usize,
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::with_room(TOTAL_DEFAULT)
    }
}

impl MemoryStore {
    /// A store in which the log keeps to `total` bytes.
    #[must_use]
    pub fn with_room(total: usize) -> Self {
        Self { rows: RwLock::default(), total, outlives_world: false }
    }

    /// A store that stands in for a disk: a world that is dropped and made again over it finds everything that
    /// was acknowledged, as after `kill -9` with `--data`.
    #[must_use]
    pub fn as_disk() -> Self {
        Self { outlives_world: true, ..Self::default() }
    }
}

impl Tree {
    fn apply(&mut self, batch: Batch) {
        for (key, value) in batch.writes {
            let (key_len, grown) = (key.len(), value.as_ref().map(|value| cost(key.len(), value)));
            let old = match value {
                Some(value) => self.rows.insert(key, value),
                None => self.rows.remove(&key),
            };
            let shrunk = old.map_or(0, |old| cost(key_len, &old));
            self.used = (self.used + grown.unwrap_or(0)).saturating_sub(shrunk);
        }
    }
}

fn cost(key_len: usize, value: &Bytes) -> usize {
    key_len + value.len() + ROW_COST
}

/// Takes rows while they fit the portion.
pub(super) fn take<E>(rows: impl Iterator<Item = Result<Row, E>>, portion: Portion) -> Result<Rows, E> {
    let mut taken = Rows::default();
    let mut bytes = 0usize;
    for row in rows {
        if taken.rows.len() >= portion.rows || (bytes >= portion.bytes && !taken.rows.is_empty()) {
            taken.more = true;
            break;
        }
        let row = row?;
        bytes = bytes.saturating_add(row.value.len());
        taken.rows.push(row);
    }
    Ok(taken)
}

#[async_trait]
impl Store for MemoryStore {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        Ok(self.rows.read().rows.get(key).cloned())
    }

    fn scan(&self, range: Range<Vec<u8>>, order: Order, portion: Portion) -> Result<Rows, StoreError> {
        if range.is_empty() {
            return Ok(Rows::default());
        }
        let tree = self.rows.read();
        let rows = tree
            .rows
            .range(range)
            .map(|(key, value)| Ok(Row { key: Bytes::copy_from_slice(key), value: value.clone() }));
        match order {
            Order::Ascending => take(rows, portion),
            Order::Descending => take(rows.rev(), portion),
        }
    }

    async fn write_then(&self, batch: Batch, then: Then) -> Result<(), StoreError> {
        self.rows.write().apply(batch);
        then();
        Ok(())
    }

    fn write_soon(&self, batch: Batch) {
        self.rows.write().apply(batch);
    }

    fn is_durable(&self) -> bool {
        self.outlives_world
    }

    fn room(&self) -> Option<Room> {
        Some(Room { used: self.rows.read().used, total: self.total })
    }

    async fn close(&self) {}
}
