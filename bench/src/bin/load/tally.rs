//! Who has had which message: the count that decides whether a run is worth anything.
//!
//! Not the connections. Invariant: a message counts as done when every reading member of its channel has had it
//! exactly once; a second time, or one that belongs elsewhere, ends the run.

use std::cell::{Cell, RefCell};
use std::time::Instant;

use anyhow::{Context as _, ensure};
use hdrhistogram::Histogram;
use tokio::sync::Notify;

use crate::dialect::Stamp;

/// Nanoseconds: the longest latency that is told apart, a minute.
const LATENCY_MAX: u64 = 60_000_000_000;

/// The client's clock: nanoseconds since its start.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock(Instant);

/// All messages of a run.
pub(crate) struct Tally {
    clock: Clock,
    /// Which run: another one may be under way beside this.
    run: u32,
    /// How many members read in each channel.
    audiences: Vec<u32>,
    messages: RefCell<Vec<Message>>,
    /// Messages that some member has not had, or that were not acknowledged.
    unfinished: Cell<u64>,
    /// Something was done.
    pub(crate) progress: Notify,
    counts: Cell<Counts>,
    latency: RefCell<Histogram<u64>>,
    acknowledged: RefCell<Histogram<u64>>,
}

struct Message {
    sent: u64,
    /// Members that have not had it, and the acknowledgement if one is owed.
    owed: u32,
}

/// What was counted since the measurement began.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counts {
    pub(crate) published: u64,
    pub(crate) delivered: u64,
    pub(crate) frames: u64,
}

/// What one member has had of its channel.
#[derive(Debug, Default)]
pub(crate) struct Had(Vec<u64>);

impl Clock {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn now(self) -> u64 {
        u64::try_from(self.0.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

impl Had {
    /// Notes message `n`; false when it was there already.
    fn note(&mut self, n: u64) -> anyhow::Result<bool> {
        let (word, bit) = (usize::try_from(n / 64)?, 1_u64 << (n % 64));
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        let word = self.0.get_mut(word).context("resized")?;
        let fresh = *word & bit == 0;
        *word |= bit;
        Ok(fresh)
    }
}

fn histogram() -> anyhow::Result<RefCell<Histogram<u64>>> {
    // Three digits: a thousandth of each value.
    Ok(RefCell::new(Histogram::new_with_max(LATENCY_MAX, 3)?))
}

impl Tally {
    /// Nothing yet; `audiences` are the reading members of each channel.
    pub(crate) fn new(clock: Clock, audiences: Vec<u32>) -> anyhow::Result<Self> {
        Ok(Self {
            clock,
            run: std::process::id(),
            audiences,
            messages: RefCell::default(),
            unfinished: Cell::new(0),
            progress: Notify::new(),
            counts: Cell::default(),
            latency: histogram()?,
            acknowledged: histogram()?,
        })
    }

    /// The next message is about to be published: its stamp, and the index of its channel.
    pub(crate) fn publish(&self, acknowledged: bool) -> anyhow::Result<(Stamp, usize)> {
        let mut messages = self.messages.borrow_mut();
        let n = messages.len();
        let channel = n % self.audiences.len().max(1);
        let audience = self.audiences.get(channel).context("a run without channels")?;
        let sent = self.clock.now();
        messages.push(Message { sent, owed: audience + u32::from(acknowledged) });
        self.unfinished.set(self.unfinished.get() + 1);
        self.count(|counts| counts.published += 1);
        Ok((Stamp { n: u64::try_from(n)?, run: self.run, sent }, channel))
    }

    /// A member of `channel` has a message.
    pub(crate) fn received(&self, stamp: Stamp, channel: usize, had: &mut Had) -> anyhow::Result<()> {
        let channels = u64::try_from(self.audiences.len())?;
        let here = stamp.run == self.run && usize::try_from(stamp.n % channels)? == channel;
        ensure!(here, "message {stamp:?} came to a member of channel {channel} of run {}", self.run);
        ensure!(had.note(stamp.n / channels)?, "message {} came twice to one member", stamp.n);
        self.latency.borrow_mut().saturating_record(self.clock.now() - stamp.sent);
        self.count(|counts| counts.delivered += 1);
        self.settle(stamp.n).map(drop)
    }

    /// The server has acknowledged a publish.
    pub(crate) fn acknowledge(&self, n: u64) -> anyhow::Result<()> {
        let sent = self.settle(n)?;
        self.acknowledged.borrow_mut().saturating_record(self.clock.now() - sent);
        Ok(())
    }

    /// A frame with messages came.
    pub(crate) fn frame(&self) {
        self.count(|counts| counts.frames += 1);
    }

    fn settle(&self, n: u64) -> anyhow::Result<u64> {
        let mut messages = self.messages.borrow_mut();
        let message = messages.get_mut(usize::try_from(n)?).context("a message that nobody published")?;
        message.owed = message.owed.checked_sub(1).context("a message was delivered too often")?;
        if message.owed == 0 {
            self.unfinished.set(self.unfinished.get() - 1);
            self.progress.notify_one();
        }
        Ok(message.sent)
    }

    fn count(&self, change: impl FnOnce(&mut Counts)) {
        let mut counts = self.counts.get();
        change(&mut counts);
        self.counts.set(counts);
    }

    /// Messages that are still owed to somebody.
    pub(crate) fn unfinished(&self) -> u64 {
        self.unfinished.get()
    }

    /// What was counted since [`Self::restart`].
    pub(crate) fn counts(&self) -> Counts {
        self.counts.get()
    }

    /// Forgets counts and latencies, not what is owed: the measurement begins.
    pub(crate) fn restart(&self) {
        self.counts.set(Counts::default());
        self.latency.borrow_mut().reset();
        self.acknowledged.borrow_mut().reset();
    }

    /// From publish to receipt.
    pub(crate) fn latency(&self) -> Histogram<u64> {
        self.latency.borrow().clone()
    }

    /// From publish to acknowledgement.
    pub(crate) fn acknowledged(&self) -> Histogram<u64> {
        self.acknowledged.borrow().clone()
    }

    /// Fails unless every message published was delivered to every member, and exactly that.
    pub(crate) fn settled(&self) -> anyhow::Result<()> {
        let lost: u64 = self.messages.borrow().iter().map(|message| u64::from(message.owed)).sum();
        ensure!(lost == 0, "{lost} deliveries or acknowledgements are missing");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally() -> Tally {
        Tally::new(Clock::start(), vec![2, 1]).unwrap()
    }

    #[test]
    fn a_message_is_done_when_every_member_had_it() {
        let tally = tally();
        let (stamp, channel) = tally.publish(true).unwrap();
        let (mut one, mut other) = (Had::default(), Had::default());
        tally.received(stamp, channel, &mut one).unwrap();
        tally.acknowledge(stamp.n).unwrap();
        assert!(tally.settled().is_err());
        tally.received(stamp, channel, &mut other).unwrap();
        assert_eq!((tally.unfinished(), tally.counts().delivered), (0, 2));
        tally.settled().unwrap();
    }

    #[test]
    fn a_message_that_comes_twice_or_elsewhere_ends_the_run() {
        let tally = tally();
        let (stamp, channel) = tally.publish(false).unwrap();
        let mut had = Had::default();
        assert!(tally.received(stamp, channel + 1, &mut had).is_err());
        assert!(tally.received(Stamp { run: stamp.run + 1, ..stamp }, channel, &mut had).is_err());
        tally.received(stamp, channel, &mut had).unwrap();
        assert!(tally.received(stamp, channel, &mut had).is_err());
    }
}
