//! The queue: where `deliver` puts what it cannot finish (`bulk`) and what can never succeed (dead letters).

use async_trait::async_trait;

use super::{Partial, Unavailable};
use crate::envelope::Slice;

/// Which queue a record came from, so which one a redrive puts it back on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RecordSource {
    /// Fed by the topics: SNS notifications.
    Live,
    /// Fed by `deliver`: slices.
    Bulk,
}

/// A record that can never succeed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// Where it came from.
    pub source: RecordSource,
    /// The record's body, untouched.
    pub body: String,
    /// Why, in words for an operator; goes into the attribute `reason`.
    pub reason: String,
}

/// Sends to the own region's `bulk` and dead-letter queues.
///
/// - **`sent_is_delivered`**: a slice that did not fail is handed to `deliver` at least once, not before its delay.
/// - **`failures_are_told_apart`**: in a batch, only the items named in [`Partial`] may be lost.
/// - **`buried_is_kept`**: a dead letter that was acknowledged is kept with its reason until it is redriven,
///   purged or 14 days old.
#[async_trait]
pub trait Queue: Send + Sync {
    /// Sends slices, of any number, each after its own delay; the adapter keeps SQS's batch limits (10
    /// messages, 1 MiB).
    ///
    /// # Errors
    /// [`Partial`] names the slices that were not acknowledged.
    async fn send(&self, slices: &[Slice]) -> Result<(), Partial>;

    /// Puts a record on the dead-letter queue.
    ///
    /// # Errors
    /// [`Unavailable`]: it may or may not be there.
    async fn bury(&self, letter: &DeadLetter) -> Result<(), Unavailable>;
}
