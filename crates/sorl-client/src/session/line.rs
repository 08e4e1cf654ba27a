//! The connections as the session sees them: requests that wait for replies, and what is to be done next.
//!
//! It knows no channel's state. The invariant: every request that was sent is answered exactly once, by a
//! reply, an error, silence for 30 s, or the end of its connection; and ids are never used twice, so a
//! frame of another connection answers nothing.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use sorl_core::error::{ErrorCode, Refusal};
use sorl_core::limits::FRAME_IN_MAX;
use sorl_core::names::ChannelName;
use sorl_core::protocol::Action;
use sorl_core::region::Region;
use sorl_core::time::Timestamp;

use super::event::{Effect, Event, Failure, Reconnect, RequestId};
use crate::wire::Request;

/// Time without a reply after which what became of a request is unknown.
const REPLY_MAX: Duration = Duration::from_secs(30);
/// Time without traffic after which a ping keeps the connection: API Gateway closes idle ones after ten
/// minutes.
const QUIET_MAX: Duration = Duration::from_mins(9);
/// A service that was heard within this time need not be asked whether it is there: every ping is billed.
const FRESH: Duration = Duration::from_secs(10);

/// Channels that enter or recover at a time: enough to hide the round trips, and few enough that a client of
/// many channels that comes back is no stampede.
const ENTERING_MAX: usize = 32;

/// Of two connections, which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The one that opened last: everything is asked over it.
    Current,
    /// The one that is being replaced: it delivers, and answers what it was asked.
    Former,
}

/// What a request is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To become a member.
    Subscribe(ChannelName),
    /// To be one no more.
    Unsubscribe(ChannelName),
    /// The next page of a recovery.
    Recover(ChannelName),
    /// To keep the connection.
    Keep,
    /// Whatever the application wants.
    Asked(Action),
}

/// A request that waits for its reply.
pub(super) type Waiting = (RequestId, Purpose);

#[derive(Debug)]
struct Pending {
    purpose: Purpose,
    sent: Timestamp,
}

#[derive(Debug)]
struct Open {
    region: Region,
    /// When a frame last came or went.
    traffic: Timestamp,
    /// When a frame last came.
    heard: Timestamp,
    /// Whether another connection was asked for.
    given_up: bool,
    pending: BTreeMap<RequestId, Pending>,
}

/// The connections, or their absence.
#[derive(Debug, Default)]
pub(super) struct Line {
    current: Option<Open>,
    former: Option<Open>,
    last_id: u64,
    effects: VecDeque<Effect>,
}

impl Line {
    /// A connection opened; what was the current one is the former one now.
    pub(super) fn opened(&mut self, now: Timestamp, region: Region) {
        let open = Open { region, traffic: now, heard: now, given_up: false, pending: BTreeMap::new() };
        self.former = self.current.replace(open);
    }

    /// The connection on that side is gone; what waited for a reply gets none. Without the current one the
    /// former one is that again.
    pub(super) fn closed(&mut self, side: Side) -> impl Iterator<Item = Waiting> + use<> {
        let gone = match side {
            Side::Current => std::mem::replace(&mut self.current, self.former.take()),
            Side::Former => self.former.take(),
        };
        let pending = gone.map(|gone| gone.pending).unwrap_or_default();
        pending.into_iter().map(|(id, pending)| (id, pending.purpose))
    }

    /// A frame came.
    pub(super) fn heard(&mut self, now: Timestamp, side: Side) {
        if let Some(open) = self.on(side) {
            (open.traffic, open.heard) = (now, now);
        }
    }

    /// The region of the connection, if there is one.
    pub(super) fn region(&self, side: Side) -> Option<Region> {
        let open = match side {
            Side::Current => self.current.as_ref(),
            Side::Former => self.former.as_ref(),
        };
        open.map(|open| open.region.clone())
    }

    pub(super) const fn is_open(&self) -> bool {
        self.current.is_some()
    }

    pub(super) const fn has_former(&self) -> bool {
        self.former.is_some()
    }

    /// Whether one more channel may enter now.
    pub(super) fn has_room(&self) -> bool {
        let enters =
            |pending: &&Pending| matches!(pending.purpose, Purpose::Subscribe(_) | Purpose::Recover(_));
        let entering = |open: &Open| open.pending.values().filter(enters).count();
        self.current.as_ref().is_some_and(|open| entering(open) < ENTERING_MAX)
    }

    /// Sends a request; what cannot be sent is answered at once, in the order of all else.
    pub(super) fn send(
        &mut self,
        now: Timestamp,
        purpose: Purpose,
        action: Action,
        request: &Request<'_>,
    ) -> RequestId {
        self.last_id += 1;
        let id = RequestId(self.last_id);
        let frame = request.frame(action, id.0);
        let Some(open) = &mut self.current else {
            self.tell(Event::Replied { request: id, outcome: Err(Failure::Disconnected) });
            return id;
        };
        if frame.len() > FRAME_IN_MAX {
            // The gateway would close the connection, and a retry would have it do so again.
            self.tell(Event::Replied { request: id, outcome: Err(Failure::Refused(too_large())) });
            return id;
        }
        open.traffic = now;
        open.pending.insert(id, Pending { purpose, sent: now });
        self.effects.push_back(Effect::Send(frame));
        id
    }

    /// What the answered request was for; `None` if nothing waits for it.
    pub(super) fn answered(&mut self, side: Side, id: u64) -> Option<Waiting> {
        let id = RequestId(id);
        self.on(side)?.pending.remove(&id).map(|pending| (id, pending.purpose))
    }

    /// The next request on that side whose reply is overdue.
    pub(super) fn overdue(&mut self, now: Timestamp, side: Side) -> Option<Waiting> {
        let open = self.on(side)?;
        let first = open.pending.first_entry().filter(|first| first.get().sent.plus(REPLY_MAX) <= now)?;
        let (id, Pending { purpose, sent }) = first.remove_entry();
        // Not a frame since: nobody is there, and further requests would wait as long.
        if open.heard <= sent && side == Side::Current {
            self.reconnect(Reconnect::Silent);
        }
        Some((id, purpose))
    }

    /// Pings after nine minutes without traffic.
    pub(super) fn keep(&mut self, now: Timestamp) {
        if self.current.as_ref().is_some_and(|open| open.traffic.plus(QUIET_MAX) <= now) {
            self.send(now, Purpose::Keep, Action::Ping, &Request::default());
        }
    }

    /// Pings, unless the service was heard just now: the device may have slept.
    pub(super) fn wake(&mut self, now: Timestamp) {
        if self.current.as_ref().is_some_and(|open| open.heard.plus(FRESH) <= now) {
            self.send(now, Purpose::Keep, Action::Ping, &Request::default());
        }
    }

    /// When [`Line::overdue`] or [`Line::keep`] has something to do.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        let quiet = self.current.as_ref().map(|open| open.traffic.plus(QUIET_MAX));
        let first = |open: &Open| open.pending.values().next().map(|pending| pending.sent.plus(REPLY_MAX));
        let overdue = [&self.current, &self.former].map(|open| open.as_ref().and_then(first));
        [quiet].into_iter().chain(overdue).flatten().min()
    }

    /// Asks for another connection in the current one's place, once.
    pub(super) fn reconnect(&mut self, reason: Reconnect) {
        if let Some(open) = self.current.as_mut().filter(|open| !open.given_up) {
            open.given_up = true;
            self.effects.push_back(Effect::Reconnect(reason));
        }
    }

    /// The service is about to close the current connection, which may still deliver.
    pub(super) fn bye(&mut self, code: String) {
        if self.current.as_ref().is_some_and(|open| !open.given_up) {
            self.effects.push_back(Effect::Reconnect(Reconnect::Bye(code)));
        }
    }

    /// Asks for the end.
    pub(super) fn end(&mut self) {
        self.effects.push_back(Effect::End);
    }

    /// Tells the application.
    pub(super) fn tell(&mut self, event: Event) {
        self.effects.push_back(Effect::Tell(event));
    }

    /// What is to be done.
    pub(super) fn drain(&mut self) -> std::collections::vec_deque::Drain<'_, Effect> {
        self.effects.drain(..)
    }

    const fn on(&mut self, side: Side) -> Option<&mut Open> {
        match side {
            Side::Current => self.current.as_mut(),
            Side::Former => self.former.as_mut(),
        }
    }
}

fn too_large() -> Refusal {
    Refusal::new(ErrorCode::TooLarge, format!("a frame has at most {FRAME_IN_MAX} bytes"))
}
