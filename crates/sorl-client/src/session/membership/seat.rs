//! A channel on one connection: whether it was entered there, what is asked, what is owed.
//!
//! It ends with its connection and knows nothing of the other one, if there are two.

use sorl_core::time::Timestamp;

use super::Outcome;
use crate::session::event::Failure;
use crate::session::progress::{Debt, Progress};
use crate::session::recovery::Recovery;

/// A channel on one connection.
#[derive(Debug, Default)]
pub(super) struct Seat {
    pub(super) entered: bool,
    /// Whether the service may count it a member: also after a `subscribe` that failed for now, which may have been
    /// carried out all the same.
    pub(super) inside: bool,
    pub(super) outstanding: Option<Outstanding>,
    pub(super) retry_at: Option<Timestamp>,
    pub(super) failures: u32,
    pub(super) recovery: Option<Recovery>,
    pub(super) debt: Debt,
    /// Whether it was entered, but what its recovery brings is left to the next connection.
    pub(super) unread: bool,
    /// Whether the wish that it was entered for is over and another one began: what it still brings belongs to the
    /// wish before. It has to be left all the same if its connection becomes the current one again.
    pub(super) superseded: bool,
    /// Whether what became of a request over the former connection is unknown.
    pub(super) dubious: bool,
}

/// A `subscribe` or `unsubscribe` that was not answered yet.
#[derive(Debug)]
pub(super) struct Outstanding {
    /// Whether it resumes from a cursor.
    pub(super) resumes: bool,
    /// Whether the wish behind it was given up, so that its answer has another one's cursor and messages.
    pub(super) stale: bool,
}

impl Seat {
    /// On a connection that just opened.
    pub(super) const fn new(progress: &Progress) -> Self {
        Self {
            entered: false,
            inside: false,
            outstanding: None,
            retry_at: None,
            failures: 0,
            recovery: None,
            debt: Debt::after(progress),
            unread: false,
            superseded: false,
            dubious: false,
        }
    }

    /// The next connection opened: this one asks nothing more. What it had begun to recover the next one
    /// brings; if it becomes the current one again, it begins anew.
    pub(super) fn retired(mut self) -> Self {
        self.retry_at = None;
        self.unread |= self.recovery.take().is_some();
        self
    }

    /// It is the current one again: what is still wanted begins anew where its recovery went unread, or where it was
    /// wanted anew.
    pub(super) fn resumed(mut self, wanted: bool) -> Self {
        let begins_anew = std::mem::take(&mut self.unread) | std::mem::take(&mut self.superseded);
        self.entered &= !(wanted && begins_anew);
        self
    }

    /// Whether the service has no part of it any more.
    pub(super) const fn is_left(&self, personal: bool) -> bool {
        (personal || !self.inside) && self.outstanding.is_none()
    }

    /// What an answer to `subscribe` says of where the service counts it.
    pub(super) fn answered(&mut self, outcome: &Outcome<'_>) {
        match outcome {
            Ok(_) => self.inside = true,
            Err(Failure::Refused(refusal)) => self.inside = refusal.temporary,
            // Nothing is sent before the next connection.
            Err(_) => {}
        }
    }

    /// The service counts it a member no more.
    pub(super) const fn left(&mut self) {
        (self.entered, self.inside) = (false, false);
    }

    /// Gives up what was to follow for a wish that is no more.
    pub(super) fn abandon(&mut self) {
        self.retry_at = None;
        self.recovery = None;
        if let Some(outstanding) = &mut self.outstanding {
            outstanding.stale = true;
        }
    }
}
