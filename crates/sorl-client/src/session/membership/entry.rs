//! Entering and leaving a channel: the requests, and what their answers mean.
//!
//! Not the messages that an answer brings (`pages`).

use sorl_core::error::{ErrorCode, Refusal};
use sorl_core::protocol::Action;
use sorl_core::time::Timestamp;

use super::seat::Outstanding;
use super::{Membership, Outcome};
use crate::backoff::full_jitter;
use crate::session::Moment;
use crate::session::event::{Event, Exit, Failure, Origin, Reconnect};
use crate::session::line::{Line, Purpose};
use crate::session::progress::Debt;
use crate::session::recovery::Recovery;
use crate::wire::{Request, Subscribed, read_result};

impl Membership {
    /// Sends the one request that brings what is closer to what is wanted.
    pub(in crate::session) fn next(&mut self, line: &mut Line, now: Timestamp) {
        if self.seat.outstanding.is_some() || self.seat.retry_at.is_some() || !line.is_open() {
            return;
        }
        // If there is no room, once another channel has entered.
        if self.wanted && !self.seat.entered && line.has_room() {
            self.subscribe(line, now);
        } else if !self.wanted && self.seat.inside && !self.personal {
            self.unsubscribe(line, now);
        }
    }

    /// `subscribe` was answered.
    pub(in crate::session) fn subscribed(&mut self, line: &mut Line, at: Moment, outcome: Outcome<'_>) {
        let Some(outstanding) = self.seat.outstanding.take() else { return };
        self.seat.answered(&outcome);
        match outcome.and_then(|result| read_result(result).map_err(Failure::Refused)) {
            Ok(answer) => self.enter(line, at, &outstanding, answer),
            Err(failure) => self.not_subscribed(line, at, outstanding, failure),
        }
        self.next(line, at.now);
    }

    /// `unsubscribe` was answered.
    pub(in crate::session) fn unsubscribed(&mut self, line: &mut Line, at: Moment, outcome: Outcome<'_>) {
        let Some(outstanding) = self.seat.outstanding.take() else { return };
        match outcome {
            Err(Failure::Refused(Refusal { code: ErrorCode::Expired, .. })) => {
                self.seat.outstanding = Some(outstanding);
            }
            Err(Failure::Refused(refusal)) if refusal.temporary => self.postpone(at),
            // Refused for good can only mean that there is nothing to leave.
            Ok(_) | Err(Failure::Refused(_)) => self.seat.left(),
            Err(_) => {
                self.seat.outstanding = Some(outstanding);
                line.reconnect(Reconnect::Silent);
            }
        }
        self.next(line, at.now);
    }

    /// What was asked over the former connection was answered, or was not. If that becomes the current one
    /// again, it begins where this leaves it.
    pub(in crate::session) fn answered_by_former(&mut self, entering: bool, outcome: &Outcome<'_>) {
        let Some(former) = &mut self.former else { return };
        if matches!(outcome, Err(Failure::Unknown)) {
            former.dubious = true;
        } else if former.outstanding.take().is_some() {
            former.entered = entering == outcome.is_ok();
            former.inside = former.entered;
            if entering {
                former.answered(outcome);
            }
            former.unread |= entering;
        }
    }

    fn subscribe(&mut self, line: &mut Line, now: Timestamp) {
        self.seat.debt = Debt::after(&self.progress);
        let since = self.progress.since();
        let request = Request {
            since: since.map(|cursor| cursor.id),
            region: since.and_then(|cursor| cursor.region.as_ref()),
            rewind: if since.is_none() { self.rewind } else { None },
            ..Request::about(&self.channel)
        };
        let purpose = Purpose::Subscribe(self.channel.clone());
        line.send(now, purpose, Action::Subscribe, &request);
        self.seat.outstanding = Some(Outstanding { resumes: since.is_some(), stale: false });
    }

    fn unsubscribe(&mut self, line: &mut Line, now: Timestamp) {
        let purpose = Purpose::Unsubscribe(self.channel.clone());
        line.send(now, purpose, Action::Unsubscribe, &Request::about(&self.channel));
        self.seat.outstanding = Some(Outstanding { resumes: false, stale: false });
    }

    fn enter(&mut self, line: &mut Line, at: Moment, outstanding: &Outstanding, answer: Subscribed) {
        if outstanding.stale {
            // Wanted anew meanwhile, or no more: the next step subscribes again, or leaves.
            self.seat.entered = !self.wanted;
            return;
        }
        self.seat.entered = true;
        self.seat.failures = 0;
        let (channel, resumed) = (self.channel.clone(), outstanding.resumes);
        line.tell(Event::Subscribed { channel: channel.clone(), resumed });
        if resumed && !answer.recovered {
            line.tell(Event::Gap { channel });
        }
        let origin = if resumed { Origin::Recovered } else { Origin::Rewound };
        self.seat.recovery = Some(Recovery::new(origin));
        self.page(line, at.now, answer.cursor, &answer.region, answer.more, answer.messages);
    }

    fn not_subscribed(&mut self, line: &mut Line, at: Moment, outstanding: Outstanding, failure: Failure) {
        match failure {
            Failure::Refused(refusal) if refusal.code == ErrorCode::Expired => {
                self.seat.outstanding = Some(outstanding);
            }
            Failure::Refused(refusal) if refusal.temporary => self.postpone(at),
            Failure::Refused(_) if outstanding.stale => {}
            Failure::Refused(refusal) => self.drop_out(line, at.now, Exit::Refused(refusal)),
            // Until the next connection, it stays outstanding: what became of it, or will, is unknown.
            _ => {
                self.seat.outstanding = Some(outstanding);
                line.reconnect(Reconnect::Silent);
            }
        }
    }

    fn postpone(&mut self, at: Moment) {
        self.seat.retry_at = Some(at.now.plus(full_jitter(self.seat.failures, at.jitter)));
        self.seat.failures = self.seat.failures.saturating_add(1);
    }
}
