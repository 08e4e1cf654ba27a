//! The outbox: what the gateway took for a connection and its socket has not yet sent.
//!
//! Not the socket: it knows neither the network nor the protocol. Invariant: what it holds, frames that the
//! socket is just writing included, is bounded in bytes; a post that does not fit is refused, a reply waits.

use std::collections::VecDeque;

use axum::extract::ws::{CloseCode, Utf8Bytes};
use parking_lot::Mutex;
use tokio::sync::Notify;

/// Bytes that a client may leave unread: two of the largest posts, so that eight coalesced frames, and a `bye`
/// behind them, usually fit.
pub const OUTBOX_BYTES_MAX: usize = 256 * 1024;

/// What a frame counts besides its bytes, so that empty frames cannot pile up for nothing.
const FRAME_OVERHEAD: usize = 64;

/// Why a frame was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// It does not fit now.
    Full,
    /// The connection is closing or closed.
    Closing,
}

/// What the socket has to send next.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) frames: VecDeque<Utf8Bytes>,
    /// What the frames count; given back by [`Outbox::sent`].
    pub(super) weight: usize,
    /// The close frame that follows them.
    pub(super) closing: Option<CloseCode>,
}

/// A connection's outgoing buffer.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    state: Mutex<State>,
    /// The socket has something to do.
    filled: Notify,
    /// There is room again, or never will be.
    drained: Notify,
    /// A close was asked for.
    closed: Notify,
}

#[derive(Debug, Default)]
struct State {
    frames: VecDeque<Utf8Bytes>,
    /// Of `frames` and of what the socket took and has not flushed.
    weight: usize,
    /// The part of `weight` that is in `frames`.
    queued: usize,
    closing: Option<CloseCode>,
}

impl Outbox {
    /// Takes a frame if it fits.
    pub(super) fn offer(&self, frame: Utf8Bytes) -> Result<(), Refused> {
        let mut state = self.state.lock();
        if state.closing.is_some() {
            return Err(Refused::Closing);
        }
        let weight = frame.as_str().len() + FRAME_OVERHEAD;
        // An empty outbox takes any frame: a limit that a single frame exceeds must not be a trap.
        if state.weight > 0 && state.weight + weight > OUTBOX_BYTES_MAX {
            return Err(Refused::Full);
        }
        state.weight += weight;
        state.queued += weight;
        state.frames.push_back(frame);
        drop(state);
        self.filled.notify_one();
        Ok(())
    }

    /// Takes a frame as soon as it fits; gives it up once the connection closes.
    pub(super) async fn push(&self, frame: Utf8Bytes) {
        loop {
            let mut room = std::pin::pin!(self.drained.notified());
            // Registered before the attempt, so that room made in between is not overlooked.
            room.as_mut().enable();
            match self.offer(frame.clone()) {
                Ok(()) | Err(Refused::Closing) => return,
                Err(Refused::Full) => room.await,
            }
        }
    }

    /// Closes after what is buffered. The first code counts; nothing is taken any more.
    pub(super) fn close(&self, code: CloseCode) {
        self.state.lock().closing.get_or_insert(code);
        self.filled.notify_one();
        self.drained.notify_waiters();
        self.closed.notify_waiters();
    }

    /// Everything that is buffered, as soon as there is something or a close was asked for.
    pub(super) async fn take(&self) -> Batch {
        loop {
            if let Some(batch) = self.try_take() {
                return batch;
            }
            self.filled.notified().await;
        }
    }

    fn try_take(&self) -> Option<Batch> {
        let mut state = self.state.lock();
        if state.frames.is_empty() && state.closing.is_none() {
            return None;
        }
        let weight = std::mem::take(&mut state.queued);
        Some(Batch { frames: std::mem::take(&mut state.frames), weight, closing: state.closing })
    }

    /// What a batch counted is free again.
    pub(super) fn sent(&self, weight: usize) {
        let mut state = self.state.lock();
        state.weight = state.weight.saturating_sub(weight);
        drop(state);
        self.drained.notify_waiters();
    }

    /// Waits until a close was asked for.
    pub(super) async fn closing(&self) {
        loop {
            let mut closed = std::pin::pin!(self.closed.notified());
            closed.as_mut().enable();
            if self.state.lock().closing.is_some() {
                return;
            }
            closed.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(len: usize) -> Utf8Bytes {
        Utf8Bytes::from("x".repeat(len))
    }

    #[tokio::test]
    async fn a_full_outbox_refuses_until_what_was_taken_is_sent() {
        let outbox = Outbox::default();
        while outbox.offer(frame(32 * 1024)).is_ok() {}
        assert_eq!(outbox.offer(frame(32 * 1024)), Err(Refused::Full));
        assert_eq!(outbox.offer(frame(60)), Ok(()), "a bye still fits behind large frames");
        let batch = outbox.take().await;
        assert_eq!(outbox.offer(frame(32 * 1024)), Err(Refused::Full), "taken is not yet sent");
        outbox.sent(batch.weight);
        assert_eq!(outbox.offer(frame(32 * 1024)), Ok(()));
    }

    #[tokio::test]
    async fn a_reply_waits_for_room_and_keeps_its_place() {
        let outbox = Outbox::default();
        while outbox.offer(frame(32 * 1024)).is_ok() {}
        let push = outbox.push(frame(32 * 1024));
        let drain = async {
            let batch = outbox.take().await;
            outbox.sent(batch.weight);
            outbox.take().await.frames.len()
        };
        let ((), frames) = futures::join!(push, drain);
        assert_eq!(frames, 1);
    }

    #[tokio::test]
    async fn a_close_comes_after_what_is_buffered_and_nothing_after_it() {
        let outbox = Outbox::default();
        outbox.offer(frame(1)).unwrap();
        outbox.close(1000);
        outbox.close(1001);
        assert_eq!(outbox.offer(frame(1)), Err(Refused::Closing));
        outbox.push(frame(1)).await;
        outbox.closing().await;
        let batch = outbox.take().await;
        assert_eq!((batch.frames.len(), batch.closing), (1, Some(1000)));
    }

    #[test]
    fn empty_frames_count_too() {
        let outbox = Outbox::default();
        let taken = (0..100_000).take_while(|_| outbox.offer(frame(0)).is_ok()).count();
        assert_eq!(taken, OUTBOX_BYTES_MAX / FRAME_OVERHEAD);
    }
}
