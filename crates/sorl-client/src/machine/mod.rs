//! A whole client without I/O, clock or chance: the session, the connections under it, and what waits for one.
//!
//! It is told what happens and answers with [`Instruction`]s; whoever drives it drains them after every call
//! and carries them out in order. `client` does so over real sockets, the scenarios with a clock that stands
//! still.
//!
//! The invariants are those of its parts: `link` (at most two connections and one attempt), `connecting`
//! (something is always under way while a connection is wanted), `publishing` (one publish, one key),
//! `asking` (every request is answered once).

mod asking;
mod connecting;
mod link;
mod publishing;
mod renewal;
mod roster;
#[cfg(test)]
mod scenarios;
mod status;
mod token;

use std::collections::VecDeque;

use sorl_core::names::ChannelName;
use sorl_core::region::Region;
use sorl_core::time::Timestamp;

pub use asking::{Ask, Ticket};
pub use link::{ATTEMPT_MAX, Endpoint, Number};
pub use publishing::Outgoing;
pub use roster::Members;
pub use status::{Lost, Status};

use crate::session::{Event, Failure, Moment, Reply, Session, Subscription};
use asking::Asking;
use link::Link;
use publishing::Publishing;
use roster::Rosters;

/// What is to be done, in this order.
#[derive(Debug)]
pub enum Instruction {
    /// Ask for a token and open a connection; then say [`Machine::opened`] or [`Machine::failed`].
    Dial {
        /// Its number from now on.
        connection: Number,
        /// Where to.
        endpoint: Endpoint,
    },
    /// Write a frame.
    Send {
        /// Over which connection.
        connection: Number,
        /// The frame.
        frame: String,
    },
    /// Close a connection properly, or give up the attempt at it.
    Close(Number),
    /// Lose a connection without a word.
    Cut(Number),
    /// Tell the application.
    Tell(Event),
    /// Answer a request.
    Answer(Ticket, Result<Reply, Failure>),
    /// Who is in a channel has changed.
    Show(ChannelName, Members),
    /// The client is in this state from now on.
    Be(Status),
}

/// A client.
#[derive(Debug)]
pub struct Machine {
    session: Session,
    link: Link,
    asking: Asking,
    publishing: Publishing,
    rosters: Rosters,
    shown: Status,
    instructions: VecDeque<Instruction>,
}

impl Machine {
    /// A client that is away, with room for so many publishes that wait. It begins in `region`, else with the
    /// first of the endpoints.
    #[must_use]
    pub fn new(endpoints: Vec<Endpoint>, region: Option<&Region>, queue_max: usize) -> Self {
        Self {
            session: Session::new(None),
            link: Link::new(endpoints, region),
            asking: Asking::default(),
            publishing: Publishing::with_room_for(queue_max),
            rosters: Rosters::default(),
            shown: Status::Away,
            instructions: VecDeque::new(),
        }
    }

    /// What is to be done.
    pub fn drain(&mut self) -> impl Iterator<Item = Instruction> + use<> {
        std::mem::take(&mut self.instructions).into_iter()
    }

    /// When [`Machine::tick`] has something to do.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        let (asking, publishing) = (self.asking.next_due(), self.publishing.next_due());
        let dues =
            [self.session.next_due(), self.link.next_due(), asking, publishing, self.rosters.next_due()];
        dues.into_iter().flatten().min()
    }

    /// Time has passed. To be called at [`Machine::next_due`]; earlier does no harm.
    pub fn tick(&mut self, at: Moment) {
        self.session.tick(at);
        self.settle(at);
        self.look_at_connections(at);
        let impatient = self.asking.lose_patience(at.now).into_iter();
        for ticket in impatient.chain(self.publishing.lose_patience(at.now)) {
            self.answer(at.now, ticket, Err(Failure::Disconnected));
        }
        self.settle(at);
    }

    /// Wants to be a member of `channel`, on all connections. Without effect on what is wanted already.
    pub fn subscribe(&mut self, at: Moment, channel: &ChannelName, subscription: impl Into<Subscription>) {
        self.session.subscribe(at.now, channel, subscription);
        self.settle(at);
    }

    /// Wants to be a member no more.
    pub fn unsubscribe(&mut self, at: Moment, channel: &ChannelName) {
        self.session.unsubscribe(at.now, channel);
        self.settle(at);
    }

    /// Publishes a message; tried again under its key until the service says yes or no, for two minutes.
    pub fn publish(&mut self, at: Moment, outgoing: Outgoing) -> Ticket {
        let ticket = self.asking.ticket();
        if let Err(failure) = self.publishing.add(at.now, ticket, outgoing) {
            self.answer(at.now, ticket, Err(failure));
        }
        self.settle(at);
        ticket
    }

    /// Asks once, as soon as there is a connection, for which it waits up to 30 s.
    pub fn ask(&mut self, at: Moment, what: Ask) -> Ticket {
        let ticket = self.asking.ticket();
        if let Err(failure) = self.asking.add(at.now, ticket, what) {
            self.answer(at.now, ticket, Err(failure));
        }
        self.settle(at);
        ticket
    }

    /// Keeps the list of who is in `channel`, by snapshots and by what a member is told, until it is left.
    pub fn keep_members(&mut self, at: Moment, channel: &ChannelName) {
        self.rosters.keep(at.now, channel.clone());
        self.settle(at);
    }

    /// Keeps that list no more.
    pub fn ignore_members(&mut self, channel: &ChannelName) {
        self.rosters.ignore(channel);
    }

    /// What the session knows.
    #[must_use]
    pub const fn session(&self) -> &Session {
        &self.session
    }

    fn instruct(&mut self, instruction: Instruction) {
        self.instructions.push_back(instruction);
    }

    fn answer(&mut self, now: Timestamp, ticket: Ticket, outcome: Result<Reply, Failure>) {
        match self.rosters.answered(now, ticket, &outcome) {
            None => self.instruct(Instruction::Answer(ticket, outcome)),
            Some(changed) => self.show(changed),
        }
    }

    fn show(&mut self, changed: Option<(ChannelName, Members)>) {
        if let Some((channel, members)) = changed {
            self.instruct(Instruction::Show(channel, members));
        }
    }

    fn told(&mut self, at: Moment, event: Event) {
        let Event::Replied { request, outcome } = event else {
            let changed = self.rosters.told(at.now, &event);
            self.show(changed);
            return self.instruct(Instruction::Tell(event));
        };
        if let Some(ticket) = self.asking.answered(request) {
            self.answer(at.now, ticket, outcome);
        } else if let Some((ticket, outcome)) = self.publishing.answered(at, request, outcome) {
            self.answer(at.now, ticket, outcome);
        }
    }

    /// Sends what waited for a connection; false if nothing did.
    fn send_what_waits(&mut self, now: Timestamp) -> bool {
        while let Some(channel) = self.rosters.due(now) {
            let ticket = self.asking.ticket();
            self.rosters.asked(ticket, channel.clone());
            if let Err(failure) = self.asking.add(now, ticket, Ask::Presence(channel)) {
                self.answer(now, ticket, Err(failure));
            }
        }
        if self.link.current.is_none() {
            return false;
        }
        let asked = self.asking.send(now, &mut self.session);
        self.publishing.send(now, &mut self.session) || asked
    }
}
