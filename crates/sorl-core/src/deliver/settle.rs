//! Settling: each target's outcome becomes done, gone, closed, or a place in a slice. Nothing is left out.
//!
//! Whose 429 it is: if more than 1 % of the other connections of the invocation got it too (those that failed
//! before not counted), it is the account's and counts as nobody's attempt; else it is that connection's own.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::stream::{self, StreamExt};

use super::job::{Job, Target};
use super::limit::Evidence;
use super::post::{Outcome, Posted};
use super::{Run, cut, gone};
use crate::envelope::{Poison, PoisonClass, Recipient};
use crate::limits::{HANDSHAKE_MAX, SLICE_ATTEMPTS_MAX, SLICE_DEPTH_MAX};
use crate::ports::CloseError;
use crate::protocol::Bye;

/// Longest wait of a slice between attempts.
const DELAY_MAX: Duration = Duration::from_mins(1);
/// Connections closed at the same time.
const CLOSING_CONCURRENCY: usize = 64;
/// Time kept back before the deadline for sending slices.
const RESERVE: Duration = Duration::from_secs(5);

/// What is to be done about a target that is not done.
enum Verdict {
    /// It is owed what stands from this place on.
    Retry { from: usize, to: Recipient, delay: Duration },
    /// It is gone or will not read: closed, and if that fails, owed still.
    Close { from: usize, to: Recipient, bye: Option<Bye> },
    /// Its records must wait.
    Fail { from: usize },
    /// A frame that never passes; what is behind it is owed still.
    Bury { from: usize, to: usize },
}

/// What connections are still owed, by job, place and delay: each entry becomes slices.
type Owing = BTreeMap<(usize, Vec<usize>, Duration), Vec<Recipient>>;

/// Accounts for every target of every job.
pub(super) async fn settle(jobs: Vec<Job>, posted: Vec<Posted>, run: &mut Run<'_>) {
    let account_is_throttled = evidence(&jobs, &posted).is_accounts();
    tell_if_forbidden(run);
    let mut owing = Owing::new();
    let mut closing = Vec::new();
    let mut unpassable = BTreeSet::new();
    for Posted { job: job_at, target, outcome } in posted {
        let Some(job) = jobs.get(job_at) else { continue };
        let Some(target) = job.targets.get(target) else { continue };
        if account_is_throttled && matches!(outcome, Outcome::Throttled { .. }) {
            run.counts.throttled_account += 1;
        }
        match verdict(outcome, target, job, account_is_throttled, run) {
            None => {}
            Some(Verdict::Retry { from, to, delay }) => {
                run.counts.retries += u64::from(!matches!(outcome, Outcome::Unsent { .. }));
                owe(&mut owing, (job_at, target), from, to, delay);
            }
            Some(Verdict::Close { from, to, bye }) => closing.push((job_at, target, from, to, bye)),
            Some(Verdict::Fail { from }) => run.fail(&job.records(owed(target, from))),
            Some(Verdict::Bury { from, to }) => {
                unpassable.extend(job.records(target.items.get(from..to).unwrap_or_default()));
                owe(&mut owing, (job_at, target), to, target.to.clone(), Duration::ZERO);
            }
        }
    }
    for (job_at, target, from, to, closed) in close_all(closing, run).await {
        match closed {
            Ok(slow) => run.counts.closed_slow += u64::from(slow),
            Err(delay) => owe(&mut owing, (job_at, target), from, to, delay),
        }
    }
    let too_large = Poison::new(PoisonClass::TooLarge, "a frame larger than the gateway takes");
    for record in unpassable {
        run.bury(record, &too_large).await;
    }
    for ((job_at, items, delay), connections) in owing {
        if let Some(job) = jobs.get(job_at) {
            send(job, (items, delay), &connections, run).await;
        }
    }
}

fn owed(target: &Target, from: usize) -> &[usize] {
    target.items.get(from..).unwrap_or_default()
}

fn owe(owing: &mut Owing, (job, target): (usize, &Target), from: usize, to: Recipient, delay: Duration) {
    let items = owed(target, from).to_vec();
    if !items.is_empty() {
        owing.entry((job, items, delay)).or_default().push(to);
    }
}

fn evidence(jobs: &[Job], posted: &[Posted]) -> Evidence {
    let mut evidence = Evidence::default();
    for Posted { job, target, outcome } in posted {
        if let Some(target) = jobs.get(*job).and_then(|job| job.targets.get(*target)) {
            evidence.add(matches!(outcome, Outcome::Throttled { .. }), &target.to);
        }
    }
    evidence
}

fn tell_if_forbidden(run: &Run<'_>) {
    if run.counts.forbidden > 0 {
        let remedy = "execute-api:ManageConnections of the role, and the endpoint";
        tracing::error!(posts = run.counts.forbidden, check = remedy, "@connections answered 403");
    }
}

/// None if nothing is left to do.
fn verdict(
    outcome: Outcome,
    target: &Target,
    job: &Job,
    is_accounts: bool,
    run: &Run<'_>,
) -> Option<Verdict> {
    let (to, depth) = (&target.to, job.depth);
    let retry = |from, delay| Verdict::Retry { from, to: to.clone(), delay };
    Some(match outcome {
        Outcome::Done => return None,
        Outcome::Unsent { from } => retry(from, Duration::ZERO),
        Outcome::Gone { from } if run.now().since(to.since) < HANDSHAKE_MAX => {
            retry(from, wait(depth.min(2)))
        }
        Outcome::Gone { from } => Verdict::Close { from, to: to.clone(), bye: None },
        Outcome::Throttled { from } if is_accounts => retry(from, wait(depth)),
        Outcome::Throttled { from } | Outcome::Unanswered { from } => own_fault(from, to, depth),
        // The slices of the others are on their way; this connection's waits in a slice of its own.
        Outcome::Forbidden { from } if job.is_sliced(owed(target, from)) => retry(from, DELAY_MAX),
        Outcome::Forbidden { from } => Verdict::Fail { from },
        Outcome::TooLarge { from, to } => Verdict::Bury { from, to },
    })
}

/// The connection's own attempt failed; after the last one it is closed, so that its client recovers. The
/// attempts (1, 1, 2, 2, 4, 4 and 8 s apart) give a client some 20 s to read again.
fn own_fault(from: usize, to: &Recipient, depth: u32) -> Verdict {
    let attempts = to.attempts + 1;
    let to = Recipient { attempts, ..to.clone() };
    if attempts >= SLICE_ATTEMPTS_MAX || depth >= SLICE_DEPTH_MAX {
        return Verdict::Close { from, to, bye: Some(Bye::Slow) };
    }
    Verdict::Retry { from, to, delay: wait((attempts - 1) / 2) }
}

/// One second, doubled at every turn, at most a minute.
fn wait(turn: u32) -> Duration {
    Duration::from_secs(1 << turn.min(6)).min(DELAY_MAX)
}

type Closing<'t> = (usize, &'t Target, usize, Recipient, Option<Bye>);
type Closed<'t> = (usize, &'t Target, usize, Recipient, Result<bool, Duration>);

/// Closes connections, many at a time; those that could not be closed, or not in time, are owed still. A
/// success says whether the connection was slow.
async fn close_all<'t>(closing: Vec<Closing<'t>>, run: &Run<'_>) -> Vec<Closed<'t>> {
    let stop_at = run.deadline.minus(RESERVE);
    let closing = closing.into_iter().map(|(job, target, from, to, bye)| async move {
        if run.now() >= stop_at {
            return (job, target, from, to, Err(Duration::ZERO));
        }
        let closed = close(&to, bye, run).await;
        let closed = closed.map(|()| bye.is_some()).map_err(|fault| {
            tracing::warn!(connection = %to.connection, %fault, "a connection could not be closed");
            DELAY_MAX
        });
        (job, target, from, to, closed)
    });
    // Collected first: a closure over borrows that is held across an await keeps the handler from being `Send`.
    let closing: Vec<_> = closing.collect();
    stream::iter(closing).buffer_unordered(CLOSING_CONCURRENCY).collect().await
}

async fn close(to: &Recipient, bye: Option<Bye>, run: &Run<'_>) -> Result<(), CloseError> {
    if let Some(bye) = bye
        && let Err(fault) = gone::say_bye(to, bye, run).await
    {
        tracing::debug!(connection = %to.connection, %fault, "a bye was not taken");
    }
    gone::close(to, run).await?;
    tracing::info!(connection = %to.connection, user = %to.user, slow = bye.is_some(), "closed");
    Ok(())
}

/// Sends slices; what the queue does not acknowledge fails the records that it came with.
async fn send(job: &Job, owing: (Vec<usize>, Duration), to: &[Recipient], run: &mut Run<'_>) {
    let (items, delay) = owing;
    let slices = cut::slices(&job.messages(&items), to, job.read_at, job.depth, delay);
    match cut::send(&slices, run).await {
        Ok(slices) => run.counts.slices += slices,
        Err(()) => run.fail(&job.records(&items)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(attempts: u32) -> Recipient {
        let text =
            format!(r#"{{"connection":"c","user":"u","since":0,"expires_at":1,"attempts":{attempts}}}"#);
        serde_json::from_str(&text).unwrap()
    }

    /// After how many seconds it is tried again; none if it is closed.
    fn tried_again(attempts: u32, depth: u32) -> Option<u64> {
        match own_fault(3, &failed(attempts), depth) {
            Verdict::Retry { from: 3, to, delay } if to.attempts == attempts + 1 => Some(delay.as_secs()),
            Verdict::Close { from: 3, bye: Some(Bye::Slow), .. } => None,
            _ => panic!("neither tried again nor closed"),
        }
    }

    #[test]
    fn a_client_that_does_not_read_has_some_twenty_seconds_and_is_closed() {
        let waits: Vec<_> = (0..SLICE_ATTEMPTS_MAX).map(|attempts| tried_again(attempts, 1)).collect();
        let secs = [1, 1, 2, 2, 4, 4, 8].map(Some);
        assert_eq!(waits, [&secs[..], &[None]].concat());
    }

    #[test]
    fn a_slice_does_not_turn_for_ever() {
        assert_eq!(tried_again(0, SLICE_DEPTH_MAX - 1), Some(1));
        assert_eq!(tried_again(0, SLICE_DEPTH_MAX), None);
    }

    #[test]
    fn waits_double_up_to_a_minute() {
        assert_eq!([0, 1, 5, 6, 1_000].map(|turn| wait(turn).as_secs()), [1, 2, 32, 60, 60]);
    }
}
