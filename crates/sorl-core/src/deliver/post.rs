//! Posting: every frame of every job, concurrently, under a limit that adapts to how the gateway answers.
//!
//! Frames of one connection go one after the other; a connection that does not answer costs nobody else more
//! than its place among those in flight.

use std::ops::Range;
use std::sync::Arc;

use futures::stream::{FuturesUnordered, StreamExt};

use super::coalesce::{Part, coalesce};
use super::job::Job;
use super::{Counts, Run};
use crate::envelope::Recipient;
use crate::limits::POSTS_IN_FLIGHT_MAX;
use crate::ports::{Clock, Gateway, PostError};
use crate::time::Timestamp;

/// Time kept back before the deadline for what is in flight and for sending slices.
const RESERVE: std::time::Duration = std::time::Duration::from_secs(10);

/// What came of one target. A `from` is the first place of its list that it is still owed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Everything was taken, or the member's time is up.
    Done,
    /// Nothing was tried: time runs short.
    Unsent { from: usize },
    /// 410.
    Gone { from: usize },
    /// 429: whose fault, the sum of outcomes tells.
    Throttled { from: usize },
    /// Another answer, or none.
    Unanswered { from: usize },
    /// 403: the records must wait.
    Forbidden { from: usize },
    /// 413: the frame with these places will never pass; what is behind it was not tried.
    TooLarge { from: usize, to: usize },
}

/// A target's outcome, and where the target stands.
pub(super) struct Posted {
    pub(super) job: usize,
    pub(super) target: usize,
    pub(super) outcome: Outcome,
}

struct Parcel<'a> {
    job: usize,
    target: usize,
    to: &'a Recipient,
    frames: Arc<[Part]>,
}

/// Posts all frames of all jobs.
pub(super) async fn post_all(jobs: &[Job], run: &mut Run<'_>) -> Vec<Posted> {
    let (gateway, clock) = (run.ports.gateway, run.ports.clock);
    let stop_at = run.deadline.minus(RESERVE);
    let mut waiting = parcels(jobs).into_iter();
    let mut in_flight = FuturesUnordered::new();
    let mut limit = Limit::default();
    let mut posted = Vec::new();
    loop {
        while in_flight.len() < limit.in_flight() {
            let Some(parcel) = waiting.next() else { break };
            in_flight.push(post(parcel, gateway, clock, stop_at));
        }
        let Some((done, counts)) = in_flight.next().await else { return posted };
        limit.learn(done.outcome);
        add(&mut run.counts, counts);
        posted.push(done);
    }
}

fn parcels(jobs: &[Job]) -> Vec<Parcel<'_>> {
    let mut parcels = Vec::new();
    for (job_at, job) in jobs.iter().enumerate() {
        let frames = coalesce(&job.items, &job.targets);
        for (target, (to, frames)) in job.targets.iter().zip(frames).enumerate() {
            parcels.push(Parcel { job: job_at, target, to: &to.to, frames });
        }
    }
    parcels
}

async fn post(
    parcel: Parcel<'_>,
    gateway: &dyn Gateway,
    clock: &dyn Clock,
    stop_at: Timestamp,
) -> (Posted, Counts) {
    let mut counts = Counts::default();
    let Parcel { job, target, to, frames } = parcel;
    for part in frames.iter() {
        let from = part.places.start;
        let now = clock.now();
        let stopped = if to.expires_at <= now {
            Some(Outcome::Done)
        } else if now >= stop_at {
            Some(Outcome::Unsent { from })
        } else {
            match gateway.post(&to.connection, &part.frame).await {
                Ok(()) => {
                    count_delivery(&mut counts, part);
                    None
                }
                Err(fault) => Some(judge(&fault, &part.places, &mut counts)),
            }
        };
        if let Some(outcome) = stopped {
            return (Posted { job, target, outcome }, counts);
        }
    }
    (Posted { job, target, outcome: Outcome::Done }, counts)
}

fn judge(fault: &PostError, places: &Range<usize>, counts: &mut Counts) -> Outcome {
    let from = places.start;
    match fault {
        PostError::Gone => {
            counts.gone += 1;
            Outcome::Gone { from }
        }
        PostError::Throttled => {
            counts.throttled += 1;
            Outcome::Throttled { from }
        }
        PostError::TooLarge => Outcome::TooLarge { from, to: places.end },
        PostError::Forbidden => Outcome::Forbidden { from },
        PostError::Unavailable(fault) => {
            counts.unanswered += 1;
            tracing::debug!(source = %fault.source, "a post was not answered");
            Outcome::Unanswered { from }
        }
    }
}

fn count_delivery(counts: &mut Counts, part: &Part) {
    counts.posts += 1;
    counts.deliveries += part.places.len() as u64;
    counts.bytes += part.frame.text().len() as u64;
}

fn add(sum: &mut Counts, counts: Counts) {
    sum.posts += counts.posts;
    sum.deliveries += counts.deliveries;
    sum.bytes += counts.bytes;
    sum.gone += counts.gone;
    sum.throttled += counts.throttled;
    sum.unanswered += counts.unanswered;
}

/// Additive increase, multiplicative decrease: a window's worth of answers widens the limit by one, a throttle
/// halves it, at most once a window.
struct Limit {
    allowed: usize,
    answers: usize,
    halved: bool,
}

impl Default for Limit {
    fn default() -> Self {
        Self { allowed: 64, answers: 0, halved: false }
    }
}

impl Limit {
    const LEAST: usize = 4;

    const fn in_flight(&self) -> usize {
        self.allowed
    }

    fn learn(&mut self, outcome: Outcome) {
        self.answers += 1;
        if matches!(outcome, Outcome::Throttled { .. }) && !self.halved {
            self.allowed = (self.allowed / 2).max(Self::LEAST);
            self.halved = true;
        }
        if self.answers >= self.allowed {
            self.allowed =
                if self.halved { self.allowed } else { (self.allowed + 8).min(POSTS_IN_FLIGHT_MAX) };
            self.answers = 0;
            self.halved = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_halves_on_a_throttle_once_a_window_and_grows_back() {
        let mut limit = Limit::default();
        for _ in 0..3 {
            limit.learn(Outcome::Throttled { from: 0 });
        }
        assert_eq!(limit.in_flight(), 32);
        for _ in 0..10_000 {
            limit.learn(Outcome::Done);
        }
        assert_eq!(limit.in_flight(), POSTS_IN_FLIGHT_MAX);
        for _ in 0..100_000 {
            limit.learn(Outcome::Throttled { from: 0 });
        }
        assert_eq!(limit.in_flight(), Limit::LEAST);
    }
}
