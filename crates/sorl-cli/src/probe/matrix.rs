//! When each marker was published and when it arrived where: round by region by region.
//!
//! The invariant: an arrival is noted once, the first; rounds that were not begun, or were interrupted, do not count.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use sorl_core::region::Region;
use tokio::sync::Notify;

use crate::measure::micros;

/// All markers of a probe.
#[derive(Debug)]
pub(super) struct Matrix {
    pub(super) run: String,
    pub(super) regions: Vec<Region>,
    began: Instant,
    /// Of each marker, microseconds since the matrix began, plus one; 0 until it is published.
    published: Vec<AtomicU64>,
    /// Of each marker in each region, its latency in microseconds, plus one; 0 until it arrives.
    arrived: Vec<AtomicU64>,
    counted: AtomicUsize,
    changed: Notify,
}

impl Matrix {
    /// Nothing yet.
    pub(super) fn new(run: String, regions: Vec<Region>, rounds: usize) -> Self {
        let markers = rounds * regions.len();
        let zeros = |count| std::iter::repeat_with(AtomicU64::default).take(count).collect();
        Self {
            run,
            began: Instant::now(),
            published: zeros(markers),
            arrived: zeros(markers * regions.len()),
            regions,
            counted: AtomicUsize::new(0),
            changed: Notify::new(),
        }
    }

    /// Which marker region `from` publishes in a round.
    pub(super) fn marker(&self, round: usize, from: usize) -> usize {
        round * self.regions.len() + from
    }

    /// So many rounds count.
    pub(super) fn count(&self, rounds: usize) {
        self.counted.store(rounds, Ordering::Relaxed);
    }

    /// A marker is about to be published.
    pub(super) fn publish(&self, marker: usize) {
        if let Some(published) = self.published.get(marker) {
            published.store(micros(self.began.elapsed()) + 1, Ordering::Relaxed);
        }
    }

    /// A marker arrived in region `to`.
    pub(super) fn arrive(&self, marker: usize, to: usize) {
        let published = self.published.get(marker).map(|at| at.load(Ordering::Relaxed));
        let cell = self.arrived.get(marker * self.regions.len() + to);
        if let (Some(at), Some(cell)) = (published.and_then(|at| at.checked_sub(1)), cell) {
            let latency = micros(self.began.elapsed()).saturating_sub(at) + 1;
            // Only the first arrival counts.
            cell.compare_exchange(0, latency, Ordering::Relaxed, Ordering::Relaxed).ok();
            self.changed.notify_one();
        }
    }

    /// Returns once every marker of a round that was published has arrived in all the regions that `listen`.
    pub(super) async fn complete(&self, round: usize, listen: &[bool]) {
        loop {
            let changed = self.changed.notified();
            if self.is_complete(round, listen) {
                return;
            }
            changed.await;
        }
    }

    fn is_complete(&self, round: usize, listen: &[bool]) -> bool {
        let published = |from: &usize| {
            let marker = self.published.get(self.marker(round, *from));
            marker.is_some_and(|at| at.load(Ordering::Relaxed) > 0)
        };
        let regions = self.regions.len();
        (0..regions).filter(published).all(|from| {
            let everywhere = listen.iter().enumerate().filter(|(_, listens)| **listens);
            everywhere.map(|(to, _)| self.latency(round, from, to)).all(|latency| latency.is_some())
        })
    }

    fn latency(&self, round: usize, from: usize, to: usize) -> Option<Duration> {
        let cell = self.arrived.get(self.marker(round, from) * self.regions.len() + to)?;
        cell.load(Ordering::Relaxed).checked_sub(1).map(Duration::from_micros)
    }

    /// How many rounds count.
    pub(super) fn rounds(&self) -> usize {
        self.counted.load(Ordering::Relaxed)
    }

    /// What each round brought from one region to another.
    pub(super) fn pair(&self, from: usize, to: usize) -> Vec<Option<Duration>> {
        (0..self.rounds()).map(|round| self.latency(round, from, to)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matrix() -> Matrix {
        let regions = ["a", "b"].map(|name| Region::parse(name).unwrap());
        Matrix::new("run".to_owned(), regions.to_vec(), 2)
    }

    #[test]
    fn a_marker_is_noted_once_and_only_if_it_was_published() {
        let matrix = matrix();
        matrix.count(1);
        matrix.arrive(matrix.marker(0, 1), 0);
        assert_eq!(matrix.pair(1, 0), [None]);
        matrix.publish(matrix.marker(0, 1));
        matrix.arrive(matrix.marker(0, 1), 0);
        let first = matrix.pair(1, 0);
        matrix.arrive(matrix.marker(0, 1), 0);
        assert!(first[0].is_some());
        assert_eq!(matrix.pair(1, 0), first);
        assert_eq!(matrix.pair(0, 1), [None]);
    }

    #[test]
    fn a_marker_beyond_the_rounds_is_nobodys() {
        let matrix = matrix();
        matrix.count(2);
        matrix.publish(99);
        matrix.arrive(99, 0);
        assert_eq!(matrix.pair(0, 0), [None, None]);
    }

    #[tokio::test]
    async fn a_round_is_complete_when_all_who_listen_have_what_was_published() {
        let matrix = matrix();
        matrix.count(1);
        matrix.publish(matrix.marker(0, 0));
        assert!(!matrix.is_complete(0, &[true, true]));
        matrix.arrive(matrix.marker(0, 0), 0);
        assert!(matrix.is_complete(0, &[true, false]), "nobody listens in the other region");
        matrix.arrive(matrix.marker(0, 0), 1);
        matrix.complete(0, &[true, true]).await;
    }
}
