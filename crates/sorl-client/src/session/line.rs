//! The connection as the session sees it: requests that wait for replies, and what is to be done next.
//!
//! It knows no channel's state. The invariant: every request that was sent is answered exactly once, by a
//! reply, an error, silence for 30 s, or the end of the connection; and ids are never used twice, so a
//! frame of a former connection answers nothing.

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
}

/// The connection, or its absence.
#[derive(Debug, Default)]
pub(super) struct Line {
    open: Option<Open>,
    last_id: u64,
    pending: BTreeMap<RequestId, Pending>,
    effects: VecDeque<Effect>,
}

impl Line {
    pub(super) fn opened(&mut self, now: Timestamp, region: Region) {
        self.open = Some(Open { region, traffic: now, heard: now, given_up: false });
    }

    /// The connection is gone; what waited for a reply gets none.
    pub(super) fn closed(&mut self) -> impl Iterator<Item = (RequestId, Purpose)> + use<> {
        self.open = None;
        std::mem::take(&mut self.pending).into_iter().map(|(id, pending)| (id, pending.purpose))
    }

    pub(super) fn heard(&mut self, now: Timestamp) {
        if let Some(open) = &mut self.open {
            (open.traffic, open.heard) = (now, now);
        }
    }

    /// The region of the connection, if there is one.
    pub(super) fn region(&self) -> Option<Region> {
        self.open.as_ref().map(|open| open.region.clone())
    }

    pub(super) const fn is_open(&self) -> bool {
        self.open.is_some()
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
        let Some(open) = &mut self.open else {
            self.tell(Event::Replied { request: id, outcome: Err(Failure::Disconnected) });
            return id;
        };
        if frame.len() > FRAME_IN_MAX {
            // The gateway would close the connection, and a retry would have it do so again.
            self.tell(Event::Replied { request: id, outcome: Err(Failure::Refused(too_large())) });
            return id;
        }
        open.traffic = now;
        self.pending.insert(id, Pending { purpose, sent: now });
        self.effects.push_back(Effect::Send(frame));
        id
    }

    /// What the answered request was for; `None` if nothing waits for it.
    pub(super) fn answered(&mut self, id: u64) -> Option<(RequestId, Purpose)> {
        let id = RequestId(id);
        self.pending.remove(&id).map(|pending| (id, pending.purpose))
    }

    /// The next request whose reply is overdue.
    pub(super) fn overdue(&mut self, now: Timestamp) -> Option<(RequestId, Purpose)> {
        let first = self.pending.first_entry().filter(|first| first.get().sent.plus(REPLY_MAX) <= now)?;
        let (id, Pending { purpose, sent }) = first.remove_entry();
        // Not a frame since: nobody is there, and further requests would wait as long.
        if self.open.as_ref().is_some_and(|open| open.heard <= sent) {
            self.reconnect(Reconnect::Silent);
        }
        Some((id, purpose))
    }

    /// Pings after nine minutes without traffic.
    pub(super) fn keep(&mut self, now: Timestamp) {
        if self.open.as_ref().is_some_and(|open| open.traffic.plus(QUIET_MAX) <= now) {
            self.send(now, Purpose::Keep, Action::Ping, &Request::default());
        }
    }

    /// When [`Line::overdue`] or [`Line::keep`] has something to do.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        let quiet = self.open.as_ref().map(|open| open.traffic.plus(QUIET_MAX));
        let overdue = self.pending.values().next().map(|pending| pending.sent.plus(REPLY_MAX));
        [quiet, overdue].into_iter().flatten().min()
    }

    /// Asks for another connection, once.
    pub(super) fn reconnect(&mut self, reason: Reconnect) {
        if let Some(open) = self.open.as_mut().filter(|open| !open.given_up) {
            open.given_up = true;
            self.effects.push_back(Effect::Reconnect(reason));
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
}

fn too_large() -> Refusal {
    Refusal::new(ErrorCode::TooLarge, format!("a frame has at most {FRAME_IN_MAX} bytes"))
}
