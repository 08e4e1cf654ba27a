//! What is due, and when. The invariant: in order of time, and of entry where times are equal, so that a run repeats.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

#[derive(Debug)]
struct Due<E> {
    at: f64,
    entry: u64,
    event: E,
}

impl<E> Ord for Due<E> {
    /// The heap gives the largest first: the earliest is the largest.
    fn cmp(&self, other: &Self) -> Ordering {
        other.at.total_cmp(&self.at).then(other.entry.cmp(&self.entry))
    }
}

impl<E> PartialOrd for Due<E> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<E> PartialEq for Due<E> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<E> Eq for Due<E> {}

/// Events to come.
#[derive(Debug)]
pub(super) struct Agenda<E> {
    heap: BinaryHeap<Due<E>>,
    entries: u64,
}

impl<E> Agenda<E> {
    pub(super) const fn new() -> Self {
        Self { heap: BinaryHeap::new(), entries: 0 }
    }

    pub(super) fn enter(&mut self, at: f64, event: E) {
        self.entries += 1;
        self.heap.push(Due { at, entry: self.entries, event });
    }

    /// When the next event is.
    pub(super) fn next_at(&self) -> Option<f64> {
        self.heap.peek().map(|due| due.at)
    }

    pub(super) fn pop(&mut self) -> Option<E> {
        self.heap.pop().map(|due| due.event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_by_time_and_then_as_they_were_entered() {
        let mut agenda = Agenda::new();
        for (at, event) in [(2.0, 'c'), (1.0, 'a'), (2.0, 'd'), (1.0, 'b')] {
            agenda.enter(at, event);
        }
        let order: String = std::iter::from_fn(|| agenda.pop()).collect();
        assert_eq!(order, "abcd");
    }
}
