//! Requests that are made once: sent when there is a connection, and answered to whoever asked.
//!
//! Not publishes that are tried again (`publishing`). The invariant: every ticket is answered once, and no
//! request waits for a connection longer than 30 s.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use sorl_core::names::ChannelName;
use sorl_core::time::Timestamp;

use super::publishing::Outgoing;
use crate::session::{Failure, Past, RequestId, Session};

/// The time that a request waits for a connection.
const PATIENCE: Duration = Duration::from_secs(30);
/// Requests that wait for a connection.
const WAITING_MAX: usize = 1_000;

/// A request's number, of this client's; never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(u64);

/// What is asked.
#[derive(Debug)]
pub enum Ask {
    /// To publish, with a single try.
    Publish(Outgoing),
    /// For a page of the past.
    History {
        /// Whose.
        channel: ChannelName,
        /// Which part.
        past: Past,
        /// How many messages at most.
        limit: Option<u32>,
    },
    /// Who is in a channel.
    Presence(ChannelName),
    /// For a sign of life.
    Ping,
}

/// Requests that wait, for a connection or for a reply.
#[derive(Debug, Default)]
pub(super) struct Asking {
    last: u64,
    waiting: VecDeque<(Timestamp, Ticket, Ask)>,
    sent: BTreeMap<RequestId, Ticket>,
}

impl Asking {
    /// The next ticket, for a publish as well.
    pub(super) const fn ticket(&mut self) -> Ticket {
        self.last += 1;
        Ticket(self.last)
    }

    pub(super) fn add(&mut self, now: Timestamp, ticket: Ticket, what: Ask) -> Result<(), Failure> {
        if self.waiting.len() >= WAITING_MAX {
            return Err(Failure::Disconnected);
        }
        self.waiting.push_back((now.plus(PATIENCE), ticket, what));
        Ok(())
    }

    /// Sends what waits; false if nothing does.
    pub(super) fn send(&mut self, now: Timestamp, session: &mut Session) -> bool {
        let any = !self.waiting.is_empty();
        for (_, ticket, what) in self.waiting.drain(..) {
            self.sent.insert(what.send(now, session), ticket);
        }
        any
    }

    /// Who asked.
    pub(super) fn answered(&mut self, request: RequestId) -> Option<Ticket> {
        self.sent.remove(&request)
    }

    /// Those who waited too long for a connection.
    pub(super) fn lose_patience(&mut self, now: Timestamp) -> Vec<Ticket> {
        let late = self.waiting.iter().take_while(|(due, ..)| *due <= now).count();
        self.waiting.drain(..late).map(|(_, ticket, _)| ticket).collect()
    }

    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.waiting.front().map(|(due, ..)| *due)
    }
}

impl Ask {
    fn send(&self, now: Timestamp, session: &mut Session) -> RequestId {
        match self {
            Self::Publish(outgoing) => outgoing.send(now, session),
            Self::History { channel, past, limit } => session.history(now, channel, *past, *limit),
            Self::Presence(channel) => session.presence(now, channel),
            Self::Ping => session.ping(now),
        }
    }
}
