//! Who waits for what: replies, memberships, and requests that wait for a connection.
//!
//! The invariant: everyone who waits is answered, and those who wait no more are forgotten.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use sorl_core::names::ChannelName;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::command::Ask;
use crate::session::{Event, Exit, Failure, Reply, RequestId};

/// The time that a request waits for a connection.
const PATIENCE: Duration = Duration::from_secs(30);
/// Requests that wait for a connection.
const PARKED_MAX: usize = 1_000;

/// Answers the one who asked.
pub(super) type Answer = oneshot::Sender<Result<Reply, Failure>>;
/// Answers the one who wants to be a member, or to be one no more.
pub(super) type Entry = oneshot::Sender<Result<(), Exit>>;

/// Everyone who waits.
#[derive(Debug, Default)]
pub(super) struct Waiters {
    asked: BTreeMap<RequestId, Answer>,
    entries: BTreeMap<ChannelName, Vec<Entry>>,
    exits: BTreeMap<ChannelName, Vec<Entry>>,
    parked: VecDeque<(Instant, Ask)>,
}

impl Waiters {
    pub(super) fn await_reply(&mut self, request: RequestId, answer: Answer) {
        self.asked.insert(request, answer);
    }

    pub(super) fn await_entry(&mut self, channel: ChannelName, entry: Entry) {
        self.entries.entry(channel).or_default().push(entry);
    }

    pub(super) fn await_exit(&mut self, channel: ChannelName, exit: Entry) {
        self.exits.entry(channel).or_default().push(exit);
    }

    /// Keeps a request until there is a connection.
    pub(super) fn park(&mut self, ask: Ask) {
        if self.parked.len() < PARKED_MAX {
            self.parked.push_back((Instant::now() + PATIENCE, ask));
        } else {
            ask.fail();
        }
    }

    /// The requests that waited for a connection.
    pub(super) fn unpark(&mut self) -> impl Iterator<Item = Ask> + use<> {
        std::mem::take(&mut self.parked).into_iter().map(|(_, ask)| ask)
    }

    /// When [`Waiters::lose_patience`] has something to do.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.parked.front().map(|(due, _)| *due)
    }

    /// Answers those who waited too long for a connection.
    pub(super) fn lose_patience(&mut self) {
        while let Some((_, ask)) = self.parked.pop_front_if(|(due, _)| *due <= Instant::now()) {
            ask.fail();
        }
    }

    /// Answers those whom an event concerns; what remains is for the application.
    pub(super) fn answer(&mut self, event: Event) -> Option<Event> {
        match &event {
            Event::Subscribed { channel, .. } => tell(self.entries.remove(channel), &Ok(())),
            Event::Unsubscribed { channel, reason } => {
                tell(self.entries.remove(channel), &Err(reason.clone()));
                tell(self.exits.remove(channel), &Ok(()));
            }
            Event::Replied { .. } => {
                self.answer_reply(event);
                return None;
            }
            _ => {}
        }
        Some(event)
    }

    fn answer_reply(&mut self, event: Event) {
        let Event::Replied { request, outcome } = event else { return };
        if let Some(answer) = self.asked.remove(&request) {
            // Whoever asked may wait no more.
            answer.send(outcome).ok();
        }
    }
}

fn tell(waiting: Option<Vec<Entry>>, outcome: &Result<(), Exit>) {
    for entry in waiting.into_iter().flatten() {
        // Whoever asked may wait no more.
        entry.send(outcome.clone()).ok();
    }
}
