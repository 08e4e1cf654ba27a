//! Posting: every frame of every job, concurrently, under a limit that adapts to how the gateway answers.
//!
//! Frames of one connection go one after the other; a connection that does not answer holds its slot for a moment
//! only.

use std::ops::Range;
use std::sync::Arc;

use futures::stream::{FuturesUnordered, StreamExt};

use super::coalesce::{Part, coalesce};
use super::job::Job;
use super::limit::Limit;
use super::slots::Slots;
use super::{Counts, Run};
use crate::envelope::Recipient;
use crate::limits::POSTS_UNANSWERED_MAX;
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

/// What became of a parcel, and for how long it was in flight.
struct Answer<'a> {
    to: &'a Recipient,
    posted: Posted,
    counts: Counts,
    began: Timestamp,
    ended: Timestamp,
}

/// Posts all frames of all jobs.
pub(super) async fn post_all(jobs: &[Job], run: &Run<'_>) -> (Vec<Posted>, Counts) {
    let (gateway, clock) = (run.ports.gateway, run.ports.clock);
    let stop_at = run.deadline.minus(RESERVE);
    let mut waiting = parcels(jobs).into_iter();
    let mut in_flight = FuturesUnordered::new();
    let (mut limit, mut slots) = (Limit::default(), Slots::default());
    let (mut posted, mut counts) = (Vec::with_capacity(waiting.len()), Counts::default());
    loop {
        let mut now = clock.now();
        while slots.held(now) < limit.allowed() && in_flight.len() < POSTS_UNANSWERED_MAX {
            let Some(parcel) = waiting.next() else { break };
            in_flight.push(post(parcel, gateway, clock, now, stop_at));
            slots.take(now);
            now = clock.now().max(now);
        }
        let Some(answer) = in_flight.next().await else { return (posted, counts) };
        slots.give_back(answer.began);
        let throttled = matches!(answer.posted.outcome, Outcome::Throttled { .. });
        limit.learn(answer.ended.since(answer.began), throttled, answer.to);
        counts.add(&answer.counts);
        posted.push(answer.posted);
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

async fn post<'a>(
    parcel: Parcel<'a>,
    gateway: &dyn Gateway,
    clock: &dyn Clock,
    began: Timestamp,
    stop_at: Timestamp,
) -> Answer<'a> {
    let mut counts = Counts::default();
    let Parcel { job, target, to, frames } = parcel;
    let (mut outcome, mut now) = (Outcome::Done, began);
    for part in frames.iter() {
        let from = part.places.start;
        if to.expires_at <= now {
            break;
        }
        if now >= stop_at {
            outcome = Outcome::Unsent { from };
            break;
        }
        let answer = gateway.post(&to.connection, &part.frame).await;
        now = clock.now();
        if let Err(fault) = answer {
            outcome = judge(&fault, &part.places, &mut counts);
            break;
        }
        count_delivery(&mut counts, part);
    }
    Answer { to, posted: Posted { job, target, outcome }, counts, began, ended: now }
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
        PostError::Forbidden => {
            counts.forbidden += 1;
            Outcome::Forbidden { from }
        }
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
