//! A region's dead letters: what can never succeed, kept with its reason until somebody looks.
//!
//! Rows of the store, so that they are there after a restart with `--data`. The invariant: a letter that was
//! acknowledged stands until it is redriven, is 14 days old, or is the oldest when there is no more room, which
//! is said loudly in the log.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use sorl_core::ports::{DeadLetter, Entropy, Order, RecordSource};
use sorl_core::region::Region;
use sorl_core::time::Timestamp;

use crate::queue::name;
use crate::store::{Batch, Key, Portion, Store, StoreError, Tag};

/// What SQS keeps at most.
const KEPT_FOR: Duration = Duration::from_hours(14 * 24);
/// Letters of a region; more than anybody reads.
const LETTERS_MAX: usize = 10_000;
/// Bytes of a region's letters.
const BYTES_MAX: usize = 64 * 1024 * 1024;
/// An id: 12 hexadecimal digits of time, 16 of chance, so that ids sort by time.
const ID_LEN: usize = 28;

/// The dead-letter queue of one region. Cloning shares it.
#[derive(Clone)]
pub struct DeadLetters(Arc<Inner>);

struct Inner {
    region: Region,
    store: Arc<dyn Store>,
    entropy: Arc<dyn Entropy>,
    /// Ids and sizes of the letters that stand.
    index: Mutex<Index>,
}

#[derive(Default)]
struct Index {
    sizes: BTreeMap<String, usize>,
    bytes: usize,
}

/// A dead letter as `GET /dead-letters` shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Buried {
    /// By which it is redriven.
    pub id: String,
    /// Where it lies.
    pub region: Region,
    /// The queue it came from: `live` or `bulk`.
    pub queue: String,
    /// Why it can never succeed.
    pub reason: String,
    /// When it was buried, in ms since the epoch.
    pub at: Timestamp,
    /// The record, untouched.
    pub body: String,
}

impl Buried {
    /// The queue it came from.
    #[must_use]
    pub fn source(&self) -> RecordSource {
        if self.queue == name(RecordSource::Bulk) { RecordSource::Bulk } else { RecordSource::Live }
    }
}

impl Index {
    fn insert(&mut self, id: String, size: usize) {
        self.bytes += size;
        let replaced = self.sizes.insert(id, size);
        self.bytes = self.bytes.saturating_sub(replaced.unwrap_or(0));
    }

    fn remove(&mut self, id: &str) -> Option<usize> {
        let size = self.sizes.remove(id)?;
        self.bytes = self.bytes.saturating_sub(size);
        Some(size)
    }

    fn is_over(&self) -> bool {
        self.sizes.len() > LETTERS_MAX || self.bytes > BYTES_MAX
    }
}

impl DeadLetters {
    /// The letters that the store has for the region.
    ///
    /// # Errors
    /// [`StoreError`] if they cannot be read.
    pub(crate) fn open(
        region: Region,
        store: Arc<dyn Store>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, StoreError> {
        let letters = Self(Arc::new(Inner { region, store, entropy, index: Mutex::default() }));
        let standing = letters.list()?;
        let mut index = letters.0.index.lock();
        for letter in standing {
            index.insert(letter.id, letter.body.len());
        }
        drop(index);
        Ok(letters)
    }

    /// Buries a record, durably where the store is durable.
    ///
    /// # Errors
    /// [`StoreError`]: it may or may not be there.
    pub async fn bury(&self, letter: &DeadLetter, now: Timestamp) -> Result<(), StoreError> {
        let mut batch = Batch::default();
        self.add(&mut batch, letter, now);
        self.0.store.write(batch).await
    }

    /// Buries a record together with what `batch` does (taking it from its queue), some time soon.
    pub(crate) fn bury_with(&self, mut batch: Batch, letter: &DeadLetter, now: Timestamp) {
        self.add(&mut batch, letter, now);
        self.0.store.write_soon(batch);
    }

    fn add(&self, batch: &mut Batch, letter: &DeadLetter, now: Timestamp) {
        let buried = Buried {
            id: format!("{:012x}{:016x}", now.as_millis(), self.0.entropy.bits()),
            region: self.0.region.clone(),
            queue: name(letter.source).to_owned(),
            reason: letter.reason.clone(),
            at: now,
            body: letter.body.clone(),
        };
        // A struct of texts and a number always serializes.
        batch.put(self.key(&buried.id), serde_json::to_vec(&buried).unwrap_or_default());
        let mut index = self.0.index.lock();
        index.insert(buried.id, buried.body.len());
        self.purge_oldest(&mut index, batch);
    }

    fn purge_oldest(&self, index: &mut Index, batch: &mut Batch) {
        while index.is_over()
            && let Some(oldest) = index.sizes.keys().next().cloned()
        {
            tracing::error!(region = %self.0.region, id = oldest, "no room for dead letters: the oldest is purged");
            index.remove(&oldest);
            batch.delete(self.key(&oldest));
        }
    }

    /// All letters, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn list(&self) -> Result<Vec<Buried>, StoreError> {
        let range = Key::new(Tag::DeadLetter).text(self.0.region.as_str()).children();
        // The bounds on letters bound this.
        let rows = self.0.store.scan(range, Order::Ascending, Portion::rows(usize::MAX))?;
        rows.rows.iter().map(|row| read(&row.value)).collect()
    }

    /// Whether this region has the letter.
    #[must_use]
    pub fn contains(&self, id: &str) -> bool {
        self.0.index.lock().sizes.contains_key(id)
    }

    /// Takes a letter out for a redrive, so that no second redrive finds it meanwhile.
    pub(crate) fn take(&self, id: &str) -> Result<Option<Taken>, StoreError> {
        if !self.contains(id) {
            return Ok(None);
        }
        let stored = self.0.store.get(self.key(id).as_bytes())?;
        // Only one of several who come this far removes it.
        let is_first = self.0.index.lock().remove(id).is_some();
        let letter = stored.filter(|_| is_first).map(|value| read(&value)).transpose()?;
        Ok(letter.map(|letter| Taken { dead: self.clone(), letter, is_gone: false }))
    }

    /// Removes what is older than 14 days.
    pub(crate) fn sweep(&self, now: Timestamp) {
        let oldest_kept = format!("{:012x}", now.minus(KEPT_FOR).as_millis());
        let mut batch = Batch::default();
        let mut index = self.0.index.lock();
        let expired: Vec<_> = index.sizes.range(..oldest_kept).map(|(id, _)| id.clone()).collect();
        for id in expired {
            index.remove(&id);
            batch.delete(self.key(&id));
        }
        drop(index);
        if !batch.is_empty() {
            self.0.store.write_soon(batch);
        }
    }

    fn key(&self, id: &str) -> Key {
        debug_assert_eq!(id.len(), ID_LEN, "ids of one length sort by time");
        Key::new(Tag::DeadLetter).text(self.0.region.as_str()).bytes(id.as_bytes())
    }
}

/// A letter that is being redriven. Dropped, it is a dead letter again.
pub(crate) struct Taken {
    dead: DeadLetters,
    letter: Buried,
    is_gone: bool,
}

impl Taken {
    pub(crate) const fn letter(&self) -> &Buried {
        &self.letter
    }

    /// Adds to `batch` that the letter is gone.
    pub(crate) fn delete(&self, batch: &mut Batch) {
        batch.delete(self.dead.key(&self.letter.id));
    }

    /// The letter is gone for good.
    pub(crate) fn confirm(mut self) {
        self.is_gone = true;
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        if !self.is_gone {
            self.dead.0.index.lock().insert(self.letter.id.clone(), self.letter.body.len());
        }
    }
}

fn read(value: &[u8]) -> Result<Buried, StoreError> {
    serde_json::from_slice(value).map_err(|fault| StoreError::Damaged(format!("a dead letter: {fault}")))
}
