//! One channel across connections: the client enters it, recovers what was missed, passes messages on once
//! each, and leaves.
//!
//! The invariant: at most one `subscribe` or `unsubscribe` of the channel is outstanding. Every step ends in
//! [`Membership::next`], which compares what is wanted with what is, and sends the one request that closes
//! the difference.

use serde_json::value::RawValue;
use sorl_core::error::{ErrorCode, Refusal};
use sorl_core::ids::MessageId;
use sorl_core::message::Message;
use sorl_core::names::ChannelName;
use sorl_core::protocol::Action;
use sorl_core::region::Region;
use sorl_core::time::Timestamp;

use super::Moment;
use super::event::{Event, Exit, Failure, Origin, Reconnect, RequestId, Start};
use super::line::{Line, Purpose};
use super::progress::{Cursor, Progress};
use super::recovery::{Recovery, Step};
use super::seen::Seen;
use crate::backoff::full_jitter;
use crate::wire::{Request, Subscribed, read_result};

/// What a reply brought, to any request.
pub(super) type Outcome<'a> = Result<&'a RawValue, Failure>;

/// A channel that is wanted, or that is being left.
#[derive(Debug)]
pub(super) struct Membership {
    channel: ChannelName,
    /// Whether it is the user's own channel: a connection is its member from the start to the end.
    personal: bool,
    wanted: bool,
    /// Whether the application waits to hear that it was left.
    leaving: bool,
    entered: bool,
    outstanding: Option<Outstanding>,
    retry_at: Option<Timestamp>,
    failures: u32,
    rewind: Option<u32>,
    progress: Progress,
    seen: Seen,
    recovery: Option<Recovery>,
}

#[derive(Debug)]
struct Outstanding {
    /// Whether it resumes from a cursor.
    resumes: bool,
    /// Whether the wish behind it was given up, so that its answer has another one's cursor and messages.
    stale: bool,
}

impl Membership {
    pub(super) fn new(channel: ChannelName, personal: bool, start: Start) -> Self {
        let mut membership = Self {
            channel,
            personal,
            wanted: false,
            leaving: false,
            entered: false,
            outstanding: None,
            retry_at: None,
            failures: 0,
            rewind: None,
            progress: Progress::default(),
            seen: Seen::default(),
            recovery: None,
        };
        membership.begin(start);
        membership
    }

    /// It is the user's own.
    pub(super) const fn own(&mut self) {
        self.personal = true;
    }

    /// Where it would resume.
    pub(super) const fn cursor(&self) -> Option<&Cursor> {
        self.progress.since()
    }

    /// Whether it is a member, as is wanted.
    pub(super) const fn is_entered(&self) -> bool {
        self.wanted && self.entered
    }

    /// Whether it is a member to whom nothing is owed.
    pub(super) const fn is_settled(&self) -> bool {
        self.is_entered() && !self.progress.is_owed()
    }

    /// Whether it can be forgotten.
    pub(super) const fn is_over(&self) -> bool {
        let inside = self.entered && !self.personal;
        !self.wanted && !inside && self.outstanding.is_none()
    }

    /// Whether the application waits to hear of the end.
    pub(super) const fn is_leaving(&self) -> bool {
        self.leaving
    }

    /// The application wants it, for the first time or again.
    pub(super) fn want(&mut self, line: &mut Line, now: Timestamp, start: Start) {
        let begun = self.entered || self.outstanding.is_some() || self.progress.since().is_some();
        if self.wanted && begun {
            return;
        }
        if self.leaving {
            line.tell(Event::Unsubscribed { channel: self.channel.clone(), reason: Exit::Requested });
        }
        self.begin(start);
        self.next(line, now);
    }

    /// The application wants it no more.
    pub(super) fn leave(&mut self, line: &mut Line, now: Timestamp) {
        self.leaving |= self.wanted;
        self.exit();
        self.next(line, now);
    }

    pub(super) fn opened(&mut self, line: &mut Line, now: Timestamp) {
        self.failures = 0;
        self.next(line, now);
    }

    pub(super) fn closed(&mut self) {
        self.entered = false;
        self.outstanding = None;
        self.retry_at = None;
        self.recovery = None;
        self.progress.owe();
    }

    /// A live message came.
    pub(super) fn live(&mut self, line: &mut Line, now: Timestamp, region: &Region, message: Message) {
        if self.wanted {
            self.progress.live(message.id, region);
            self.show(line, now, message, Origin::Live);
            self.forget(now);
        }
    }

    /// Whether joins and leaves are of interest.
    pub(super) const fn is_wanted(&self) -> bool {
        self.wanted
    }

    /// An operator took the channel away.
    pub(super) fn evicted(&mut self, line: &mut Line, now: Timestamp) {
        self.entered = false;
        self.drop_out(line, now, Exit::Operator);
    }

    /// `subscribe` was answered.
    pub(super) fn subscribed(&mut self, line: &mut Line, at: Moment, outcome: Outcome<'_>) {
        let Some(outstanding) = self.outstanding.take() else { return };
        match outcome.and_then(|result| read_result(result).map_err(Failure::Refused)) {
            Ok(answer) => self.enter(line, at, &outstanding, answer),
            Err(failure) => self.not_subscribed(line, at, outstanding, failure),
        }
        self.next(line, at.now);
    }

    fn enter(&mut self, line: &mut Line, at: Moment, outstanding: &Outstanding, answer: Subscribed) {
        if outstanding.stale {
            // Wanted anew meanwhile, or no more: the next step subscribes again, or leaves.
            self.entered = !self.wanted;
            return;
        }
        self.entered = true;
        self.failures = 0;
        let (channel, resumed) = (self.channel.clone(), outstanding.resumes);
        line.tell(Event::Subscribed { channel: channel.clone(), resumed });
        if resumed && !answer.recovered {
            line.tell(Event::Gap { channel });
        }
        let origin = if resumed { Origin::Recovered } else { Origin::Rewound };
        self.recovery = Some(Recovery::new(origin));
        self.page(line, at.now, answer.cursor, &answer.region, answer.more, answer.messages);
    }

    fn not_subscribed(&mut self, line: &mut Line, at: Moment, outstanding: Outstanding, failure: Failure) {
        match failure {
            // Until the next connection, it stays outstanding: what became of it, or will, is unknown.
            Failure::Unknown | Failure::Disconnected => {
                self.outstanding = Some(outstanding);
                line.reconnect(Reconnect::Silent);
            }
            Failure::Refused(refusal) if refusal.code == ErrorCode::Expired => {
                self.outstanding = Some(outstanding);
            }
            Failure::Refused(refusal) if refusal.temporary => self.postpone(at),
            Failure::Refused(_) if outstanding.stale => {}
            Failure::Refused(refusal) => self.drop_out(line, at.now, Exit::Refused(refusal)),
        }
    }

    /// `unsubscribe` was answered.
    pub(super) fn unsubscribed(&mut self, line: &mut Line, at: Moment, outcome: Outcome<'_>) {
        let Some(outstanding) = self.outstanding.take() else { return };
        match outcome {
            Err(Failure::Unknown | Failure::Disconnected) => {
                self.outstanding = Some(outstanding);
                line.reconnect(Reconnect::Silent);
            }
            Err(Failure::Refused(Refusal { code: ErrorCode::Expired, .. })) => {
                self.outstanding = Some(outstanding);
            }
            Err(Failure::Refused(refusal)) if refusal.temporary => self.postpone(at),
            // Refused for good can only mean that there is nothing to leave.
            Ok(_) | Err(Failure::Refused(_)) => self.entered = false,
        }
        self.next(line, at.now);
    }

    /// A page of the recovery was answered, or was not.
    pub(super) fn recovered(
        &mut self,
        line: &mut Line,
        at: Moment,
        request: RequestId,
        region: &Region,
        outcome: Outcome<'_>,
    ) {
        let Some(recovery) = self.recovery.as_mut() else { return };
        match recovery.answered(at, request, outcome) {
            Step::Page(page) => {
                self.page(line, at.now, page.cursor, region, page.more, page.messages);
            }
            Step::Wait => {}
            Step::Lost => {
                self.recovery = None;
                self.progress.settle(region);
                line.tell(Event::Gap { channel: self.channel.clone() });
            }
        }
    }

    fn page(
        &mut self,
        line: &mut Line,
        now: Timestamp,
        cursor: MessageId,
        region: &Region,
        more: bool,
        messages: Vec<Message>,
    ) {
        let Some(recovery) = self.recovery.as_mut() else { return };
        let origin = recovery.origin();
        self.progress.answered(cursor, region, more);
        if more {
            recovery.ask(line, now, &self.channel, cursor);
        }
        for message in messages {
            self.show(line, now, message, origin);
        }
        // Not sooner: the answer begins before where it was asked from, its cursor may lie far behind that.
        self.forget(now);
        if !more {
            self.recovery = None;
            if origin == Origin::Recovered {
                line.tell(Event::Recovered { channel: self.channel.clone() });
            }
        }
    }

    /// Time has passed.
    pub(super) fn tick(&mut self, line: &mut Line, now: Timestamp) {
        if self.retry_at.is_some_and(|due| due <= now) {
            self.retry_at = None;
            self.next(line, now);
        }
        if let Some(recovery) = &mut self.recovery {
            recovery.tick(line, now, &self.channel);
        }
    }

    /// When [`Membership::tick`] has something to do.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        let page = self.recovery.as_ref().and_then(Recovery::next_due);
        [self.retry_at, page].into_iter().flatten().min()
    }

    /// Sends the one request that brings what is closer to what is wanted.
    fn next(&mut self, line: &mut Line, now: Timestamp) {
        if self.outstanding.is_some() || self.retry_at.is_some() || !line.is_open() {
            return;
        }
        match (self.wanted, self.entered) {
            (true, false) => self.subscribe(line, now),
            (false, true) if !self.personal => self.unsubscribe(line, now),
            _ => {}
        }
    }

    fn subscribe(&mut self, line: &mut Line, now: Timestamp) {
        self.progress.owe();
        let since = self.progress.since();
        let request = Request {
            since: since.map(|cursor| cursor.id),
            region: since.and_then(|cursor| cursor.region.as_ref()),
            rewind: if since.is_none() { self.rewind } else { None },
            ..Request::about(&self.channel)
        };
        let purpose = Purpose::Subscribe(self.channel.clone());
        line.send(now, purpose, Action::Subscribe, &request);
        self.outstanding = Some(Outstanding { resumes: since.is_some(), stale: false });
    }

    fn unsubscribe(&mut self, line: &mut Line, now: Timestamp) {
        let purpose = Purpose::Unsubscribe(self.channel.clone());
        line.send(now, purpose, Action::Unsubscribe, &Request::about(&self.channel));
        self.outstanding = Some(Outstanding { resumes: false, stale: false });
    }

    fn begin(&mut self, start: Start) {
        self.wanted = true;
        self.leaving = false;
        self.seen = Seen::default();
        (self.progress, self.rewind) = match start {
            Start::Now => (Progress::default(), None),
            Start::Rewind(count) => (Progress::default(), Some(count)),
            Start::Since(cursor) => (Progress::resumed(cursor), None),
        };
    }

    /// The service ended it.
    fn drop_out(&mut self, line: &mut Line, now: Timestamp, reason: Exit) {
        if self.wanted {
            line.tell(Event::Unsubscribed { channel: self.channel.clone(), reason });
        }
        self.exit();
        self.next(line, now);
    }

    fn exit(&mut self) {
        self.wanted = false;
        self.retry_at = None;
        self.recovery = None;
        if let Some(outstanding) = &mut self.outstanding {
            outstanding.stale = true;
        }
    }

    fn postpone(&mut self, at: Moment) {
        self.retry_at = Some(at.now.plus(full_jitter(self.failures, at.jitter)));
        self.failures = self.failures.saturating_add(1);
    }

    fn show(&mut self, line: &mut Line, now: Timestamp, message: Message, origin: Origin) {
        if self.seen.first(message.id, now) {
            line.tell(Event::Message { message, origin });
        }
    }

    fn forget(&mut self, now: Timestamp) {
        self.seen.forget(self.progress.since().map(|cursor| cursor.id), now);
    }
}
