//! Who waits for what: answers, and memberships that begin or end.
//!
//! The invariant: everyone who waits is answered, and those who wait no more are forgotten.

use std::collections::BTreeMap;

use sorl_core::names::ChannelName;
use tokio::sync::oneshot;

use crate::machine::Ticket;
use crate::session::{Event, Exit, Failure, Reply};

/// Answers the one who asked.
pub(super) type Answer = oneshot::Sender<Result<Reply, Failure>>;
/// Answers the one who wants to be a member, or to be one no more.
pub(super) type Entry = oneshot::Sender<Result<(), Exit>>;

/// Everyone who waits.
#[derive(Debug, Default)]
pub(super) struct Waiters {
    asked: BTreeMap<Ticket, Answer>,
    entries: BTreeMap<ChannelName, Vec<Entry>>,
    exits: BTreeMap<ChannelName, Vec<Entry>>,
}

impl Waiters {
    pub(super) fn await_answer(&mut self, ticket: Ticket, answer: Answer) {
        self.asked.insert(ticket, answer);
    }

    pub(super) fn await_entry(&mut self, channel: ChannelName, entry: Entry) {
        self.entries.entry(channel).or_default().push(entry);
    }

    pub(super) fn await_exit(&mut self, channel: ChannelName, exit: Entry) {
        self.exits.entry(channel).or_default().push(exit);
    }

    /// A request was answered.
    pub(super) fn answer(&mut self, ticket: Ticket, outcome: Result<Reply, Failure>) {
        if let Some(answer) = self.asked.remove(&ticket) {
            // Whoever asked may wait no more.
            answer.send(outcome).ok();
        }
    }

    /// Tells those whom an event concerns.
    pub(super) fn tell(&mut self, event: &Event) {
        match event {
            Event::Subscribed { channel, .. } => tell(self.entries.remove(channel), &Ok(())),
            Event::Unsubscribed { channel, reason } => {
                tell(self.entries.remove(channel), &Err(reason.clone()));
                tell(self.exits.remove(channel), &Ok(()));
            }
            _ => {}
        }
    }
}

fn tell(waiting: Option<Vec<Entry>>, outcome: &Result<(), Exit>) {
    for entry in waiting.into_iter().flatten() {
        // Whoever asked may wait no more.
        entry.send(outcome.clone()).ok();
    }
}
