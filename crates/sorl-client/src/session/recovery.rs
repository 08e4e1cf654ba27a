//! The pages of one recovery, over one connection: what is asked, what is waited for, and when it is over.
//!
//! It holds no messages and moves no cursor (`progress`). It ends with its connection: the next one begins
//! another.

use sorl_core::error::ErrorCode;
use sorl_core::ids::MessageId;
use sorl_core::limits::HISTORY_LIMIT_MAX;
use sorl_core::names::ChannelName;
use sorl_core::protocol::Action;
use sorl_core::time::Timestamp;

use super::Moment;
use super::event::{Failure, Origin, RequestId};
use super::line::{Line, Purpose};
use super::membership::Outcome;
use crate::backoff::full_jitter;
use crate::wire::{Page, Request, read_result};

/// A recovery whose pages are being fetched.
#[derive(Debug)]
pub(super) struct Recovery {
    origin: Origin,
    failures: u32,
    waiting: Option<Waiting>,
}

#[derive(Debug)]
enum Waiting {
    /// For the page after `since`.
    Page { since: MessageId, request: RequestId },
    /// To ask for it again.
    Retry { since: MessageId, due: Timestamp },
}

/// What an answer means for the recovery.
pub(super) enum Step {
    /// A page came.
    Page(Page),
    /// It goes on later, or with another connection.
    Wait,
    /// The rest cannot be had.
    Lost,
}

impl Recovery {
    pub(super) const fn new(origin: Origin) -> Self {
        Self { origin, failures: 0, waiting: None }
    }

    /// How its messages came.
    pub(super) const fn origin(&self) -> Origin {
        self.origin
    }

    /// Asks for the page after `since`: where the last answer ended, whatever else was had.
    pub(super) fn ask(&mut self, line: &mut Line, now: Timestamp, channel: &ChannelName, since: MessageId) {
        let request =
            Request { since: Some(since), limit: Some(HISTORY_LIMIT_MAX), ..Request::about(channel) };
        let request = line.send(now, Purpose::Recover(channel.clone()), Action::History, &request);
        self.waiting = Some(Waiting::Page { since, request });
    }

    pub(super) fn answered(&mut self, at: Moment, request: RequestId, outcome: Outcome<'_>) -> Step {
        let Some(Waiting::Page { since, request: expected }) = self.waiting else { return Step::Wait };
        if request != expected {
            return Step::Wait;
        }
        self.waiting = None;
        match outcome.and_then(|result| read_result::<Page>(result).map_err(Failure::Refused)) {
            // A page that does not lead on would be asked for without end.
            Ok(page) if page.more && page.cursor <= since => Step::Lost,
            Ok(page) => {
                self.failures = 0;
                Step::Page(page)
            }
            // A fresh token comes with the next connection, and with it the next recovery.
            Err(Failure::Refused(refusal)) if refusal.code == ErrorCode::Expired => Step::Wait,
            Err(failure) if failure.is_temporary() => {
                let due = at.now.plus(full_jitter(self.failures, at.jitter));
                self.failures = self.failures.saturating_add(1);
                self.waiting = Some(Waiting::Retry { since, due });
                Step::Wait
            }
            Err(_) => Step::Lost,
        }
    }

    pub(super) fn tick(&mut self, line: &mut Line, now: Timestamp, channel: &ChannelName) {
        if let Some(Waiting::Retry { since, due }) = self.waiting
            && due <= now
        {
            self.ask(line, now, channel, since);
        }
    }

    pub(super) const fn next_due(&self) -> Option<Timestamp> {
        match self.waiting {
            Some(Waiting::Retry { due, .. }) => Some(due),
            _ => None,
        }
    }
}
