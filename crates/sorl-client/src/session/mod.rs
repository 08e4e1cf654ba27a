//! What a client knows and what it says: a state machine without I/O, clock or chance.
//!
//! It is told what happens (a connection opened, a frame came, time passed, the application wants
//! something) and answers with [`Effect`]s: frames to send, what to tell the application, when to
//! reconnect. Whoever drives it drains them after every call and carries them out in order.
//!
//! Not the connection itself (`client`): it may be opened and closed as often as it pleases. The invariants
//! are those of its parts: `progress` (what counts as had), `seen` (each message once), `membership` (one
//! request at a time), `line` (every request answered once).

mod event;
mod line;
mod membership;
mod progress;
mod recovery;
pub mod seen;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use sorl_core::envelope::PresenceChange;
use sorl_core::error::{ErrorCode, Refusal};
use sorl_core::message::Message;
use sorl_core::names::{ChannelName, UserName};
use sorl_core::protocol::Action;
use sorl_core::region::Region;
use sorl_core::time::Timestamp;

pub use event::{Effect, Event, Exit, Failure, Origin, Past, Publish, Reconnect, Reply, RequestId, Start};
pub use progress::Cursor;

use crate::wire::{Frame, Pong, Request, read_result};
use line::{Line, Purpose};
use membership::{Membership, Outcome};

/// A point in time, and a number drawn for it.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// The client's time; it need not agree with the service's by more than some minutes.
    pub now: Timestamp,
    /// Drawn at random, every `u32` equally likely: it spreads retries.
    pub jitter: u32,
}

/// One client's state across all its connections.
#[derive(Debug, Default)]
pub struct Session {
    memberships: BTreeMap<ChannelName, Membership>,
    line: Line,
    ended: bool,
}

impl Session {
    /// A client of `user`, who is a member of the personal channel from the first connection on. Without a
    /// user, personal messages pass unnoticed until [`Session::identify`].
    #[must_use]
    pub fn new(user: Option<&UserName>) -> Self {
        let mut session = Self::default();
        if let Some(user) = user {
            session.identify(user);
        }
        session
    }

    /// Says whose client this is, before a connection opens.
    pub fn identify(&mut self, user: &UserName) {
        let channel = ChannelName::personal(user);
        let personal = || Membership::new(channel.clone(), true, Start::Now);
        self.memberships.entry(channel.clone()).or_insert_with(personal).own();
    }

    /// A connection to `region` opened.
    pub fn opened(&mut self, now: Timestamp, region: Region) {
        if self.ended {
            return;
        }
        self.line.opened(now, region);
        for membership in self.memberships.values_mut() {
            membership.opened(&mut self.line, now);
        }
    }

    /// The connection is gone.
    pub fn closed(&mut self) {
        for membership in self.memberships.values_mut() {
            membership.closed();
        }
        for (request, purpose) in self.line.closed() {
            if matches!(purpose, Purpose::Asked(_)) {
                self.line.tell(Event::Replied { request, outcome: Err(Failure::Disconnected) });
            }
        }
        self.forget_the_left();
    }

    /// A text frame came.
    pub fn received(&mut self, at: Moment, frame: &str) {
        let Some(region) = self.line.region() else { return };
        self.line.heard(at.now);
        match Frame::read(frame) {
            Some(Frame::Reply { id, result }) => self.replied(at, id, Ok(result)),
            Some(Frame::Error { id: Some(id), refusal }) => self.refused(at, id, refusal),
            Some(Frame::Error { id: None, refusal }) => self.line.tell(Event::Complaint(refusal)),
            Some(Frame::Messages(messages)) => self.live(at.now, &region, messages),
            Some(Frame::Unsubscribed(channel)) => {
                if let Some(membership) = self.memberships.get_mut(&channel) {
                    membership.evicted(&mut self.line, at.now);
                }
            }
            Some(Frame::Presence(change)) => self.presence_changed(change),
            Some(Frame::Bye { code, reconnect }) => self.bye(code, reconnect),
            None => {}
        }
        self.forget_the_left();
    }

    /// Time has passed. To be called at [`Session::next_due`]; earlier does no harm.
    pub fn tick(&mut self, at: Moment) {
        while let Some((request, purpose)) = self.line.overdue(at.now) {
            self.dispatch(at, request, purpose, Err(Failure::Unknown));
        }
        for membership in self.memberships.values_mut() {
            membership.tick(&mut self.line, at.now);
        }
        self.line.keep(at.now);
        self.forget_the_left();
    }

    /// When [`Session::tick`] has something to do.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        let channels = self.memberships.values().filter_map(Membership::next_due);
        channels.chain(self.line.next_due()).min()
    }

    /// Wants to be a member of `channel`, on this connection and all that follow. Without effect on what is
    /// wanted already.
    pub fn subscribe(&mut self, now: Timestamp, channel: &ChannelName, start: Start) {
        if let Some(membership) = self.memberships.get_mut(channel) {
            membership.want(&mut self.line, now, start);
            return;
        }
        let mut membership = Membership::new(channel.clone(), false, start);
        membership.opened(&mut self.line, now);
        self.memberships.insert(channel.clone(), membership);
    }

    /// Wants to be a member no more. [`Event::Unsubscribed`] tells when the service knows; a personal
    /// channel cannot be left, its messages only are no more told.
    pub fn unsubscribe(&mut self, now: Timestamp, channel: &ChannelName) {
        if let Some(membership) = self.memberships.get_mut(channel) {
            membership.leave(&mut self.line, now);
        }
        self.forget_the_left();
    }

    /// Publishes a message, once: retries are the caller's, with the same key.
    pub fn publish(&mut self, now: Timestamp, publish: &Publish<'_>) -> RequestId {
        let request = Request {
            data: Some(publish.data),
            key: publish.key,
            ephemeral: publish.ephemeral,
            ..Request::about(publish.channel)
        };
        self.ask(now, Action::Publish, &request)
    }

    /// Asks for a page of the past: at most `limit` messages, 50 unless said. It moves no cursor.
    pub fn history(
        &mut self,
        now: Timestamp,
        channel: &ChannelName,
        past: Past,
        limit: Option<u32>,
    ) -> RequestId {
        let (since, before) = match past {
            Past::Latest => (None, None),
            Past::Since(id) => (Some(id), None),
            Past::Before(id) => (None, Some(id)),
        };
        self.ask(now, Action::History, &Request { since, before, limit, ..Request::about(channel) })
    }

    /// Asks who is in `channel`.
    pub fn presence(&mut self, now: Timestamp, channel: &ChannelName) -> RequestId {
        self.ask(now, Action::Presence, &Request::about(channel))
    }

    /// Asks for a sign of life.
    pub fn ping(&mut self, now: Timestamp) -> RequestId {
        self.ask(now, Action::Ping, &Request::default())
    }

    /// What is to be done, in order.
    pub fn drain(&mut self) -> impl Iterator<Item = Effect> + '_ {
        self.line.drain()
    }

    /// Where the client would resume in `channel`.
    #[must_use]
    pub fn cursor(&self, channel: &ChannelName) -> Option<&Cursor> {
        self.memberships.get(channel)?.cursor()
    }

    /// Whether `channel` is wanted, or is being left.
    #[must_use]
    pub fn is_known(&self, channel: &ChannelName) -> bool {
        self.memberships.contains_key(channel)
    }

    /// Whether the client is a member of `channel` on this connection, by a reply that came.
    #[must_use]
    pub fn is_entered(&self, channel: &ChannelName) -> bool {
        self.memberships.get(channel).is_some_and(Membership::is_entered)
    }

    /// Whether the client is a member of `channel` to whom nothing is owed.
    #[must_use]
    pub fn is_settled(&self, channel: &ChannelName) -> bool {
        self.memberships.get(channel).is_some_and(Membership::is_settled)
    }

    fn ask(&mut self, now: Timestamp, action: Action, request: &Request<'_>) -> RequestId {
        self.line.send(now, Purpose::Asked(action), action, request)
    }

    fn refused(&mut self, at: Moment, id: u64, refusal: Refusal) {
        let expired = refusal.code == ErrorCode::Expired;
        self.replied(at, id, Err(Failure::Refused(refusal)));
        if expired {
            self.line.reconnect(Reconnect::Expired);
        }
    }

    fn replied(&mut self, at: Moment, id: u64, outcome: Outcome<'_>) {
        if let Some((request, purpose)) = self.line.answered(id) {
            self.dispatch(at, request, purpose, outcome);
        }
    }

    fn dispatch(&mut self, at: Moment, request: RequestId, purpose: Purpose, outcome: Outcome<'_>) {
        let line = &mut self.line;
        match purpose {
            Purpose::Subscribe(channel) => {
                if let Some(membership) = self.memberships.get_mut(&channel) {
                    membership.subscribed(line, at, outcome);
                }
            }
            Purpose::Unsubscribe(channel) => {
                if let Some(membership) = self.memberships.get_mut(&channel) {
                    membership.unsubscribed(line, at, outcome);
                }
            }
            Purpose::Recover(channel) => {
                let Some(region) = line.region() else { return };
                if let Some(membership) = self.memberships.get_mut(&channel) {
                    membership.recovered(line, at, request, &region, outcome);
                }
            }
            Purpose::Keep => {
                if matches!(outcome, Err(Failure::Unknown)) {
                    line.reconnect(Reconnect::Silent);
                }
            }
            Purpose::Asked(action) => {
                let outcome = outcome.and_then(|result| reply_to(action, result));
                line.tell(Event::Replied { request, outcome });
            }
        }
    }

    fn live(&mut self, now: Timestamp, region: &Region, messages: Vec<Message>) {
        for message in messages {
            if let Some(membership) = self.memberships.get_mut(&message.channel) {
                membership.live(&mut self.line, now, region, message);
            }
        }
    }

    fn presence_changed(&mut self, PresenceChange { channel, events }: PresenceChange) {
        if self.memberships.get(&channel).is_some_and(Membership::is_wanted) {
            self.line.tell(Event::Presence { channel, events });
        }
    }

    fn bye(&mut self, code: String, reconnect: bool) {
        self.line.tell(Event::Bye { code: code.clone(), reconnect });
        if reconnect {
            self.line.reconnect(Reconnect::Bye(code));
        } else {
            self.ended = true;
            self.line.end();
        }
    }

    fn forget_the_left(&mut self) {
        let over: Vec<_> = self.memberships.extract_if(.., |_, membership| membership.is_over()).collect();
        for (channel, membership) in over {
            if membership.is_leaving() {
                self.line.tell(Event::Unsubscribed { channel, reason: Exit::Requested });
            }
        }
    }
}

fn reply_to(action: Action, result: &RawValue) -> Result<Reply, Failure> {
    match action {
        Action::Publish => read(result).map(Reply::Published),
        Action::History => read(result).map(Reply::History),
        Action::Presence => read(result).map(Reply::Presence),
        Action::Ping | Action::Subscribe | Action::Unsubscribe => {
            read::<Pong>(result).map(|pong| Reply::Pong(pong.at))
        }
    }
}

fn read<T: DeserializeOwned>(result: &RawValue) -> Result<T, Failure> {
    read_result(result).map_err(Failure::Refused)
}
