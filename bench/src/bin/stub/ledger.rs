//! The counts of a run: what reached whom, by connection and message, and everything else that was asked.

use std::collections::{BTreeMap, HashSet};
use std::rc::Rc;
use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};

use crate::scenario::Scenario;

/// How often one message reached each member of its channel.
struct Reached {
    /// The first connection of the channel.
    first: usize,
    /// By connection, counted from the first.
    times: Vec<u8>,
}

/// What happened in a run.
#[derive(Default)]
pub(crate) struct Ledger {
    reached: Vec<Reached>,
    /// Attempts that were throttled, by connection and message, so that the next is not.
    throttled_once: HashSet<(usize, usize)>,
    /// Connections that were told to close.
    pub(crate) closed: HashSet<usize>,
    /// Connections whose rows were deleted.
    pub(crate) forgotten: HashSet<usize>,
    /// The messages in each distinct body.
    pub(crate) frames: BTreeMap<Vec<u8>, Rc<[usize]>>,
    /// The body of the post before, and its messages: nearly always the next one's too.
    pub(crate) latest: (Vec<u8>, Rc<[usize]>),
    /// From an event's hand-out to its answer.
    pub(crate) invocations: Vec<Duration>,
    pub(crate) in_flight: u64,
    pub(crate) counts: Counts,
}

/// Plain sums.
#[derive(Default, Clone, Serialize)]
pub(crate) struct Counts {
    /// Posts that were taken.
    pub(crate) posts: u64,
    /// Bytes in them.
    pub(crate) bytes: u64,
    /// Messages in them.
    pub(crate) deliveries: u64,
    /// Posts answered 410.
    pub(crate) gone: u64,
    /// Posts answered 429.
    pub(crate) throttled: u64,
    /// Posts at the same time, the most.
    pub(crate) in_flight_max: u64,
    /// Posts to nobody's connection, of nobody's message, or of no frame.
    pub(crate) strangers: u64,
    /// Posts of a `bye`.
    pub(crate) byes: u64,
    /// Rows written to the log.
    pub(crate) logged: u64,
    /// Queries answered, pages counted each.
    pub(crate) queries: u64,
    /// Slices taken.
    pub(crate) slices: u64,
    /// Items taken by the topics.
    pub(crate) published: u64,
    pub(crate) dead_letters: u64,
    /// Invocations with slices.
    pub(crate) bulk_invocations: u64,
    /// Records that an answer named as failed.
    pub(crate) failed_records: u64,
    /// Invocations that ended in an error.
    pub(crate) errors: u64,
    /// Requests that nobody expected.
    pub(crate) unknown: u64,
}

impl Ledger {
    /// A message is on its way to the members of its channel; the number that it has.
    pub(crate) fn expect(&mut self, scenario: &Scenario) -> usize {
        let message = self.reached.len();
        let first = scenario.channel_of(message) * scenario.members;
        self.reached.push(Reached { first, times: vec![0; scenario.members] });
        message
    }

    /// Whether this attempt is to be throttled: the first of those that the scenario names.
    pub(crate) fn throttles(&mut self, scenario: &Scenario, connection: usize, message: usize) -> bool {
        scenario.is_throttled(connection, message) && self.throttled_once.insert((connection, message))
    }

    /// A message reached a connection.
    pub(crate) fn reach(&mut self, connection: usize, message: usize) {
        let reached = self.reached.get_mut(message);
        let member = reached.and_then(|reached| {
            let place = connection.checked_sub(reached.first)?;
            reached.times.get_mut(place)
        });
        match member {
            Some(times) => {
                *times = times.saturating_add(1);
                self.counts.deliveries += 1;
            }
            None => self.counts.strangers += 1,
        }
    }

    /// Everything, with what of the promise was not kept: who lacks a message, who got one again, who is gone and
    /// was not closed and forgotten.
    pub(crate) fn report(&self, scenario: &Scenario) -> Value {
        let (mut missing, mut repeated, mut unclosed) = (0_u64, 0_u64, HashSet::new());
        for Reached { first, times } in &self.reached {
            for (connection, times) in (*first..).zip(times) {
                if scenario.is_gone(connection) {
                    let done = self.closed.contains(&connection) && self.forgotten.contains(&connection);
                    unclosed.extend((!done).then_some(connection));
                } else if *times != 1 {
                    *(if *times == 0 { &mut missing } else { &mut repeated }) += 1;
                }
            }
        }
        let millis: Vec<f64> = self.invocations.iter().map(|time| time.as_secs_f64() * 1e3).collect();
        let mut report = json!({
            "messages": self.reached.len(),
            "missing": missing,
            "repeated": repeated,
            "unclosed": unclosed.len(),
            "closed": self.closed.len(),
            "forgotten": self.forgotten.len(),
            "distinct_frames": self.frames.len(),
            "invocations": millis.len(),
            "busy_ms": millis.iter().sum::<f64>(),
            "invocation_ms": millis,
        });
        if let (Value::Object(report), Ok(Value::Object(counts))) =
            (&mut report, serde_json::to_value(&self.counts))
        {
            report.extend(counts);
        }
        report
    }
}
