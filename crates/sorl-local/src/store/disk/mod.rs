//! Rows in an embedded database, for `sorl dev --data DIR`.
//!
//! One thread writes; it gathers whatever waits into one durable transaction, so that a hundred publishers at
//! once cost one flush of the disk. Readers see the last transaction and never wait for the writer. They run
//! where they are called: what they read was mostly just written and stands in the cache. A disk that takes nothing
//! for now stops the writer (`patient`): writes are refused meanwhile, reads go on.

mod patient;
#[cfg(test)]
mod tests;

use std::fs::{self, File};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::RwLock;
use redb::backends::FileBackend;
use redb::{Database, DatabaseError, ReadableDatabase, StorageBackend, TableDefinition};
use sorl_core::ports::Order;
use tokio::sync::{Semaphore, oneshot};
use tokio::time::timeout;

use super::memory::take;
use super::{Batch, Portion, Room, Row, Rows, Store, StoreError, Then};
use patient::{Patience, PatientFile};

const TABLE: TableDefinition<'static, &[u8], &[u8]> = TableDefinition::new("rows");
const FILE: &str = "sorl.redb";
/// The database's cache; its default of 1 GiB is more than a laptop should give.
const CACHE_BYTES: usize = 64 * 1024 * 1024;
/// Batches that one transaction gathers at most, so that the first does not wait for an endless crowd.
const GATHERED_MAX: usize = 1_024;
/// Writers that may wait at once; further ones wait for a place.
const WAITING_MAX: usize = 4_096;
/// After that a writer is told that the disk does not answer.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// Rows on disk.
pub struct DiskStore {
    /// None once closed, so that the file is free for another process, or for this one again.
    database: RwLock<Option<Arc<Database>>>,
    writer: Sender<Job>,
    places: Semaphore,
    patience: Arc<Patience>,
}

/// Work for the writer. Unbounded as a channel, bounded by what fills it: writers that are waited for take one of
/// [`WAITING_MAX`] places, and what nobody waits for ends something that was accepted before.
enum Job {
    Write(Batch, Option<Waiting>),
    Close(oneshot::Sender<()>),
}

/// What follows a write: first what is to be done once it stands, then the answer.
struct Waiting {
    then: Then,
    answer: oneshot::Sender<Result<(), StoreError>>,
}

impl DiskStore {
    /// Opens the folder's database, or begins one.
    ///
    /// # Errors
    /// [`StoreError::Open`] says what an operator can do about it.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        let refuse = |reason: String| StoreError::Open { path: folder.to_owned(), reason };
        let patience = Arc::new(Patience::default());
        Self::over(|| file(folder), patience).map_err(|fault| match fault {
            redb::Error::DatabaseAlreadyOpen => refuse(
                "another process has it open; stop that one, or give this one a folder of its own".into(),
            ),
            other => refuse(other.to_string()),
        })
    }

    /// The rows in the file that `open` opens, or begins.
    fn over<F: StorageBackend>(
        open: impl FnOnce() -> Result<F, DatabaseError>,
        patience: Arc<Patience>,
    ) -> Result<Self, redb::Error> {
        let file = PatientFile::over(open()?, Arc::clone(&patience))?;
        let database = Arc::new(Database::builder().set_cache_size(CACHE_BYTES).create_with_backend(file)?);
        begin_table(&database)?;
        patience.begin();
        let (writer, jobs) = channel();
        let written = Arc::clone(&database);
        thread::Builder::new().name("store".to_owned()).spawn(move || run(written, &jobs))?;
        let database = RwLock::new(Some(database));
        Ok(Self { database, writer, places: Semaphore::new(WAITING_MAX), patience })
    }

    async fn written(&self, batch: Batch, then: Then) -> Result<(), StoreError> {
        let _place = self.places.acquire().await.map_err(|_closed| StoreError::Closed)?;
        let (answer, outcome) = oneshot::channel();
        let sent = self.writer.send(Job::Write(batch, Some(Waiting { then, answer })));
        sent.map_err(|_closed| StoreError::Closed)?;
        outcome.await.map_err(|_closed| StoreError::Closed)?
    }

    fn table(&self) -> Result<redb::ReadOnlyTable<&'static [u8], &'static [u8]>, StoreError> {
        let database = self.database.read().clone().ok_or(StoreError::Closed)?;
        let transaction = database.begin_read().map_err(failed)?;
        transaction.open_table(TABLE).map_err(failed)
    }
}

/// The folder's file, with nothing in it if it is new.
fn file(folder: &Path) -> Result<FileBackend, DatabaseError> {
    fs::create_dir_all(folder).map_err(redb::StorageError::from)?;
    let file = File::options().read(true).write(true).create(true).truncate(false).open(folder.join(FILE));
    FileBackend::new(file.map_err(redb::StorageError::from)?)
}

/// Readers need the table to be there.
fn begin_table(database: &Database) -> Result<(), redb::Error> {
    let transaction = database.begin_write()?;
    transaction.open_table(TABLE)?;
    transaction.commit()?;
    Ok(())
}

fn failed(fault: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::Failed(Arc::new(fault))
}

/// The writer's life: waits for work, gathers what else waits, commits, answers all.
fn run(database: Arc<Database>, jobs: &Receiver<Job>) {
    while let Ok(job) = jobs.recv() {
        let mut gathered = Vec::new();
        let mut closing = None;
        for job in std::iter::once(job).chain(jobs.try_iter()) {
            match job {
                Job::Write(batch, answer) => gathered.push((batch, answer)),
                Job::Close(answer) => closing = Some(answer),
            }
            if closing.is_some() || gathered.len() >= GATHERED_MAX {
                break;
            }
        }
        let (batches, waiting): (Vec<_>, Vec<_>) = gathered.into_iter().unzip();
        let outcome = commit(&database, batches).map_err(failed);
        if let Err(fault) = &outcome {
            tracing::error!(source = ?fault, "the database did not take a transaction");
        }
        for Waiting { then, answer } in waiting.into_iter().flatten() {
            if outcome.is_ok() {
                then();
            }
            // Whoever asked may have given up waiting.
            drop(answer.send(outcome.clone()));
        }
        if let Some(answer) = closing {
            drop(database);
            // Whoever asked may have given up waiting.
            answer.send(()).unwrap_or_default();
            return;
        }
    }
}

fn commit(database: &Database, batches: Vec<Batch>) -> Result<(), redb::Error> {
    if batches.is_empty() {
        return Ok(());
    }
    let transaction = database.begin_write()?;
    {
        let mut table = transaction.open_table(TABLE)?;
        for (key, value) in batches.into_iter().flat_map(|batch| batch.writes) {
            match value {
                Some(value) => drop(table.insert(key.as_slice(), value.as_ref())?),
                None => drop(table.remove(key.as_slice())?),
            }
        }
    }
    transaction.commit()?;
    Ok(())
}

#[async_trait]
impl Store for DiskStore {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        let value = self.table()?.get(key).map_err(failed)?;
        Ok(value.map(|value| Bytes::copy_from_slice(value.value())))
    }

    fn scan(&self, range: Range<Vec<u8>>, order: Order, portion: Portion) -> Result<Rows, StoreError> {
        if range.is_empty() {
            return Ok(Rows::default());
        }
        let rows = self.table()?.range(range.start.as_slice()..range.end.as_slice()).map_err(failed)?;
        let rows = rows.map(|row| {
            let (key, value) = row.map_err(failed)?;
            let (key, value) = (Bytes::copy_from_slice(key.value()), Bytes::copy_from_slice(value.value()));
            Ok(Row { key, value })
        });
        match order {
            Order::Ascending => take(rows, portion),
            Order::Descending => take(rows.rev(), portion),
        }
    }

    async fn write_then(&self, batch: Batch, then: Then) -> Result<(), StoreError> {
        tokio::select! {
            // First, so that nothing new waits for a disk that takes nothing.
            biased;
            fault = self.patience.trouble() => Err(StoreError::Failed(fault)),
            written = timeout(WRITE_TIMEOUT, self.written(batch, then)) => {
                written.map_err(|_late| StoreError::Late)?
            }
        }
    }

    fn write_soon(&self, batch: Batch) {
        if batch.is_empty() {
            return;
        }
        if self.writer.send(Job::Write(batch, None)).is_err() {
            tracing::warn!("the store is closed; what is done with stays until the next start");
        }
    }

    fn is_durable(&self) -> bool {
        true
    }

    fn room(&self) -> Option<Room> {
        None
    }

    async fn close(&self) {
        self.patience.end();
        let (answer, closed) = oneshot::channel();
        if self.writer.send(Job::Close(answer)).is_ok() {
            drop(closed.await);
        }
        drop(self.database.write().take());
    }
}
