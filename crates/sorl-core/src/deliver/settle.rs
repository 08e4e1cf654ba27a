//! Settling: each target's outcome becomes done, gone, closed, or a place in a slice. Nothing is left out.
//!
//! Whose 429 it is: if more than 1 % of the other connections of the invocation got it too, it is the
//! account's and counts as nobody's attempt; else it is that connection's own.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::stream::{self, StreamExt};

use super::Run;
use super::gone;
use super::job::{Job, Target};
use super::post::{Outcome, Posted};
use crate::envelope::{Owed, Recipient, Slice};
use crate::limits::{HANDSHAKE_MAX, KB, SLICE_ATTEMPTS_MAX, SLICE_CONNECTIONS_MAX, SLICE_DEPTH_MAX};
use crate::ports::CloseError;
use crate::protocol::Bye;

/// Bytes of messages in one slice: with the connections well below SQS's 1 MiB.
const SLICE_MESSAGES_MAX: usize = 600 * KB;
/// Longest wait of a slice between attempts.
const DELAY_MAX: Duration = Duration::from_mins(1);
/// Connections closed at the same time.
const CLOSING_CONCURRENCY: usize = 64;
/// Time kept back before the deadline for sending slices.
const RESERVE: Duration = Duration::from_secs(5);

/// Connections that are still owed the same items.
pub(super) struct Still {
    pub(super) items: Vec<usize>,
    pub(super) connections: Vec<Recipient>,
    pub(super) delay: Duration,
}

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
    let account_is_throttled = is_accounts(&posted);
    let mut owing = Owing::new();
    let mut closing = Vec::new();
    let mut unpassable = BTreeSet::new();
    for Posted { job: job_at, target, outcome } in posted {
        let Some(job) = jobs.get(job_at) else { continue };
        let Some(target) = job.targets.get(target) else { continue };
        match verdict(outcome, &target.to, job.depth, account_is_throttled, run) {
            None => {}
            Some(Verdict::Retry { from, to, delay }) => owe(&mut owing, (job_at, target), from, to, delay),
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
    for record in unpassable {
        run.bury(record, "a frame larger than the gateway takes").await;
    }
    for ((job_at, items, delay), connections) in owing {
        if let Some(job) = jobs.get(job_at) {
            send(job, Still { items, connections, delay }, run).await;
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

/// Whether the 429s of this invocation are the account's: more than 1 % of the *other* connections got one.
fn is_accounts(posted: &[Posted]) -> bool {
    let throttled = posted.iter().filter(|post| matches!(post.outcome, Outcome::Throttled { .. })).count();
    throttled.saturating_sub(1) * 100 > posted.len().saturating_sub(1)
}

/// None if nothing is left to do.
fn verdict(outcome: Outcome, to: &Recipient, depth: u32, account: bool, run: &Run<'_>) -> Option<Verdict> {
    let retry = |from, delay| Verdict::Retry { from, to: to.clone(), delay };
    Some(match outcome {
        Outcome::Done => return None,
        Outcome::Unsent { from } => retry(from, Duration::ZERO),
        Outcome::Gone { from } if run.now().since(to.since) < HANDSHAKE_MAX => {
            retry(from, wait(depth.min(2)))
        }
        Outcome::Gone { from } => Verdict::Close { from, to: to.clone(), bye: None },
        Outcome::Throttled { from } if account => retry(from, wait(depth)),
        Outcome::Throttled { from } | Outcome::Unanswered { from } => own_fault(from, to, depth),
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
async fn send(job: &Job, still: Still, run: &mut Run<'_>) {
    let items = still.items.clone();
    let slices = slices(job, still);
    match run.ports.queue.send(&slices).await {
        Ok(()) => run.counts.slices += slices.len() as u64,
        Err(partial) => {
            tracing::warn!(source = %partial.source.source, "slices were not taken; their records come again");
            run.fail(&job.records(&items));
        }
    }
}

/// Cuts what is still owed into slices that fit the queue.
pub(super) fn slices(job: &Job, still: Still) -> Vec<Slice> {
    let Still { items, connections, delay } = still;
    let mut slices = Vec::new();
    for messages in chunks(job, &items) {
        for connections in connections.chunks(SLICE_CONNECTIONS_MAX) {
            let mut slice = Slice::new(messages.clone(), connections.to_vec(), job.read_at);
            slice.depth = job.depth + 1;
            slice.delay = delay;
            slices.push(slice);
        }
    }
    slices
}

/// The owed messages, in lists that each fit a slice.
fn chunks(job: &Job, items: &[usize]) -> Vec<Vec<Owed>> {
    let (mut chunks, mut chunk, mut len) = (Vec::new(), Vec::new(), 0);
    for item in items.iter().filter_map(|item| job.items.get(*item)) {
        let item_len = item.owed.message.to_json().len();
        if !chunk.is_empty() && len + item_len > SLICE_MESSAGES_MAX {
            chunks.push(std::mem::take(&mut chunk));
            len = 0;
        }
        len += item_len;
        chunk.push(item.owed.clone());
    }
    if !chunk.is_empty() {
        chunks.push(chunk);
    }
    chunks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcomes(throttled: usize, done: usize) -> Vec<Posted> {
        let of = |outcome| move |target| Posted { job: 0, target, outcome };
        (0..throttled)
            .map(of(Outcome::Throttled { from: 0 }))
            .chain((0..done).map(of(Outcome::Done)))
            .collect()
    }

    #[test]
    fn a_429_is_the_connections_unless_more_than_a_hundredth_of_the_others_got_it_too() {
        assert!(!is_accounts(&outcomes(1, 0)));
        assert!(!is_accounts(&outcomes(1, 1)));
        assert!(is_accounts(&outcomes(2, 0)));
        assert!(is_accounts(&outcomes(2, 50)));
        assert!(!is_accounts(&outcomes(2, 99)));
        assert!(is_accounts(&outcomes(3, 99)));
    }
}
