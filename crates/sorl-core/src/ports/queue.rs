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

impl DeadLetter {
    /// The few kinds of reasons, for a metric's label and a log line: never what a reason quotes.
    #[must_use]
    pub fn class(&self) -> &'static str {
        const CLASSES: [(&str, &str); 9] = [
            ("too large", "too_large"),
            ("a frame larger", "too_large"),
            ("not an SNS notification", "not_a_notification"),
            ("not a slice", "not_a_slice"),
            ("control", "control"),
            ("relay", "relay"),
            ("neither a JSON object", "not_a_message"),
            ("the attribute channel", "not_a_message"),
            ("received", "received_too_often"),
        ];
        CLASSES.iter().find(|(start, _)| self.reason.starts_with(start)).map_or("other", |(_, class)| class)
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_classed_without_what_it_quotes() {
        let class = |reason: &str| {
            DeadLetter { source: RecordSource::Live, body: String::new(), reason: reason.to_owned() }.class()
        };
        assert_eq!(class("too large: 99999 bytes as clients get it, at most 98304"), "too_large");
        assert_eq!(class("control: not a control message: x"), "control");
        assert_eq!(class("a channel name has 1 to 128 characters"), "other");
    }
}
