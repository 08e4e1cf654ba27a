//! What the application hears, in order.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures::Stream;
use tokio::sync::mpsc;

use crate::session::Event;

/// What the application hears, in order; `None` when the client has ended. Replies are not among it: they go
/// to whoever asked.
#[derive(Debug)]
pub struct Events(mpsc::Receiver<Event>);

impl Events {
    pub(super) const fn new(events: mpsc::Receiver<Event>) -> Self {
        Self(events)
    }

    /// The next one. Nothing is lost if the wait is given up.
    pub async fn next(&mut self) -> Option<Event> {
        self.0.recv().await
    }
}

impl Stream for Events {
    type Item = Event;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Event>> {
        self.0.poll_recv(context)
    }
}
