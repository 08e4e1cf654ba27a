//! The rows underneath: ordered bytes to bytes, in memory or on disk.
//!
//! Not a port: core does not know it. What stands here is what `sorl dev --data` keeps over a crash; log, queue,
//! dead letters and blocks all write through it. The invariant: an acknowledged [`Store::write`] is seen by every
//! later read and, where the store is durable, survives `kill -9`.

mod disk;
mod key;
mod memory;
#[cfg(test)]
mod tests;

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use sorl_core::ports::{Order, Unavailable};

pub use disk::DiskStore;
pub use key::{Key, Tag};
pub use memory::MemoryStore;

/// Why the store could not do something. Cloned to all whose writes went into one transaction.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The folder or its file cannot be used at all.
    #[error("cannot use {path}: {reason}", path = path.display())]
    Open {
        /// Where.
        path: PathBuf,
        /// What the operator can do something about.
        reason: String,
    },
    /// The folder holds something else than this stage.
    #[error("{0}")]
    Foreign(String),
    /// The database answered with an error.
    #[error("the database failed")]
    Failed(#[source] Arc<dyn std::error::Error + Send + Sync>),
    /// The database did not answer in time.
    #[error("the database did not answer in time")]
    Late,
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
    /// A row is not what was written.
    #[error("a row of the database is damaged: {0}")]
    Damaged(String),
}

impl StoreError {
    /// The failure as `port` tells it.
    #[must_use]
    pub fn of(self, port: &'static str) -> Unavailable {
        Unavailable::new(port, self)
    }
}

/// One row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its key.
    pub key: Bytes,
    /// What stands there.
    pub value: Bytes,
}

/// How much of a range is read at once.
#[derive(Debug, Clone, Copy)]
pub struct Portion {
    /// At most so many rows.
    pub rows: usize,
    /// No further row once the values read are so large together; the first always comes.
    pub bytes: usize,
}

impl Portion {
    /// So many rows, whatever their size; for rows that are known to be small.
    #[must_use]
    pub const fn rows(rows: usize) -> Self {
        Self { rows, bytes: usize::MAX }
    }
}

/// A part of a range.
#[derive(Debug, Clone, Default)]
pub struct Rows {
    /// In the order asked.
    pub rows: Vec<Row>,
    /// Whether the range goes on behind the last row.
    pub more: bool,
}

/// Writes that happen together or not at all.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    writes: Vec<(Vec<u8>, Option<Bytes>)>,
}

impl Batch {
    /// Writes a row, whether or not it stood.
    pub fn put(&mut self, key: impl Into<Vec<u8>>, value: impl Into<Bytes>) {
        self.writes.push((key.into(), Some(value.into())));
    }

    /// Removes a row, whether or not it stood.
    pub fn delete(&mut self, key: impl Into<Vec<u8>>) {
        self.writes.push((key.into(), None));
    }

    /// Whether there is nothing to do.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.writes.is_empty()
    }

    /// Takes in what `other` does, after what this batch does.
    pub fn append(&mut self, mut other: Self) {
        self.writes.append(&mut other.writes);
    }
}

/// What follows a write: done once it stands, whether or not anybody still waits for it.
pub type Then = Box<dyn FnOnce() + Send>;

/// Ordered rows.
#[async_trait]
pub trait Store: Send + Sync {
    /// One row.
    ///
    /// # Errors
    /// [`StoreError`].
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError>;

    /// A part of a range of keys (the end exclusive). Never blocks behind a writer.
    ///
    /// # Errors
    /// [`StoreError`].
    fn scan(&self, range: Range<Vec<u8>>, order: Order, portion: Portion) -> Result<Rows, StoreError>;

    /// Carries out a batch, durably where the store is durable. In memory it is done before the future is first
    /// pending.
    ///
    /// # Errors
    /// [`StoreError`]: the batch happens as a whole or not at all, perhaps later.
    async fn write(&self, batch: Batch) -> Result<(), StoreError> {
        self.write_then(batch, Box::new(|| ())).await
    }

    /// [`Self::write`], and `then` exactly if and when the batch stands: also after the error that it took too long,
    /// and when the future was dropped. So what is in memory follows what is on disk.
    ///
    /// # Errors
    /// As [`Self::write`].
    async fn write_then(&self, batch: Batch, then: Then) -> Result<(), StoreError>;

    /// Carries out a batch some time soon, after all that was written before: for what may happen twice or late,
    /// such as taking away what is done with. A failure is logged.
    fn write_soon(&self, batch: Batch);

    /// Whether what is written survives the process, so that it is worth writing what only a restart reads.
    fn is_durable(&self) -> bool;

    /// Bytes held and the bound on them, where there is one; `collect` keeps the log below it.
    fn room(&self) -> Option<Room>;

    /// Finishes what was begun and closes; afterwards everything is [`StoreError::Closed`].
    async fn close(&self);
}

/// How full a bounded store is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Bytes of all keys and values, with what keeping a row costs.
    pub used: usize,
    /// What `used` is to stay below.
    pub total: usize,
}
