//! `deliver`: a batch of records becomes posts to the audience in this region.
//!
//! The data's way, a file a step: `parse` → `append` (log, late marks) → `audience` → `coalesce` → `post` (under the
//! `limit`, by `slots`) → `settle` (who is still owed what) → slices back to the `bulk` queue, where `look_again`
//! begins anew, for late ones with who is `still_owed`. While it posts to the first members of a mass audience, `cut`
//! makes slices of the rest. `orders` (`control`, `shutdown`) and `presence` branch off after `parse`.
//!
//! The invariant: a record is reported done only if every connection of its audience got it, is accounted for
//! in a slice that the queue acknowledged, or is gone for certain; and its log entry (and late mark) was
//! written before the audience was read.

mod append;
mod audience;
mod coalesce;
mod control;
mod cut;
mod gone;
mod job;
mod limit;
mod look_again;
mod orders;
mod parse;
mod post;
mod presence;
mod settle;
mod shutdown;
mod slots;
mod still_owed;

use std::collections::BTreeSet;

use crate::config::Site;
use crate::envelope::{Poison, PoisonClass};
use crate::ports::{Bus, Clock, DeadLetter, Gateway, Log, Queue, RecordSource, Registry};
use crate::region::Region;
use crate::time::Timestamp;

/// What `deliver` may touch.
#[derive(Clone, Copy)]
pub struct Ports<'a> {
    /// get, query, put (blocks), delete.
    pub registry: &'a dyn Registry,
    /// put.
    pub log: &'a dyn Log,
    /// publish to `relay` (leaves).
    pub bus: &'a dyn Bus,
    /// send to `bulk` and to the dead letters.
    pub queue: &'a dyn Queue,
    /// POST and DELETE.
    pub gateway: &'a dyn Gateway,
    /// The time.
    pub clock: &'a dyn Clock,
}

/// One record of a queue, as it was handed out.
#[derive(Debug, Clone)]
pub struct Record {
    /// By which the queue knows it: SQS's message id.
    pub id: String,
    /// Which queue.
    pub source: RecordSource,
    /// An SNS notification (`live`) or a slice (`bulk`).
    pub body: String,
}

/// What came of a batch.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Ids of the records that the queue must hand out again; all others are done with.
    pub failed: Vec<String>,
    /// What was done, for metrics and the log line.
    pub counts: Counts,
    /// Why records were buried, a class for each.
    pub buried: Vec<PoisonClass>,
    /// Where and when each record of the `live` queue that is done with was accepted.
    pub accepted: Vec<Accepted>,
}

/// That SNS took a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// Where it was published.
    pub origin: Region,
    /// When, by SNS's word.
    pub at: Timestamp,
}

/// What one invocation did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Messages taken from the batch (not presence, not control).
    pub messages: u64,
    /// Times that a channel's audience was read for them.
    pub audiences: u64,
    /// Members found by that; of an audience that is read on in slices, those of its first pages.
    pub audience_members: u64,
    /// Posts that were answered 2xx.
    pub posts: u64,
    /// Those of them that told a join or leave, and so had no message.
    pub presence_posts: u64,
    /// Messages in them, each counted for each connection.
    pub deliveries: u64,
    /// Bytes in them.
    pub bytes: u64,
    /// Connections found gone.
    pub gone: u64,
    /// Posts answered 429.
    pub throttled: u64,
    /// Those of them that were the account's, not the connection's own.
    pub throttled_account: u64,
    /// Posts that failed otherwise.
    pub unanswered: u64,
    /// Posts answered 403: the role or the endpoint is wrong.
    pub forbidden: u64,
    /// Connections that are owed something after a post that failed, so that a slice tries again.
    pub retries: u64,
    /// Slices sent.
    pub slices: u64,
    /// Late marks written.
    pub marks: u64,
    /// Connections closed because they do not read.
    pub closed_slow: u64,
    /// Dead letters.
    pub dead_letters: u64,
}

impl Counts {
    fn add(&mut self, more: &Self) {
        self.messages += more.messages;
        self.audiences += more.audiences;
        self.audience_members += more.audience_members;
        self.posts += more.posts;
        self.presence_posts += more.presence_posts;
        self.deliveries += more.deliveries;
        self.bytes += more.bytes;
        self.gone += more.gone;
        self.throttled += more.throttled;
        self.throttled_account += more.throttled_account;
        self.unanswered += more.unanswered;
        self.forbidden += more.forbidden;
        self.retries += more.retries;
        self.slices += more.slices;
        self.marks += more.marks;
        self.closed_slow += more.closed_slow;
        self.dead_letters += more.dead_letters;
    }
}

/// Delivers a batch. `deadline` is when the invocation must have answered; what is left when it comes near
/// goes to slices.
pub async fn deliver(records: &[Record], ports: Ports<'_>, site: &Site, deadline: Timestamp) -> Report {
    let mut run = Run {
        ports,
        site,
        deadline,
        records,
        failed: BTreeSet::new(),
        counts: Counts::default(),
        buried: Vec::new(),
    };
    let batch = parse::parse(records, site);
    for (record, poison) in batch.poison {
        run.bury(record, &poison).await;
    }
    for (record, order) in batch.orders {
        orders::carry_out(record, order, &mut run).await;
    }
    let (job, mut cuttings) = job::live(batch.messages, &mut run).await;
    let mut jobs: Vec<_> = job.into_iter().collect();
    let resumed = look_again::resume(batch.slices, &mut run).await;
    jobs.extend(resumed.jobs);
    cuttings.extend(resumed.cuttings);
    let jobs = job::merge(jobs);
    let ((posted, counts), cut) = futures::join!(post::post_all(&jobs, &run), cut::cut_all(cuttings, &run));
    run.counts.add(&counts);
    run.counts.slices += cut.slices;
    run.fail(&cut.failed);
    settle::settle(jobs, posted, &mut run).await;
    presence::tell(batch.presence, &mut run).await;
    run.report(batch.accepted)
}

/// One invocation under way: what it may touch, and what it has to answer for.
struct Run<'a> {
    ports: Ports<'a>,
    site: &'a Site,
    deadline: Timestamp,
    records: &'a [Record],
    /// Indexes of records that the queue must hand out again.
    failed: BTreeSet<usize>,
    counts: Counts,
    /// Classes of what was buried.
    buried: Vec<PoisonClass>,
}

impl Run<'_> {
    fn now(&self) -> Timestamp {
        self.ports.clock.now()
    }

    /// The queue must hand these records out again.
    fn fail(&mut self, records: &[usize]) {
        self.failed.extend(records);
    }

    /// Puts a record among the dead letters; if that fails, the queue must hand it out again.
    async fn bury(&mut self, record: usize, poison: &Poison) {
        let Some(Record { id, source, body }) = self.records.get(record) else { return };
        let letter = DeadLetter { source: *source, body: body.clone(), reason: poison.reason.clone() };
        match self.ports.queue.bury(&letter).await {
            Ok(()) => {
                self.counts.dead_letters += 1;
                self.buried.push(poison.class);
                // The whole reason may quote the message, so it stays with the dead letter.
                tracing::warn!(record = id, class = poison.class.as_str(), "dead letter");
            }
            Err(fault) => {
                tracing::warn!(record = id, source = %fault.source, "a dead letter was not taken; the record waits");
                self.fail(&[record]);
            }
        }
    }

    fn report(self, accepted: Vec<(usize, Accepted)>) -> Report {
        let done = accepted.into_iter().filter(|(record, _)| !self.failed.contains(record));
        let accepted = done.map(|(_, accepted)| accepted).collect();
        let failed = self.failed.iter().filter_map(|record| self.records.get(*record));
        let failed = failed.map(|record| record.id.clone()).collect();
        Report { failed, counts: self.counts, buried: self.buried, accepted }
    }
}

#[cfg(test)]
mod tests {
    use super::Counts;

    fn each(n: u64) -> Counts {
        Counts {
            messages: n,
            audiences: n,
            audience_members: n,
            posts: n,
            presence_posts: n,
            deliveries: n,
            bytes: n,
            gone: n,
            throttled: n,
            throttled_account: n,
            unanswered: n,
            forbidden: n,
            retries: n,
            slices: n,
            marks: n,
            closed_slow: n,
            dead_letters: n,
        }
    }

    #[test]
    fn what_is_counted_in_two_places_adds_up() {
        let mut counts = each(3);
        counts.add(&each(5));
        assert_eq!(counts, each(8));
    }
}
