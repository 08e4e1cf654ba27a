//! Publishing: one message, tried again under one key until the service says yes or no.
//!
//! The invariant: all tries of one publish carry one key, so the service takes them for one message. That is
//! certain for 15 minutes, so it gives up long before. What waits for a connection goes in the order in which
//! it was published; how much may be under way is bounded.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::value::RawValue;
use sorl_core::names::ChannelName;
use sorl_core::time::Timestamp;

use super::asking::Ticket;
use crate::backoff::full_jitter;
use crate::session::{Failure, Moment, Publish, Reply, RequestId, Session};

/// Time after which a publish that cannot be got through is given up.
const PATIENCE: Duration = Duration::from_mins(2);
/// Bytes of data that may be under way.
const BYTES_MAX: usize = 4 * 1024 * 1024;

/// A message to publish.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// Where to.
    pub channel: ChannelName,
    /// Any JSON.
    pub data: Box<RawValue>,
    /// The same for everything that is this one message, at most 64 bytes; a `Client` draws one unless said.
    pub key: Option<String>,
    /// Whether it is kept out of the history.
    pub ephemeral: bool,
}

impl Outgoing {
    pub(super) fn send(&self, now: Timestamp, session: &mut Session) -> RequestId {
        let Self { channel, data, key, ephemeral } = self;
        session.publish(now, &Publish { channel, data, key: key.as_deref(), ephemeral: *ephemeral })
    }
}

#[derive(Debug)]
struct Sending {
    outgoing: Outgoing,
    failures: u32,
    deadline: Timestamp,
}

/// Publishes that are under way.
#[derive(Debug)]
pub(super) struct Publishing {
    count_max: usize,
    bytes: usize,
    sendings: BTreeMap<Ticket, Sending>,
    /// Those that wait for a connection.
    waiting: BTreeSet<Ticket>,
    /// Those that wait for their next try.
    resting: BTreeSet<(Timestamp, Ticket)>,
    sent: BTreeMap<RequestId, Ticket>,
}

impl Publishing {
    /// At most so many at a time.
    pub(super) const fn with_room_for(count_max: usize) -> Self {
        Self {
            count_max,
            bytes: 0,
            sendings: BTreeMap::new(),
            waiting: BTreeSet::new(),
            resting: BTreeSet::new(),
            sent: BTreeMap::new(),
        }
    }

    pub(super) fn add(&mut self, now: Timestamp, ticket: Ticket, outgoing: Outgoing) -> Result<(), Failure> {
        let bytes = self.bytes + outgoing.data.get().len();
        if self.sendings.len() >= self.count_max || bytes > BYTES_MAX {
            return Err(Failure::QueueFull);
        }
        self.bytes = bytes;
        self.sendings.insert(ticket, Sending { outgoing, failures: 0, deadline: now.plus(PATIENCE) });
        self.waiting.insert(ticket);
        Ok(())
    }

    /// Sends what is ready; false if nothing is.
    pub(super) fn send(&mut self, now: Timestamp, session: &mut Session) -> bool {
        self.rouse(now);
        let ready = std::mem::take(&mut self.waiting);
        let any = !ready.is_empty();
        for ticket in ready {
            if let Some(sending) = self.sendings.get(&ticket) {
                self.sent.insert(sending.outgoing.send(now, session), ticket);
            }
        }
        any
    }

    /// A try was answered, or was not. The outcome, if that is the end of it.
    pub(super) fn answered(
        &mut self,
        at: Moment,
        request: RequestId,
        outcome: Result<Reply, Failure>,
    ) -> Option<(Ticket, Result<Reply, Failure>)> {
        let ticket = self.sent.remove(&request)?;
        let sending = self.sendings.get_mut(&ticket)?;
        match &outcome {
            Err(Failure::Disconnected) if at.now < sending.deadline => {
                self.waiting.insert(ticket);
                return None;
            }
            Err(failure) if failure.is_temporary() => {
                let due = at.now.plus(full_jitter(sending.failures, at.jitter));
                sending.failures = sending.failures.saturating_add(1);
                if due < sending.deadline {
                    self.resting.insert((due, ticket));
                    return None;
                }
            }
            _ => {}
        }
        self.forget(ticket);
        Some((ticket, outcome))
    }

    /// Those that waited too long for a connection.
    pub(super) fn lose_patience(&mut self, now: Timestamp) -> Vec<Ticket> {
        self.rouse(now);
        let is_late = |ticket: &Ticket| self.sendings.get(ticket).is_some_and(|late| late.deadline <= now);
        let late: Vec<_> = self.waiting.iter().copied().take_while(is_late).collect();
        for ticket in &late {
            self.waiting.remove(ticket);
            self.forget(*ticket);
        }
        late
    }

    pub(super) fn next_due(&self) -> Option<Timestamp> {
        let impatient = self.waiting.first().and_then(|first| self.sendings.get(first));
        let resting = self.resting.first().map(|(due, _)| *due);
        [impatient.map(|sending| sending.deadline), resting].into_iter().flatten().min()
    }

    /// What has rested waits for nothing but a connection.
    fn rouse(&mut self, now: Timestamp) {
        while let Some((due, ticket)) = self.resting.first().copied().filter(|(due, _)| *due <= now) {
            self.resting.remove(&(due, ticket));
            self.waiting.insert(ticket);
        }
    }

    fn forget(&mut self, ticket: Ticket) {
        if let Some(sending) = self.sendings.remove(&ticket) {
            self.bytes = self.bytes.saturating_sub(sending.outgoing.data.get().len());
        }
    }
}
