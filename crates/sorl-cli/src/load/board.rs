//! What everybody in a run writes to and looks at: the plan, every message, every latency.
//!
//! The invariant: it only grows, so whoever looks in the middle sees what was so far.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sorl_core::region::Region;

use super::ledger::Ledger;
use super::plan::{Plan, Seat};
use super::tally::Tally;
use crate::measure::Stop;
use crate::target::RegionAddress;

/// How often what is owed is looked at.
const LOOK: Duration = Duration::from_millis(50);
/// After all that is owed has come, so long for what comes twice.
const LINGER: Duration = Duration::from_secs(1);

/// A run, as far as it has come.
#[derive(Debug)]
pub(super) struct Board {
    pub(super) plan: Plan,
    pub(super) regions: Vec<Region>,
    pub(super) ledger: Ledger,
    pub(super) tally: Tally,
    /// Connections that are members.
    opened: AtomicUsize,
}

impl Board {
    /// A run that has not begun.
    pub(super) fn new(plan: Plan, places: &[RegionAddress]) -> anyhow::Result<Self> {
        let regions: Vec<_> = places.iter().map(|place| place.region.clone()).collect();
        let (ledger, tally) = (Ledger::new(plan.messages), Tally::new(regions.len())?);
        Ok(Self { plan, regions, ledger, tally, opened: AtomicUsize::new(0) })
    }

    /// Where the `nth` connection or message belongs.
    pub(super) fn seat(&self, nth: usize) -> Seat {
        self.plan.seat(nth, self.regions.len())
    }

    /// How many are owed message `n`.
    pub(super) fn members_of(&self, n: usize) -> usize {
        self.plan.members(self.seat(n).channel)
    }

    /// One more connection is a member.
    pub(super) fn open(&self) {
        self.opened.fetch_add(1, Ordering::Relaxed);
    }

    /// How many connections are members.
    pub(super) fn opened(&self) -> usize {
        self.opened.load(Ordering::Relaxed)
    }

    /// Message `n` came to a connection in region `to`, for the first time.
    pub(super) fn hear(&self, n: usize, to: usize) {
        if let Some(latency) = self.ledger.arrive(n) {
            self.tally.record(self.seat(n).region, to, latency);
        }
    }

    /// Waits until all that is owed has come, and a moment more for what comes twice; for as long as `patience`, or
    /// until it was asked twice to stop.
    pub(super) async fn settle(&self, patience: Duration, stop: &Stop) {
        let settled = async {
            while !self.ledger.is_settled(|n| self.members_of(n)) {
                tokio::time::sleep(LOOK).await;
            }
            tokio::time::sleep(LINGER).await;
        };
        tokio::select! {
            // Too late is told by the report.
            _ = tokio::time::timeout(patience, settled) => {}
            () = stop.asked(2) => {}
        }
    }
}
