//! A region of Sorl as discrete events: publishes arrive, batches are gathered, invocations read, post and cut slices.
//!
//! Not the handlers (`sorl_core::deliver`), whose steps it follows with their service times. Posts are a fluid within
//! an invocation (`posting`), everything else is an event. Invariants: every delivery that the load owes is counted
//! exactly once; the same seed gives the same run.

mod agenda;
mod lane;
mod mapping;
mod partition;
mod plan;
mod posting;
mod tally;

use std::collections::BTreeMap;

use sorl_core::limits::DELIVER_MAX;

pub(crate) use self::lane::{Lane, Lanes};
pub(super) use self::tally::{Tally, Waits};

use self::agenda::Agenda;
use self::mapping::{Gathered, Pollers};
use self::plan::{Part, Plan, Planner, Record, leftover};
use self::posting::{Ended, Flow, Posting};
use super::chance::Chance;
use super::figures::{NOTIFICATION_BYTES, SLICE_CONNECTION_BYTES};
use super::load::Load;
use super::quotas::INVOCATION_BYTES_MAX;
use super::service::Service;

/// How long an invocation posts before it hands on what is left, as `deliver` does: ten seconds are kept back.
const POSTING_S: f64 = DELIVER_MAX.as_secs_f64() - 10.0;
/// Latencies drawn for one message of one invocation, at most; beyond, each stands for several connections.
const DRAWS_MAX: f64 = 32.0;

enum Event {
    /// A record can be received.
    Arrives(Lane, Record),
    /// The window of a poller ends.
    Closes { lane: Lane, poller: usize, round: u64 },
    /// The posts of an invocation begin.
    Posts(usize),
    /// An invocation has answered.
    Answers(usize),
    /// A second has passed since records began to wait.
    Grows(Lane),
}

/// An invocation under way.
struct Invocation {
    lane: Lane,
    poller: usize,
    started: f64,
    began_posting: f64,
    posts: f64,
    plan: Plan,
}

/// Runs a load on a service.
pub(super) fn simulate(load: &Load, service: &Service, seed: u64) -> Tally {
    let mut region = Region::new(load, service, seed);
    region.accept();
    while region.step() {}
    region.tally
}

struct Region<'a> {
    planner: Planner<'a>,
    chance: Chance,
    now: f64,
    agenda: Agenda<Event>,
    pollers: Lanes<Pollers<Record>>,
    growing: Lanes<bool>,
    posting: Posting,
    invocations: BTreeMap<usize, Invocation>,
    started: usize,
    /// Environments that have run before: the most that ran at once.
    warm: u32,
    tally: Tally,
}

impl<'a> Region<'a> {
    fn new(load: &'a Load, service: &'a Service, seed: u64) -> Self {
        let of_messages = INVOCATION_BYTES_MAX / (load.message_bytes + NOTIFICATION_BYTES);
        let slice =
            sorl_core::limits::SLICE_CONNECTIONS_MAX as u64 * SLICE_CONNECTION_BYTES + load.message_bytes;
        let pollers = |mapping, bytes: u64| {
            let batch_max = usize::try_from(bytes).unwrap_or(usize::MAX);
            Pollers::new(mapping, !service.embedded, batch_max, service.times.poll_s)
        };
        // What clients send comes out of the same bucket, all the time.
        let inbound = if service.embedded { 0.0 } else { load.inbound_per_second() };
        let rate = (service.post_rate - inbound).max(1.0);
        Self {
            planner: Planner::new(load, service, seed),
            chance: Chance::seeded(seed),
            now: 0.0,
            agenda: Agenda::new(),
            pollers: Lanes {
                live: pollers(service.mappings.live, of_messages),
                bulk: pollers(service.mappings.bulk, INVOCATION_BYTES_MAX / slice),
            },
            growing: Lanes::default(),
            posting: Posting::new(rate, service.post_burst, service.bulk_rate()),
            invocations: BTreeMap::new(),
            started: 0,
            warm: 0,
            tally: Tally::default(),
        }
    }

    /// All messages of the load are accepted by SNS, each at its time.
    fn accept(&mut self) {
        let load = self.planner.load;
        let acceptances = load.acceptances(&mut self.chance);
        self.tally.last_accepted = acceptances.last().copied().unwrap_or(0.0);
        self.tally.messages = acceptances.len() as f64;
        for accepted in acceptances {
            let message = Record::Message { channel: self.chance.below(load.channels()), accepted };
            self.agenda
                .enter(accepted + self.planner.service.times.accept_s, Event::Arrives(Lane::Live, message));
        }
    }

    /// Goes on to what happens next; false if nothing will.
    fn step(&mut self) -> bool {
        let (event, posts) = (self.agenda.next_at(), self.posting.next());
        let Some(next) = event.into_iter().chain(posts).min_by(f64::total_cmp) else { return false };
        for ended in self.pass(next) {
            self.posted(ended);
        }
        if event.is_some_and(|event| event <= next)
            && let Some(event) = self.agenda.pop()
        {
            self.happens(event);
        }
        true
    }

    /// Time passes; what was posted and waited meanwhile is counted.
    fn pass(&mut self, to: f64) -> Vec<Ended> {
        let queued = [Lane::Live, Lane::Bulk].into_iter().find(|lane| self.pollers.of(*lane).waiting() > 0);
        let queued = queued.map(|lane| (lane, self.pollers.of(lane).may_grow()));
        self.tally.waited(to - self.now, self.posting.held_up(self.planner.service.is_paced()), queued);
        self.tally.posted(self.now, to, self.posting.total());
        self.now = to;
        self.posting.advance(to)
    }

    fn happens(&mut self, event: Event) {
        match event {
            Event::Arrives(lane, record) => {
                let gathered = self.pollers.of_mut(lane).arrive(record, self.now, &mut self.chance);
                self.gathered(lane, gathered);
                self.grow_soon(lane);
            }
            Event::Closes { lane, poller, round } => {
                if let Some(batch) = self.pollers.of_mut(lane).close(poller, round) {
                    self.invoke(lane, poller, batch, 0.0);
                }
            }
            Event::Posts(id) => self.post(id),
            Event::Answers(id) => self.answer(id),
            Event::Grows(lane) => {
                *self.growing.of_mut(lane) = false;
                if self.pollers.of(lane).waiting() > 0 {
                    for gathered in self.pollers.of_mut(lane).grow(self.now) {
                        self.gathered(lane, gathered);
                    }
                }
                self.grow_soon(lane);
            }
        }
    }

    fn gathered(&mut self, lane: Lane, gathered: Gathered<Record>) {
        match gathered {
            Gathered::Full { poller, batch } => {
                self.invoke(lane, poller, batch, self.planner.service.times.poll_s)
            }
            Gathered::Until { poller, round, ends } => {
                self.agenda.enter(ends, Event::Closes { lane, poller, round });
            }
            Gathered::Waits => {}
        }
    }

    /// More pollers come after each second in which records waited.
    fn grow_soon(&mut self, lane: Lane) {
        let pollers = self.pollers.of(lane);
        if pollers.waiting() > 0 && pollers.may_grow() && !self.growing.of(lane) {
            *self.growing.of_mut(lane) = true;
            self.agenda.enter(self.now + 1.0, Event::Grows(lane));
        }
    }

    fn invoke(&mut self, lane: Lane, poller: usize, batch: Vec<Record>, after: f64) {
        self.tally.starts(lane, self.now);
        let running = self.tally.running();
        let is_cold = running.live + running.bulk > self.warm;
        self.warm = self.warm.max(running.live + running.bulk);
        self.tally.cold_starts += u64::from(is_cold && !self.planner.service.embedded);
        let cold_s = if is_cold { self.planner.service.times.cold_start_s } else { 0.0 };
        let started = self.now + after + cold_s;
        let mut plan = self.planner.plan(batch, started);
        self.tally.read_units += plan.read_units;
        self.tally.waits.partition += plan.partition_s;
        for (sent_s, slice) in std::mem::take(&mut plan.slices) {
            self.send(slice, started + sent_s);
        }
        let id = self.started;
        self.started += 1;
        let posts = plan.parts.iter().map(|part| self.planner.posts(part)).sum();
        let begins = started + plan.begin_s;
        self.agenda.enter(begins, Event::Posts(id));
        self.invocations.insert(id, Invocation { lane, poller, started, began_posting: begins, posts, plan });
    }

    fn send(&mut self, slice: Part, at: f64) {
        let received = at + self.planner.service.times.send_s;
        self.agenda.enter(received, Event::Arrives(Lane::Bulk, Record::Slice(slice)));
    }

    fn post(&mut self, id: usize) {
        let Some(invocation) = self.invocations.get(&id) else { return };
        let Invocation { lane, posts, started, .. } = *invocation;
        // Work that began too late is posted all the same: `plan` counts it as an overrun.
        let stop_at = (started + POSTING_S).max(self.now + 1.0);
        let cap = self.planner.service.lane_rate(lane);
        self.posting.start(Flow { id, lane, left: posts, cap, stop_at });
    }

    /// The posts of an invocation have ended: each is counted, what is left becomes slices.
    fn posted(&mut self, ended: Ended) {
        let Some(invocation) = self.invocations.remove(&ended.id) else { return };
        let left = if invocation.posts > 0.0 { ended.left / invocation.posts } else { 0.0 };
        for slice in leftover(&invocation.plan.parts, left).into_iter().filter(|_| left > 0.0) {
            self.send(slice, self.now);
        }
        let last = self.count(&invocation, 1.0 - left);
        let answers = last.max(invocation.started + invocation.plan.read_s);
        self.tally.overruns += u64::from(answers - invocation.started > DELIVER_MAX.as_secs_f64());
        self.agenda.enter(answers, Event::Answers(ended.id));
        self.invocations.insert(ended.id, invocation);
    }

    /// Counts the deliveries of an invocation, part after part, evenly over the time that it posted; returns when
    /// the last was answered.
    fn count(&mut self, invocation: &Invocation, share: f64) -> f64 {
        let (from, posts) = (invocation.began_posting, (invocation.posts * share).max(f64::MIN_POSITIVE));
        let pace = (self.now - from) / posts;
        let (mut begins, mut last) = (from, self.now);
        for part in &invocation.plan.parts {
            let part = Part { connections: part.connections * share, ..part.clone() };
            let ends = begins + self.planner.posts(&part) * pace;
            for accepted in part.accepted.iter() {
                last = last.max(self.count_message(part.connections, begins, ends, *accepted));
            }
            begins = ends;
        }
        last
    }

    fn count_message(&mut self, connections: f64, begins: f64, ends: f64, accepted: f64) -> f64 {
        let times = self.planner.service.times;
        let draws = connections.min(DRAWS_MAX).ceil();
        let (width, weight) = ((ends - begins) / draws, connections / draws);
        let (mut low, mut last) = (begins, ends);
        let mut drawn = 0.0;
        while drawn < draws {
            let latency = self.chance.lognormal(times.post_latency_s, times.post_latency_sigma);
            let (answered, high) = (low + latency, low + width + latency);
            self.tally.latency.add_spread(answered - accepted, high - accepted, weight);
            last = last.max(high);
            low += width;
            drawn += 1.0;
        }
        last
    }

    fn answer(&mut self, id: usize) {
        let Some(Invocation { lane, poller, .. }) = self.invocations.remove(&id) else { return };
        self.tally.ends(lane, self.now);
        let gathered = self.pollers.of_mut(lane).free(poller, self.now);
        self.gathered(lane, gathered);
    }
}

#[cfg(test)]
mod tests;
