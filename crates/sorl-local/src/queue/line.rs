//! The line of a queue: which record comes next, which wait for their time, which are being worked on.
//!
//! Pure state: told the time, holds no lock and writes no row. The invariant: every record stands in exactly one
//! of the three places until it is done with, and older records come before newer ones wherever both are due.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use sorl_core::ports::RecordSource;
use sorl_core::time::Timestamp;

use super::name;

/// A record's place: records are handed out by it. Also its row's key, but for second deliveries.
pub(super) type Place = u64;

/// One hand-out of a record; the next has another.
pub(super) type Handout = u64;

/// A record.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// By which deliveries know it; the same for a second delivery.
    pub(super) id: Arc<str>,
    /// What it says.
    pub(super) body: Arc<str>,
    /// How often it was handed out.
    pub(super) receive_count: u32,
    /// Where its row stands; none for a second delivery, which no restart repeats.
    pub(super) row: Option<Place>,
    /// When the queue had it.
    pub(super) queued_at: Timestamp,
}

impl Entry {
    /// A record that was never handed out. Its id says where it stands; no two of a queue are alike.
    pub(super) fn new(
        source: RecordSource,
        place: Place,
        body: Arc<str>,
        is_kept: bool,
        queued_at: Timestamp,
    ) -> Self {
        let id = format!("{}-{place}", name(source)).into();
        Self { id, body, receive_count: 0, row: is_kept.then_some(place), queued_at }
    }
}

/// What is due, what waits, what is handed out.
#[derive(Debug, Default)]
pub(super) struct Line {
    due: BTreeMap<Place, Entry>,
    waiting: BTreeMap<(Timestamp, Place), Entry>,
    handed_out: BTreeMap<Handout, (Timestamp, Place, Entry)>,
    deadlines: BTreeSet<(Timestamp, Handout)>,
    next_handout: Handout,
}

impl Line {
    /// Puts a record in line, to come not before `due_at`.
    pub(super) fn join(&mut self, place: Place, entry: Entry, due_at: Timestamp, now: Timestamp) {
        if due_at <= now {
            self.due.insert(place, entry);
        } else {
            self.waiting.insert((due_at, place), entry);
        }
    }

    /// Makes due what has waited long enough, and what was handed out and not answered for. Whether there was any.
    pub(super) fn advance(&mut self, now: Timestamp) -> bool {
        let before = self.due.len();
        while let Some(first) = self.waiting.first_entry()
            && first.key().0 <= now
        {
            let ((_, place), entry) = first.remove_entry();
            self.due.insert(place, entry);
        }
        while let Some(&(deadline, handout)) = self.deadlines.first()
            && deadline <= now
        {
            if let Some((place, entry)) = self.take_back(handout) {
                self.due.insert(place, entry);
            }
        }
        self.due.len() > before
    }

    /// The next record that is due.
    pub(super) fn pop(&mut self) -> Option<(Place, Entry)> {
        self.due.pop_first()
    }

    /// Remembers that a record is being worked on until `deadline`.
    pub(super) fn hand_out(&mut self, place: Place, entry: Entry, deadline: Timestamp) -> Handout {
        let handout = self.next_handout;
        self.next_handout += 1;
        self.deadlines.insert((deadline, handout));
        self.handed_out.insert(handout, (deadline, place, entry));
        handout
    }

    /// Ends a hand-out; none if it was ended before, so that a late answer changes nothing.
    pub(super) fn take_back(&mut self, handout: Handout) -> Option<(Place, Entry)> {
        let (deadline, place, entry) = self.handed_out.remove(&handout)?;
        self.deadlines.remove(&(deadline, handout));
        Some((place, entry))
    }

    /// Whether anything is due.
    pub(super) fn has_due(&self) -> bool {
        !self.due.is_empty()
    }

    /// When something becomes due by itself.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        let waiting = self.waiting.first_key_value().map(|((at, _), _)| *at);
        let deadline = self.deadlines.first().map(|(at, _)| *at);
        waiting.into_iter().chain(deadline).min()
    }

    /// Records in line, handed-out ones included.
    pub(super) fn len(&self) -> usize {
        self.due.len() + self.waiting.len() + self.handed_out.len()
    }
}

/// How long a failed record waits before it is handed out again: doubling from one second, at most a minute, so
/// that a dependency that is down is asked ever less, and a healed one is soon noticed.
#[must_use]
pub fn retry_delay(receive_count: u32) -> Duration {
    const DOUBLINGS_MAX: u32 = 6;
    let doubled = 1u64 << receive_count.saturating_sub(1).min(DOUBLINGS_MAX);
    Duration::from_secs(doubled.min(60))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(id: &str) -> Entry {
        Entry { id: id.into(), body: "".into(), receive_count: 0, row: None, queued_at: at(0) }
    }

    fn at(ms: u64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    fn pop_id(line: &mut Line) -> Option<String> {
        line.pop().map(|(_, entry)| entry.id.to_string())
    }

    #[test]
    fn older_records_come_first_whenever_both_are_due() {
        let mut line = Line::default();
        line.join(2, entry("second"), at(0), at(0));
        line.join(1, entry("first"), at(10), at(0));
        line.join(3, entry("third"), at(0), at(0));
        assert_eq!(line.next_due(), Some(at(10)));
        assert!(line.advance(at(10)));
        assert_eq!(pop_id(&mut line).as_deref(), Some("first"));
        assert_eq!(pop_id(&mut line).as_deref(), Some("second"));
        assert_eq!(pop_id(&mut line).as_deref(), Some("third"));
        assert_eq!(line.next_due(), None);
    }

    #[test]
    fn a_handout_that_is_not_answered_comes_back_once() {
        let mut line = Line::default();
        let handout = line.hand_out(1, entry("only"), at(100));
        assert!(!line.advance(at(99)) && line.advance(at(100)));
        assert_eq!(line.len(), 1);
        assert!(line.take_back(handout).is_none(), "the late answer finds nothing");
        assert_eq!(pop_id(&mut line).as_deref(), Some("only"));
        assert_eq!(line.len(), 0);
    }

    #[test]
    fn retries_become_rarer_up_to_a_minute() {
        let seconds: Vec<_> = (1..=8).map(|count| retry_delay(count).as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(retry_delay(u32::MAX).as_secs(), 60);
    }
}
