//! Frames that came: which request, or which channel, each is for.
//!
//! The invariant: over the former connection nothing new begins. It delivers, and answers what it was asked.

use sorl_core::envelope::PresenceChange;
use sorl_core::error::{ErrorCode, Refusal};
use sorl_core::message::Message;
use sorl_core::region::Region;
use sorl_core::time::Timestamp;

use super::event::{Event, Failure, Reconnect, RequestId};
use super::line::{Purpose, Side};
use super::membership::Outcome;
use super::requests::reply_to;
use super::{Moment, Session};
use crate::wire::Frame;

impl Session {
    /// A text frame came over the current connection.
    pub fn received(&mut self, at: Moment, frame: &str) {
        self.hear(at, Side::Current, frame);
    }

    /// A text frame came.
    pub fn hear(&mut self, at: Moment, side: Side, frame: &str) {
        let Some(region) = self.line.region(side) else { return };
        self.line.heard(at.now, side);
        match Frame::read(frame) {
            Some(Frame::Reply { id, result }) => self.replied(at, side, id, Ok(result)),
            Some(Frame::Error { id: Some(id), refusal }) => self.refused(at, side, id, refusal),
            Some(Frame::Error { id: None, refusal }) => self.line.tell(Event::Complaint(refusal)),
            Some(Frame::Messages(messages)) => self.live(at.now, side, &region, messages),
            Some(Frame::Unsubscribed(channel)) => {
                if let Some(membership) = self.memberships.get_mut(&channel) {
                    membership.evicted(&mut self.line, at.now, side);
                }
            }
            Some(Frame::Presence(change)) => self.presence_changed(side, change),
            Some(Frame::Bye { code, reconnect }) => self.bye(side, code, reconnect),
            None => {}
        }
        self.forget_the_left();
    }

    /// A request was answered, or was not.
    pub(super) fn dispatch(
        &mut self,
        at: Moment,
        side: Side,
        request: RequestId,
        purpose: Purpose,
        outcome: Outcome<'_>,
    ) {
        match purpose {
            Purpose::Asked(action) => {
                let outcome = outcome.and_then(|result| reply_to(action, result));
                self.line.tell(Event::Replied { request, outcome });
            }
            _ if side == Side::Former => self.answered_by_former(purpose, &outcome),
            _ => self.answered(at, request, purpose, outcome),
        }
    }

    fn answered(&mut self, at: Moment, request: RequestId, purpose: Purpose, outcome: Outcome<'_>) {
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
                if let Some(region) = line.region(Side::Current)
                    && let Some(membership) = self.memberships.get_mut(&channel)
                {
                    membership.recovered(line, at, request, &region, outcome);
                }
            }
            Purpose::Keep => {
                if matches!(outcome, Err(Failure::Unknown)) {
                    line.reconnect(Reconnect::Silent);
                }
            }
            Purpose::Asked(_) => {}
        }
        if self.line.has_room() {
            for membership in self.memberships.values_mut() {
                membership.next(&mut self.line, at.now);
            }
        }
    }

    fn answered_by_former(&mut self, purpose: Purpose, outcome: &Outcome<'_>) {
        let (channel, entering) = match purpose {
            Purpose::Subscribe(channel) => (channel, true),
            Purpose::Unsubscribe(channel) => (channel, false),
            Purpose::Recover(_) | Purpose::Keep | Purpose::Asked(_) => return,
        };
        if let Some(membership) = self.memberships.get_mut(&channel) {
            membership.answered_by_former(entering, outcome);
        }
    }

    fn refused(&mut self, at: Moment, side: Side, id: u64, refusal: Refusal) {
        let expired = refusal.code == ErrorCode::Expired;
        self.replied(at, side, id, Err(Failure::Refused(refusal)));
        if expired && side == Side::Current {
            self.line.reconnect(Reconnect::Expired);
        }
    }

    fn replied(&mut self, at: Moment, side: Side, id: u64, outcome: Outcome<'_>) {
        if let Some((request, purpose)) = self.line.answered(side, id) {
            self.dispatch(at, side, request, purpose, outcome);
        }
    }

    fn live(&mut self, now: Timestamp, side: Side, region: &Region, messages: Vec<Message>) {
        for message in messages {
            if let Some(membership) = self.memberships.get_mut(&message.channel) {
                membership.live(&mut self.line, now, side, region, message);
            }
        }
    }

    fn presence_changed(&mut self, side: Side, PresenceChange { channel, events }: PresenceChange) {
        if self.memberships.get(&channel).is_some_and(|membership| membership.attends(side)) {
            self.line.tell(Event::Presence { channel, events });
        }
    }

    fn bye(&mut self, side: Side, code: String, reconnect: bool) {
        self.line.tell(Event::Bye { code: code.clone(), reconnect });
        if !reconnect {
            for membership in self.memberships.values_mut() {
                membership.flush(&mut self.line);
            }
            self.ended = true;
            self.line.end();
        } else if side == Side::Current {
            self.line.bye(code);
        }
    }
}
