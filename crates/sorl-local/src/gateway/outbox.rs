//! The outbox: what the gateway took for a connection and the network has not.
//!
//! Not the writing (`writer`): it knows neither the network nor the protocol. Invariants: what it holds, frames
//! that are just being written included, is bounded in bytes; a post that does not fit is refused, a reply waits.
//! And one writer at a time: whoever is told [`Taken::Begin`] sees to it that the frames are written, and until
//! that writer finds nothing more, nobody else is told so.

use std::collections::VecDeque;
use std::io::IoSlice;

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::wire::Encoded;

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

/// A frame was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "nobody else writes it"]
pub(super) enum Taken {
    /// Nobody is writing: the caller must see to it.
    Begin,
    /// Who is writing will find it.
    Behind,
}

/// What a writer has to do next.
#[derive(Debug)]
pub(super) enum Next {
    /// This.
    Write(Batch),
    /// Nothing: its turn is over.
    Idle,
    /// Nothing, ever: the close frame is out.
    Over,
}

/// Frames on their way out, in order.
#[derive(Debug, Default)]
pub(super) struct Batch {
    frames: VecDeque<Encoded>,
    /// Bytes of the first frame that are out.
    skipped: usize,
    /// What the frames counted that are out.
    freed: usize,
}

impl Batch {
    pub(super) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// What is left, in pieces, from the front.
    pub(super) fn pieces(&self) -> impl Iterator<Item = IoSlice<'_>> {
        let skipped = std::iter::once(self.skipped).chain(std::iter::repeat(0));
        self.frames.iter().zip(skipped).flat_map(|(frame, skipped)| frame.pieces(skipped))
    }

    /// So many bytes more are out.
    pub(super) fn advance(&mut self, written: usize) {
        self.skipped += written;
        while let Some(first) = self.frames.front()
            && first.len() <= self.skipped
        {
            self.skipped -= first.len();
            self.freed += weight(first);
            self.frames.pop_front();
        }
    }
}

/// A connection's outgoing buffer.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    state: Mutex<State>,
    /// There is room again, or never will be.
    drained: Notify,
    /// A close was asked for.
    closed: Notify,
}

#[derive(Debug)]
struct State {
    waiting: Batch,
    /// Of everything that is not out yet.
    weight: usize,
    /// Somebody writes, or will. True at first: the socket is still to come, and begins with what waits.
    is_writing: bool,
    is_closing: bool,
    /// Somebody waits for room.
    is_awaited: bool,
}

impl Default for State {
    fn default() -> Self {
        Self { waiting: Batch::default(), weight: 0, is_writing: true, is_closing: false, is_awaited: false }
    }
}

impl State {
    fn has_room(&self, weight: usize) -> bool {
        // An empty outbox takes any frame: a limit that a single frame exceeds must not be a trap.
        self.weight == 0 || self.weight + weight <= OUTBOX_BYTES_MAX
    }

    fn append(&mut self, frame: Encoded) -> Taken {
        self.weight += weight(&frame);
        self.waiting.frames.push_back(frame);
        if std::mem::replace(&mut self.is_writing, true) { Taken::Behind } else { Taken::Begin }
    }
}

impl Outbox {
    /// Takes a frame if it fits.
    pub(super) fn offer(&self, frame: Encoded) -> Result<Taken, Refused> {
        let mut state = self.state.lock();
        if state.is_closing {
            return Err(Refused::Closing);
        }
        if !state.has_room(weight(&frame)) {
            return Err(Refused::Full);
        }
        Ok(state.append(frame))
    }

    /// Closes after what is buffered: the first close frame counts, and nothing is taken any more.
    pub(super) fn close(&self, frame: Encoded) -> Taken {
        let mut state = self.state.lock();
        if state.is_closing {
            return Taken::Behind;
        }
        state.is_closing = true;
        let taken = state.append(frame);
        drop(state);
        self.drained.notify_waiters();
        self.closed.notify_waiters();
        taken
    }

    /// What to write next, after the batch that was written; everything that waits is one batch.
    pub(super) fn next(&self, written: &Batch) -> Next {
        let mut state = self.state.lock();
        let is_awaited = state.free(written.freed);
        let next = if !state.waiting.is_empty() {
            Next::Write(std::mem::take(&mut state.waiting))
        } else if state.is_closing {
            Next::Over
        } else {
            state.is_writing = false;
            Next::Idle
        };
        drop(state);
        self.tell(is_awaited);
        next
    }

    /// Puts back what could not be written, in front of what has come since.
    pub(super) fn put_back(&self, mut batch: Batch) {
        let mut state = self.state.lock();
        let is_awaited = state.free(std::mem::take(&mut batch.freed));
        batch.frames.append(&mut state.waiting.frames);
        state.waiting = batch;
        drop(state);
        self.tell(is_awaited);
    }

    /// Waits until there may be room for a frame that was refused, or never will be.
    pub(super) async fn room_for(&self, frame: &Encoded) {
        loop {
            let mut room = std::pin::pin!(self.drained.notified());
            // Registered before the look, so that room made in between is not overlooked.
            room.as_mut().enable();
            if self.has_room_or_never(frame) {
                return;
            }
            room.await;
        }
    }

    /// Whether waiting for room is over; if not, it is noted that somebody waits.
    fn has_room_or_never(&self, frame: &Encoded) -> bool {
        let mut state = self.state.lock();
        let is_over = state.is_closing || state.has_room(weight(frame));
        state.is_awaited |= !is_over;
        is_over
    }

    /// Waits until a close was asked for.
    pub(super) async fn closing(&self) {
        loop {
            let mut closed = std::pin::pin!(self.closed.notified());
            closed.as_mut().enable();
            if self.state.lock().is_closing {
                return;
            }
            closed.await;
        }
    }

    fn tell(&self, is_awaited: bool) {
        if is_awaited {
            self.drained.notify_waiters();
        }
    }
}

impl State {
    /// Gives room back; whether somebody waits for it.
    fn free(&mut self, weight: usize) -> bool {
        self.weight = self.weight.saturating_sub(weight);
        weight > 0 && std::mem::take(&mut self.is_awaited)
    }
}

fn weight(frame: &Encoded) -> usize {
    frame.len() + FRAME_OVERHEAD
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::gateway::wire::closing;

    fn frame(len: usize) -> Encoded {
        Encoded::text(Bytes::from("x".repeat(len)))
    }

    fn close(code: u16) -> Encoded {
        Encoded::close(Some(&closing(code)))
    }

    fn batch(outbox: &Outbox) -> Batch {
        match outbox.next(&Batch::default()) {
            Next::Write(batch) => batch,
            other => panic!("there is something to write: {other:?}"),
        }
    }

    /// Writes the batch to the last byte and tells the outbox.
    fn sent(outbox: &Outbox, mut batch: Batch) -> Next {
        let left = batch.pieces().map(|piece| piece.len()).sum();
        batch.advance(left);
        outbox.next(&batch)
    }

    #[test]
    fn a_full_outbox_refuses_until_what_was_taken_is_sent() {
        let outbox = Outbox::default();
        while outbox.offer(frame(32 * 1024)).is_ok() {}
        assert_eq!(outbox.offer(frame(32 * 1024)), Err(Refused::Full));
        assert!(outbox.offer(frame(60)).is_ok(), "a bye still fits behind large frames");
        let batch = batch(&outbox);
        assert_eq!(outbox.offer(frame(32 * 1024)), Err(Refused::Full), "taken is not yet sent");
        assert!(matches!(sent(&outbox, batch), Next::Idle));
        assert!(outbox.offer(frame(32 * 1024)).is_ok());
    }

    #[test]
    fn there_is_one_writer_at_a_time() {
        let outbox = Outbox::default();
        assert_eq!(outbox.offer(frame(1)), Ok(Taken::Behind), "the socket is still to come");
        let first = batch(&outbox);
        assert_eq!(outbox.offer(frame(1)), Ok(Taken::Behind), "it is being written");
        outbox.put_back(first);
        assert_eq!(outbox.offer(frame(1)), Ok(Taken::Behind), "the network takes no more for now");
        let rest = batch(&outbox);
        assert!(matches!(sent(&outbox, rest), Next::Idle));
        assert_eq!(outbox.offer(frame(1)), Ok(Taken::Begin));
        assert_eq!(outbox.offer(frame(1)), Ok(Taken::Behind));
    }

    #[test]
    fn what_was_not_written_goes_out_first_from_the_byte_where_it_stopped() {
        let outbox = Outbox::default();
        assert!(outbox.offer(Encoded::text(Bytes::from("one"))).is_ok());
        let mut first = batch(&outbox);
        first.advance(3);
        assert!(outbox.offer(Encoded::text(Bytes::from("two"))).is_ok());
        outbox.put_back(first);
        let rest: Vec<u8> = batch(&outbox).pieces().flat_map(|piece| piece.to_vec()).collect();
        assert_eq!(rest, b"ne\x81\x03two");
    }

    #[tokio::test]
    async fn who_waits_for_room_is_told_when_there_is() {
        let outbox = Outbox::default();
        while outbox.offer(frame(32 * 1024)).is_ok() {}
        let drain = async {
            let batch = batch(&outbox);
            sent(&outbox, batch)
        };
        let refused = frame(32 * 1024);
        let ((), next) = futures::join!(outbox.room_for(&refused), drain);
        assert!(matches!(next, Next::Idle));
        assert!(outbox.offer(refused).is_ok());
    }

    #[tokio::test]
    async fn a_close_comes_after_what_is_buffered_and_nothing_after_it() {
        let outbox = Outbox::default();
        assert!(outbox.offer(frame(1)).is_ok());
        assert_eq!(outbox.close(close(1000)), Taken::Behind);
        assert_eq!(outbox.close(close(1001)), Taken::Behind);
        assert_eq!(outbox.offer(frame(1)), Err(Refused::Closing));
        outbox.room_for(&frame(OUTBOX_BYTES_MAX)).await;
        outbox.closing().await;
        let batch = batch(&outbox);
        assert_eq!(batch.frames, [frame(1), close(1000)]);
        assert!(matches!(sent(&outbox, batch), Next::Over));
        assert!(matches!(outbox.next(&Batch::default()), Next::Over));
    }

    #[test]
    fn empty_frames_count_too() {
        let outbox = Outbox::default();
        let taken = (0..100_000).take_while(|_| outbox.offer(frame(0)).is_ok()).count();
        assert_eq!(taken, OUTBOX_BYTES_MAX / weight(&frame(0)));
    }
}
