//! A queue as SQS keeps one: at least once, batches, visibility, redelivery, dead letters after too many tries.
//!
//! Not the port of core (`LocalQueue`). The invariant: a record that was accepted is handed out again and again
//! until it is deleted or buried; with a durable store, over restarts as well. Bounded by bytes: what does not
//! fit is refused to the publisher, never dropped.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use sorl_core::deliver::Record;
use sorl_core::limits::{BATCH_MAX, DELIVER_MAX};
use sorl_core::ports::{DeadLetter, Entropy, RecordSource};
use sorl_core::region::Region;
use sorl_core::time::Timestamp;
use tokio::sync::Notify;

use super::line::{Entry, Handout, Line, Place};
use super::rows::QueueRows;
use crate::dead_letters::DeadLetters;
use crate::faults::{FaultCell, strikes};
use crate::store::{Batch, Store, StoreError};

/// How long a record is out before it is taken to be lost: `deliver` answers within [`DELIVER_MAX`], always.
pub const VISIBILITY: Duration = DELIVER_MAX.saturating_mul(2);
/// Hand-outs before a record is buried without having succeeded: the queues' `maxReceiveCount`.
pub const RECEIVES_MAX: u32 = 100;
/// Bytes in a queue, waiting or handed out: hours of a lively chat for a region that is cut off.
const QUEUE_BYTES_MAX: usize = 256 * 1024 * 1024;
/// What a record costs besides its body.
const RECORD_COST: usize = 256;
/// A second delivery comes within this after the first.
const DUPLICATE_WITHIN_MS: u64 = 1_000;

/// One queue of one region. Cloning shares it.
#[derive(Clone)]
pub struct RecordQueue(Arc<Inner>);

struct Inner {
    source: RecordSource,
    state: Mutex<State>,
    bytes_max: usize,
    rows: QueueRows,
    dead: DeadLetters,
    faults: FaultCell,
    entropy: Arc<dyn Entropy>,
    arrived: Notify,
    rescheduled: Arc<Notify>,
}

#[derive(Default)]
struct State {
    line: Line,
    bytes: usize,
    next_place: Place,
}

/// What a queue shares with the world around it.
#[derive(Clone)]
pub(crate) struct Surroundings {
    pub(crate) region: Region,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) faults: FaultCell,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) dead: DeadLetters,
    pub(crate) rescheduled: Arc<Notify>,
}

/// A record to be sent.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// What it says; queues of several regions share it.
    pub body: Arc<str>,
    /// How long it is held back.
    pub delay: Duration,
}

/// By which a hand-out is answered for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Receipt(Handout);

/// A record that was handed out: to be deleted, released, or handed out again after [`VISIBILITY`].
#[derive(Debug, Clone)]
pub struct Received {
    /// For `deliver`.
    pub record: Record,
    /// When the queue had it, for those who watch.
    pub queued_at: Timestamp,
    /// For the answer.
    pub receipt: Receipt,
    /// How often it was handed out, this time included.
    pub receive_count: u32,
}

/// The queue holds as much as it may: try again later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the queue is full")]
pub struct Full;

/// Records that a queue has room for and that are not in line yet: between the decision to publish and its
/// durable end. Dropped, it gives the room back.
pub struct Admission {
    queue: RecordQueue,
    records: Vec<(Place, Outgoing)>,
    bytes: usize,
}

impl RecordQueue {
    /// The queue, with what a durable store kept of it.
    ///
    /// # Errors
    /// [`StoreError`] if what it kept cannot be read.
    pub(crate) fn open(
        source: RecordSource,
        around: Surroundings,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        Self::open_bounded(source, around, now, QUEUE_BYTES_MAX)
    }

    pub(super) fn open_bounded(
        source: RecordSource,
        around: Surroundings,
        now: Timestamp,
        bytes_max: usize,
    ) -> Result<Self, StoreError> {
        let Surroundings { region, store, faults, entropy, dead, rescheduled } = around;
        let rows = QueueRows::new(store, &region, source);
        let mut state = State::default();
        for kept in rows.load()? {
            state.next_place = kept.place + 1;
            state.bytes += cost(&kept.body);
            let entry = Entry::new(source, kept.place, kept.body, rows.are_kept(), now);
            state.line.join(kept.place, entry, kept.due_at, now);
        }
        let state = Mutex::new(state);
        let arrived = Notify::new();
        Ok(Self(Arc::new(Inner {
            source,
            state,
            bytes_max,
            rows,
            dead,
            faults,
            entropy,
            arrived,
            rescheduled,
        })))
    }

    /// Makes room for records of one group, which get neighbouring places.
    ///
    /// # Errors
    /// [`Full`]; then nothing was taken.
    pub fn admit(&self, records: Vec<Outgoing>) -> Result<Admission, Full> {
        let bytes = records.iter().map(|record| cost(&record.body)).sum();
        let mut state = self.0.state.lock();
        if state.bytes.saturating_add(bytes) > self.0.bytes_max {
            return Err(Full);
        }
        state.bytes += bytes;
        let first = state.next_place;
        let records: Vec<_> = (first..).zip(records).collect();
        state.next_place += records.len() as Place;
        drop(state);
        Ok(Admission { queue: self.clone(), records, bytes })
    }

    /// Hands out up to `max` records (never more than a batch), oldest first.
    #[must_use]
    pub fn receive(&self, now: Timestamp, max: usize) -> Vec<Received> {
        let mut state = self.0.state.lock();
        state.line.advance(now);
        let mut received = Vec::new();
        while received.len() < max.min(BATCH_MAX) {
            let Some((place, entry)) = state.line.pop() else { break };
            if entry.receive_count >= RECEIVES_MAX {
                self.give_up(&mut state, &entry, now);
            } else {
                received.push(self.hand_out(&mut state, place, entry, now));
            }
        }
        if state.line.has_due() {
            // There is work for another: each notice wakes one who waits.
            self.0.arrived.notify_one();
        }
        received
    }

    fn hand_out(&self, state: &mut State, place: Place, mut entry: Entry, now: Timestamp) -> Received {
        entry.receive_count += 1;
        if entry.receive_count == 1 && strikes(self.0.faults.in_force().duplicate, &*self.0.entropy) {
            let second = Entry { row: None, ..entry.clone() };
            let within = Duration::from_millis(self.0.entropy.bits() % DUPLICATE_WITHIN_MS);
            state.bytes += cost(&second.body);
            let place = state.next_place;
            state.next_place += 1;
            state.line.join(place, second, now.plus(within), now);
            self.0.rescheduled.notify_one();
        }
        let id = entry.id.to_string();
        let record = Record { id, source: self.0.source, body: entry.body.to_string() };
        let (receive_count, queued_at) = (entry.receive_count, entry.queued_at);
        let receipt = Receipt(state.line.hand_out(place, entry, now.plus(VISIBILITY)));
        Received { record, queued_at, receipt, receive_count }
    }

    fn give_up(&self, state: &mut State, entry: &Entry, now: Timestamp) {
        state.bytes = state.bytes.saturating_sub(cost(&entry.body));
        tracing::warn!(outcome = "dead_lettered", record = %entry.id, "received too often");
        let letter = DeadLetter {
            source: self.0.source,
            body: entry.body.to_string(),
            reason: format!("received {RECEIVES_MAX} times without success"),
        };
        let mut batch = Batch::default();
        self.0.rows.delete(entry.row, &mut batch);
        self.0.dead.bury_with(batch, &letter, now);
    }

    /// Ends a record: it was dealt with.
    pub fn delete(&self, receipt: Receipt) {
        let mut state = self.0.state.lock();
        let Some((_, entry)) = state.line.take_back(receipt.0) else { return };
        state.bytes = state.bytes.saturating_sub(cost(&entry.body));
        drop(state);
        let mut batch = Batch::default();
        self.0.rows.delete(entry.row, &mut batch);
        self.0.rows.write_soon(batch);
    }

    /// Gives a record back, to be handed out again after `delay`; [`super::retry_delay`] says how long a failed
    /// one should wait.
    pub fn release(&self, receipt: Receipt, now: Timestamp, delay: Duration) {
        let mut state = self.0.state.lock();
        let Some((place, entry)) = state.line.take_back(receipt.0) else { return };
        state.line.join(place, entry, now.plus(delay), now);
        drop(state);
        self.tell(delay.is_zero(), !delay.is_zero());
    }

    /// Accepts records of one group, durably where the store is durable.
    ///
    /// # Errors
    /// [`SendError`]: after [`SendError::Store`] they may or may not be delivered.
    pub async fn send(&self, records: Vec<Outgoing>, now: Timestamp) -> Result<(), SendError> {
        let admission = self.admit(records)?;
        let mut batch = Batch::default();
        admission.write_to(&mut batch, now);
        Ok(self.0.rows.write_then(batch, Box::new(move || admission.accept(now))).await?)
    }

    /// Waits until there may be something to receive. A notice given while nobody waited is not lost.
    pub async fn arrived(&self) {
        self.0.arrived.notified().await;
    }

    /// Moves what waited long enough into the line and wakes a receiver if there was any.
    pub fn tick(&self, now: Timestamp) {
        if self.0.state.lock().line.advance(now) {
            self.0.arrived.notify_one();
        }
    }

    /// When something becomes receivable by itself.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        self.0.state.lock().line.next_due()
    }

    /// Records not yet dealt with, handed-out ones included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.state.lock().line.len()
    }

    /// Whether everything was dealt with.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Wakes who receives, and who watches the time.
    fn tell(&self, any_due: bool, any_waits: bool) {
        if any_due {
            self.0.arrived.notify_one();
        }
        if any_waits {
            self.0.rescheduled.notify_one();
        }
    }
}

/// Why records were not accepted.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// Nothing was taken.
    #[error(transparent)]
    Full(#[from] Full),
    /// They may or may not be delivered.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Admission {
    /// How many records it is for.
    pub(crate) fn records(&self) -> usize {
        self.records.len()
    }

    /// Adds the rows that keep the records over a restart; none where the store is not durable.
    pub fn write_to(&self, batch: &mut Batch, now: Timestamp) {
        for (place, record) in &self.records {
            self.queue.0.rows.put(*place, now.plus(record.delay), &record.body, batch);
        }
    }

    /// Puts the records in line. Call it once their rows stand.
    pub fn accept(mut self, now: Timestamp) {
        // The room is the records' now; the drop of this admission gives none back.
        self.bytes = 0;
        let queue = self.queue.clone();
        let (mut any_due, mut any_waits) = (false, false);
        let mut state = queue.0.state.lock();
        for (place, record) in std::mem::take(&mut self.records) {
            let entry = Entry::new(queue.0.source, place, record.body, queue.0.rows.are_kept(), now);
            state.line.join(place, entry, now.plus(record.delay), now);
            any_due |= record.delay.is_zero();
            any_waits |= !record.delay.is_zero();
        }
        drop(state);
        queue.tell(any_due, any_waits);
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        if self.bytes > 0 {
            let mut state = self.queue.0.state.lock();
            state.bytes = state.bytes.saturating_sub(self.bytes);
        }
    }
}

fn cost(body: &str) -> usize {
    body.len() + RECORD_COST
}
