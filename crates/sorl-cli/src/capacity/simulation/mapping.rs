//! Lambda's event source mapping: how records of a queue become batches, and how many of them run at once.
//!
//! Not the queue's delays. As AWS describes it: a poller gathers records until its batch is full or its window ends,
//! has the batch carried out, and begins the next window when that is done; there are five pollers at first, and
//! while records wait, up to 300 more a minute, never more than the mapping's maximum. The invariant: every record
//! is in exactly one batch, and no more batches run than there are pollers.

use std::collections::VecDeque;

use super::super::chance::Chance;
use super::super::quotas::{POLLERS_AT_FIRST, POLLERS_MORE_PER_SECOND};
use super::super::service::Mapping as Settings;

/// A batch that is full, or whose window ends at a time that the caller must come back at.
#[derive(Debug)]
pub(super) enum Gathered<R> {
    /// To be carried out now.
    Full { poller: usize, batch: Vec<R> },
    /// Call [`Pollers::close`] with this round then.
    Until { poller: usize, round: u64, ends: f64 },
    /// Somebody else's `Until` covers it, or the record waits for a free poller.
    Waits,
}

#[derive(Debug)]
enum State<R> {
    Gathering { since: f64, batch: Vec<R> },
    Busy,
}

#[derive(Debug)]
struct Poller<R> {
    state: State<R>,
    /// Tells the ends of windows apart.
    round: u64,
}

/// The pollers of one queue, and what waits for them.
#[derive(Debug)]
pub(super) struct Pollers<R> {
    waiting: VecDeque<R>,
    pollers: Vec<Poller<R>>,
    /// Fractions of a poller add up over the seconds.
    allowed: f64,
    settings: Settings,
    batch_max: usize,
    poll_s: f64,
}

impl<R> Pollers<R> {
    /// `at_once` batches may run from the beginning; `batch_max` is what fits an invocation's payload.
    pub(super) fn new(settings: Settings, at_first: bool, batch_max: usize, poll_s: f64) -> Self {
        let allowed =
            if at_first { POLLERS_AT_FIRST.min(settings.concurrency) } else { settings.concurrency };
        let batch_max = usize::from(settings.batch).min(batch_max).max(1);
        let mut pollers = Self {
            waiting: VecDeque::new(),
            pollers: Vec::new(),
            allowed: f64::from(allowed),
            settings,
            batch_max,
            poll_s,
        };
        pollers.hire(0.0);
        pollers
    }

    /// Pollers that have become allowed.
    fn hire(&mut self, now: f64) {
        while (self.pollers.len() as f64) < self.allowed.floor() {
            self.pollers.push(Poller { state: State::Gathering { since: now, batch: Vec::new() }, round: 0 });
        }
    }

    /// Records that no poller has taken yet.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Whether more pollers may come.
    pub(super) fn may_grow(&self) -> bool {
        self.allowed < f64::from(self.settings.concurrency)
    }

    /// A second has passed in which records waited: more pollers, each with its first batch.
    pub(super) fn grow(&mut self, now: f64) -> Vec<Gathered<R>> {
        self.allowed = (self.allowed + POLLERS_MORE_PER_SECOND).min(f64::from(self.settings.concurrency));
        let known = self.pollers.len();
        self.hire(now);
        (known..self.pollers.len()).map(|poller| self.refill(poller, now)).collect()
    }

    /// A record has come; any of the pollers that have room takes it, which is a matter of chance.
    pub(super) fn arrive(&mut self, record: R, now: f64, chance: &mut Chance) -> Gathered<R> {
        let open: Vec<usize> = (0..self.pollers.len()).filter(|at| self.has_room(*at)).collect();
        let pick = usize::try_from(chance.below(open.len() as u64)).unwrap_or(0);
        let Some(&at) = open.get(pick) else {
            self.waiting.push_back(record);
            return Gathered::Waits;
        };
        self.take(at, [record], now)
    }

    fn has_room(&self, at: usize) -> bool {
        matches!(self.pollers.get(at), Some(Poller { state: State::Gathering { batch, .. }, .. }) if batch.len() < self.batch_max)
    }

    /// The window of a poller ends: its batch, unless it was carried out before.
    pub(super) fn close(&mut self, at: usize, round: u64) -> Option<Vec<R>> {
        let poller = self.pollers.get_mut(at).filter(|poller| poller.round == round)?;
        match std::mem::replace(&mut poller.state, State::Busy) {
            State::Gathering { batch, .. } => Some(batch),
            State::Busy => None,
        }
    }

    /// A batch is done: its poller takes what waits, or begins a new window.
    pub(super) fn free(&mut self, at: usize, now: f64) -> Gathered<R> {
        if let Some(poller) = self.pollers.get_mut(at) {
            poller.state = State::Gathering { since: now, batch: Vec::new() };
            poller.round += 1;
        }
        self.refill(at, now)
    }

    fn refill(&mut self, at: usize, now: f64) -> Gathered<R> {
        let count = self.waiting.len().min(self.batch_max);
        let records: Vec<R> = self.waiting.drain(..count).collect();
        if records.is_empty() { Gathered::Waits } else { self.take(at, records, now) }
    }

    fn take(&mut self, at: usize, records: impl IntoIterator<Item = R>, now: f64) -> Gathered<R> {
        let (window, poll_s, batch_max) = (f64::from(self.settings.window_s), self.poll_s, self.batch_max);
        let Some(poller) = self.pollers.get_mut(at) else { return Gathered::Waits };
        let State::Gathering { since, batch } = &mut poller.state else { return Gathered::Waits };
        let is_first = batch.is_empty();
        batch.extend(records);
        if window > 0.0 && batch.len() >= batch_max {
            let batch = std::mem::take(batch);
            poller.state = State::Busy;
            return Gathered::Full { poller: at, batch };
        }
        if !is_first {
            return Gathered::Waits;
        }
        // A window that ended without records begins anew at once.
        let windows = if window > 0.0 { ((now - *since) / window).floor() + 1.0 } else { 0.0 };
        let ends = if window > 0.0 { *since + windows * window } else { now } + poll_s;
        Gathered::Until { poller: at, round: poller.round, ends }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(concurrency: u32, batch: u16, window_s: u16) -> Settings {
        Settings { concurrency, batch, window_s }
    }

    fn until<R: std::fmt::Debug>(gathered: Gathered<R>) -> (usize, u64, f64) {
        match gathered {
            Gathered::Until { poller, round, ends } => (poller, round, ends),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn without_a_window_a_batch_is_what_came_while_its_poller_was_busy() {
        let (mut pollers, mut chance) =
            (Pollers::new(settings(1, 10, 0), true, 100, 0.01), Chance::seeded(1));
        let (at, round, ends) = until(pollers.arrive(0, 1.0, &mut chance));
        assert_eq!(ends, 1.01);
        assert_eq!(pollers.close(at, round), Some(vec![0]));
        for record in 1..=12 {
            assert!(matches!(pollers.arrive(record, 1.1, &mut chance), Gathered::Waits));
        }
        let (at, round, ends) = until(pollers.free(at, 2.0));
        assert_eq!(ends, 2.01);
        assert_eq!(pollers.close(at, round), Some((1..=10).collect()));
        assert_eq!(pollers.waiting(), 2);
    }

    #[test]
    fn a_window_ends_at_its_time_or_when_the_batch_is_full_and_never_twice() {
        let (mut pollers, mut chance) = (Pollers::new(settings(1, 3, 5), true, 100, 0.0), Chance::seeded(1));
        // The first window began at 0, the second at 5.
        let (at, round, ends) = until(pollers.arrive(1, 7.0, &mut chance));
        assert_eq!(ends, 10.0);
        assert!(matches!(pollers.arrive(2, 8.0, &mut chance), Gathered::Waits));
        assert!(
            matches!(pollers.arrive(3, 9.0, &mut chance), Gathered::Full { batch, .. } if batch == [1, 2, 3])
        );
        assert_eq!(pollers.close(at, round), None);
        // The next window begins when the batch is done.
        assert!(matches!(pollers.free(at, 9.5), Gathered::Waits));
        let (at, later, ends) = until(pollers.arrive(4, 10.0, &mut chance));
        assert_eq!((ends, pollers.close(at, round)), (14.5, None));
        assert_eq!(pollers.close(at, later), Some(vec![4]));
    }

    #[test]
    fn five_batches_at_first_and_five_more_each_second_that_records_wait() {
        let (mut pollers, mut chance) = (Pollers::new(settings(12, 1, 0), true, 100, 0.0), Chance::seeded(1));
        let mut running = 0;
        for record in 0..40 {
            if let Gathered::Until { poller, round, .. } = pollers.arrive(record, 0.0, &mut chance) {
                running += pollers.close(poller, round).map_or(0, |batch| batch.len());
            }
        }
        assert_eq!((running, pollers.waiting()), (5, 35));
        assert_eq!((pollers.grow(1.0).len(), pollers.may_grow()), (5, true));
        assert_eq!((pollers.grow(2.0).len(), pollers.may_grow()), (2, false));
        assert_eq!(pollers.waiting(), 28);
    }

    #[test]
    fn a_batch_never_exceeds_what_an_invocation_takes() {
        let (mut pollers, mut chance) = (Pollers::new(settings(1, 10, 0), true, 7, 0.0), Chance::seeded(1));
        let (at, round, _) = until(pollers.arrive(0, 0.0, &mut chance));
        pollers.close(at, round);
        for record in 1..=9 {
            pollers.arrive(record, 0.0, &mut chance);
        }
        let (at, round, _) = until(pollers.free(at, 1.0));
        assert_eq!(pollers.close(at, round).map(|batch| batch.len()), Some(7));
    }
}
