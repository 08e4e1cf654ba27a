//! Every message of a run: when it was published, whether it was acknowledged, how many it reached.
//!
//! Memory is taken once, for as many messages as the plan has. The invariant: a message is owed to its channel's
//! members when it was acknowledged, and a latency is told only of a message that was published.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::measure::micros;

/// All messages of a run.
#[derive(Debug)]
pub(super) struct Ledger {
    began: Instant,
    entries: Vec<Entry>,
    published: AtomicU64,
    accepted: AtomicU64,
    arrived: AtomicU64,
}

#[derive(Debug, Default)]
struct Entry {
    /// Microseconds since the ledger began, plus one; 0 until it is published.
    published: AtomicU64,
    accepted: AtomicBool,
    arrived: AtomicU32,
}

impl Ledger {
    /// A ledger for so many messages, whose time begins now.
    pub(super) fn new(messages: usize) -> Self {
        let entries = std::iter::repeat_with(Entry::default).take(messages).collect();
        Self {
            began: Instant::now(),
            entries,
            published: AtomicU64::new(0),
            accepted: AtomicU64::new(0),
            arrived: AtomicU64::new(0),
        }
    }

    /// Message `n` is about to be published.
    pub(super) fn publish(&self, n: usize) {
        if let Some(entry) = self.entries.get(n) {
            entry.published.store(micros(self.began.elapsed()) + 1, Ordering::Relaxed);
            self.published.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Message `n` was acknowledged.
    pub(super) fn accept(&self, n: usize) {
        if let Some(entry) = self.entries.get(n) {
            entry.accepted.store(true, Ordering::Relaxed);
            self.accepted.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Message `n` arrived at one more connection, so long after it was published.
    pub(super) fn arrive(&self, n: usize) -> Option<Duration> {
        let entry = self.entries.get(n)?;
        let published = entry.published.load(Ordering::Relaxed).checked_sub(1)?;
        entry.arrived.fetch_add(1, Ordering::Relaxed);
        self.arrived.fetch_add(1, Ordering::Relaxed);
        Some(self.began.elapsed().saturating_sub(Duration::from_micros(published)))
    }

    /// Whether message `n` was acknowledged.
    pub(super) fn is_accepted(&self, n: usize) -> bool {
        self.entries.get(n).is_some_and(|entry| entry.accepted.load(Ordering::Relaxed))
    }

    /// Whether every message that was acknowledged arrived at all who are owed it.
    pub(super) fn is_settled(&self, members: impl Fn(usize) -> usize) -> bool {
        self.entries.iter().enumerate().all(|(n, entry)| {
            !entry.accepted.load(Ordering::Relaxed)
                || entry.arrived.load(Ordering::Relaxed) as usize >= members(n)
        })
    }

    /// How many messages there are to be.
    pub(super) const fn len(&self) -> usize {
        self.entries.len()
    }

    /// How many were published so far.
    pub(super) fn published(&self) -> u64 {
        self.published.load(Ordering::Relaxed)
    }

    /// How many were acknowledged so far.
    pub(super) fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }

    /// How many deliveries there were so far, each counted once.
    pub(super) fn arrived(&self) -> u64 {
        self.arrived.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_owed_once_it_was_acknowledged() {
        let ledger = Ledger::new(2);
        ledger.publish(0);
        assert!(ledger.is_settled(|_| 2), "nothing was acknowledged");
        ledger.accept(0);
        ledger.arrive(0);
        assert!(!ledger.is_settled(|_| 2));
        ledger.arrive(0);
        assert!(ledger.is_settled(|_| 2));
        assert_eq!((ledger.published(), ledger.accepted(), ledger.arrived()), (1, 1, 2));
    }

    #[test]
    fn what_was_never_published_has_no_latency() {
        let ledger = Ledger::new(1);
        assert_eq!(ledger.arrive(0), None);
        assert_eq!(ledger.arrive(7), None);
        ledger.publish(0);
        assert!(ledger.arrive(0).is_some());
        assert_eq!(ledger.arrived(), 1);
    }
}
