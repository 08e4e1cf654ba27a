//! What a client knows and what it says: a state machine without I/O, clock or chance.
//!
//! It is told what happens (a connection opened, a frame came, time passed, the application wants
//! something) and answers with [`Effect`]s: frames to send, what to tell the application, when to
//! reconnect. Whoever drives it drains them after every call and carries them out in order.
//!
//! Not the connections themselves (`machine`): they may be opened and closed as often as one pleases. Where a
//! second one is opened while the first still lives, the first becomes the *former* one: it goes on
//! delivering while everything is asked over the *current* one, until [`Session::is_handed_over`]. The
//! invariants are those of its parts: `progress` (what counts as had), `seen` (each message once),
//! `membership` (one request at a time), `line` (every request answered once).

mod event;
mod hearing;
mod line;
mod membership;
mod ordering;
mod progress;
mod recovery;
mod requests;
pub mod seen;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use sorl_core::names::{ChannelName, UserName};
use sorl_core::region::Region;
use sorl_core::time::Timestamp;

pub use event::{
    Effect, Event, Exit, Failure, Origin, Past, Publish, Reconnect, Reply, RequestId, Start, Subscription,
};
pub use line::Side;
pub use progress::Cursor;

use line::{Line, Purpose, Waiting};
use membership::Membership;

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
        let personal = || Membership::new(channel.clone(), true, Subscription::default());
        self.memberships.entry(channel.clone()).or_insert_with(personal).own();
    }

    /// A connection to `region` opened. If there is one already, that one is the former one from now on.
    pub fn opened(&mut self, now: Timestamp, region: Region) {
        if self.ended {
            return;
        }
        if self.line.has_former() {
            self.former_closed();
        }
        self.line.opened(now, region);
        for membership in self.memberships.values_mut() {
            membership.opened(&mut self.line, now);
        }
        self.forget_the_left();
    }

    /// The connection is gone, and the former one with it, if there is one.
    pub fn closed(&mut self) {
        for membership in self.memberships.values_mut() {
            membership.closed();
        }
        let former: Vec<_> = self.line.closed(Side::Former).collect();
        let current: Vec<_> = self.line.closed(Side::Current).collect();
        self.unanswered(former.into_iter().chain(current));
        self.forget_the_left();
    }

    /// The current connection is gone, and the former one still lives: it is the current one again.
    pub fn fell_back(&mut self, now: Timestamp) {
        let waiting = self.line.closed(Side::Current);
        self.unanswered(waiting);
        for membership in self.memberships.values_mut() {
            membership.fell_back(&mut self.line, now);
        }
        self.forget_the_left();
    }

    /// The former connection is gone.
    pub fn former_closed(&mut self) {
        for membership in self.memberships.values_mut() {
            membership.former_closed();
        }
        let waiting = self.line.closed(Side::Former);
        self.unanswered(waiting);
        self.forget_the_left();
    }

    /// Whether the former connection is needed no more: the current one has brought all that is owed.
    #[must_use]
    pub fn is_handed_over(&self) -> bool {
        self.memberships.values().all(Membership::is_handed_over)
    }

    /// Time has passed. To be called at [`Session::next_due`]; earlier does no harm.
    pub fn tick(&mut self, at: Moment) {
        for side in [Side::Former, Side::Current] {
            while let Some((request, purpose)) = self.line.overdue(at.now, side) {
                self.dispatch(at, side, request, purpose, Err(Failure::Unknown));
            }
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
        let channels = self.memberships.values().filter_map(|membership| membership.next_due(&self.line));
        channels.chain(self.line.next_due()).min()
    }

    /// Wants to be a member of `channel`, on this connection and all that follow. Without effect on what is
    /// wanted already.
    pub fn subscribe(
        &mut self,
        now: Timestamp,
        channel: &ChannelName,
        subscription: impl Into<Subscription>,
    ) {
        let subscription = subscription.into();
        if let Some(membership) = self.memberships.get_mut(channel) {
            membership.want(&mut self.line, now, subscription);
            return;
        }
        let mut membership = Membership::new(channel.clone(), false, subscription);
        membership.next(&mut self.line, now);
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
        self.memberships.get(channel).is_some_and(Membership::is_known)
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

    /// Requests whose connection is gone.
    fn unanswered(&mut self, waiting: impl Iterator<Item = Waiting>) {
        for (request, purpose) in waiting {
            if matches!(purpose, Purpose::Asked(_)) {
                self.line.tell(Event::Replied { request, outcome: Err(Failure::Disconnected) });
            }
        }
    }

    fn forget_the_left(&mut self) {
        for membership in self.memberships.values_mut() {
            membership.tell_end(&mut self.line);
        }
        self.memberships.retain(|_, membership| !membership.is_over());
    }
}
