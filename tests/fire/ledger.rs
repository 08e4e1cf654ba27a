//! What was acknowledged: the only thing that a publisher may count on, so the only thing that can be lost.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

/// What publishers note, and whether they are to go on.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    acknowledged: Mutex<Vec<String>>,
    refused: AtomicUsize,
    unknown: AtomicUsize,
    is_over: AtomicBool,
}

impl Ledger {
    /// The message with this data was acknowledged.
    pub(crate) fn acknowledge(&self, data: String) {
        self.acknowledged.lock().expect("nobody panics with it").push(data);
    }

    /// A publish was refused in so many words, for now.
    pub(crate) fn refuse(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// Nobody knows what became of a publish.
    pub(crate) fn lose_sight(&self) {
        self.unknown.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn refused(&self) -> usize {
        self.refused.load(Ordering::Relaxed)
    }

    pub(crate) fn unknown(&self) -> usize {
        self.unknown.load(Ordering::Relaxed)
    }

    /// How many were acknowledged so far.
    pub(crate) fn count(&self) -> usize {
        self.acknowledged.lock().expect("nobody panics with it").len()
    }

    /// The data of those acknowledged from the `first` on, in that order.
    pub(crate) fn since(&self, first: usize) -> Vec<String> {
        self.acknowledged.lock().expect("nobody panics with it")[first..].to_vec()
    }

    /// Publishers stop at their next message.
    pub(crate) fn end(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    /// Waits until so many more than `before` were acknowledged.
    pub(crate) async fn grows(&self, before: usize, more: usize) {
        sorl_tests::within(Duration::from_mins(5), "publishes are acknowledged", async || {
            (self.count() >= before + more).then_some(())
        })
        .await;
    }
}
