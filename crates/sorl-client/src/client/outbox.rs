//! Events on their way to the application, as many as it has room for.
//!
//! The invariant: they arrive in order, and one that was taken from the session is not lost unless the
//! application stopped listening.

use std::collections::VecDeque;
use std::future::pending;

use tokio::sync::mpsc;

use crate::session::Event;

/// Events on their way to the application.
#[derive(Debug)]
pub(super) struct Outbox {
    waiting: VecDeque<Event>,
    events: mpsc::Sender<Event>,
}

impl Outbox {
    pub(super) const fn new(events: mpsc::Sender<Event>) -> Self {
        Self { waiting: VecDeque::new(), events }
    }

    pub(super) fn push(&mut self, event: Event) {
        if !self.events.is_closed() {
            self.waiting.push_back(event);
        }
    }

    /// Whether everything was handed over.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Hands the next event over as soon as there is room. Never returns without one; may be given up.
    pub(super) async fn hand_over(&mut self) {
        if self.waiting.is_empty() {
            return pending().await;
        }
        match self.events.reserve().await {
            Ok(permit) => {
                if let Some(event) = self.waiting.pop_front() {
                    permit.send(event);
                }
            }
            // The application does not listen any more.
            Err(_) => self.waiting.clear(),
        }
    }

    /// Hands over what is left.
    pub(super) async fn finish(mut self) {
        while !self.waiting.is_empty() {
            self.hand_over().await;
        }
    }
}
