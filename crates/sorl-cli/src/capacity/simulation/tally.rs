//! What a run showed: latencies, concurrency over time, posts, what held things up.

use super::super::histogram::Histogram;
use super::lane::{Lane, Lanes};
use super::posting::HeldUp;

/// For so long each of these was what the posts, or the records in a queue, waited for, in seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, serde::Serialize)]
pub(in crate::capacity) struct Waits {
    /// The account's rate.
    pub(in crate::capacity) account: f64,
    /// `bulk`'s share of it.
    pub(in crate::capacity) bulk_share: f64,
    /// The mappings' maximum concurrency.
    pub(in crate::capacity) concurrency: Lanes<f64>,
    /// The mappings' growth.
    pub(in crate::capacity) scaling: f64,
    /// The registry's partitions.
    pub(in crate::capacity) partition: f64,
}

/// What came of a run.
#[derive(Debug, Clone, Default)]
pub(in crate::capacity) struct Tally {
    /// From acceptance to the answer of the post, weighted by connections.
    pub(in crate::capacity) latency: Histogram,
    pub(in crate::capacity) messages: f64,
    pub(in crate::capacity) posts: f64,
    pub(in crate::capacity) read_units: f64,
    /// Posts in each second.
    pub(in crate::capacity) posts_in: Vec<f64>,
    /// Invocations side by side: each change, with its time.
    pub(in crate::capacity) concurrency: Vec<(f64, Lanes<u32>)>,
    pub(in crate::capacity) invocations: Lanes<u64>,
    /// Invocations that would have taken longer than a Lambda may.
    pub(in crate::capacity) overruns: u64,
    pub(in crate::capacity) cold_starts: u64,
    pub(in crate::capacity) waits: Waits,
    /// When the last message was accepted.
    pub(in crate::capacity) last_accepted: f64,
    /// When the last invocation was done.
    pub(in crate::capacity) ended: f64,
}

impl Tally {
    pub(super) fn running(&self) -> Lanes<u32> {
        self.concurrency.last().map_or_else(Lanes::default, |(_, running)| *running)
    }

    pub(super) fn starts(&mut self, lane: Lane, now: f64) {
        let mut running = self.running();
        *running.of_mut(lane) += 1;
        *self.invocations.of_mut(lane) += 1;
        self.concurrency.push((now, running));
    }

    pub(super) fn ends(&mut self, lane: Lane, now: f64) {
        let mut running = self.running();
        *running.of_mut(lane) = running.of(lane).saturating_sub(1);
        self.concurrency.push((now, running));
        self.ended = self.ended.max(now);
    }

    /// Posts were made evenly from one time to another.
    pub(super) fn posted(&mut self, from: f64, to: f64, per_second: f64) {
        self.posts += per_second * (to - from);
        let mut at = from;
        while at < to && per_second > 0.0 {
            let next = (at.floor() + 1.0).min(to);
            let second = second(at);
            if self.posts_in.len() <= second {
                self.posts_in.resize(second + 1, 0.0);
            }
            if let Some(sum) = self.posts_in.get_mut(second) {
                *sum += per_second * (next - at);
            }
            at = next;
        }
    }

    /// Time passed in which posts, or the records of a lane, were held up.
    pub(super) fn waited(&mut self, seconds: f64, held_up: HeldUp, queued: Option<(Lane, bool)>) {
        match (held_up, queued) {
            (HeldUp::ByAccount, _) => self.waits.account += seconds,
            (HeldUp::ByShare, _) => self.waits.bulk_share += seconds,
            (HeldUp::No, Some((_, true))) => self.waits.scaling += seconds,
            (HeldUp::No, Some((lane, false))) => *self.waits.concurrency.of_mut(lane) += seconds,
            (HeldUp::No, None) => {}
        }
    }

    /// The most invocations side by side.
    pub(in crate::capacity) fn peak(&self) -> Lanes<u32> {
        self.concurrency.iter().fold(Lanes::default(), |peak, (_, running)| Lanes {
            live: peak.live.max(running.live),
            bulk: peak.bulk.max(running.bulk),
        })
    }

    /// Invocations side by side on average, from the first acceptance to the end.
    pub(in crate::capacity) fn mean(&self) -> Lanes<f64> {
        let mut mean: Lanes<f64> = Lanes::default();
        for pair in self.concurrency.windows(2) {
            if let [(from, running), (to, _)] = pair {
                mean.live += f64::from(running.live) * (to - from);
                mean.bulk += f64::from(running.bulk) * (to - from);
            }
        }
        let ended = self.ended.max(f64::MIN_POSITIVE);
        Lanes { live: mean.live / ended, bulk: mean.bulk / ended }
    }

    /// The most posts in one second.
    pub(in crate::capacity) fn posts_peak(&self) -> f64 {
        self.posts_in.iter().copied().fold(0.0, f64::max)
    }

    /// Messages of an average post.
    pub(in crate::capacity) fn messages_per_post(&self) -> f64 {
        if self.posts > 0.0 { self.latency.total() / self.posts } else { 0.0 }
    }

    /// How long after the last acceptance everything was delivered.
    pub(in crate::capacity) fn behind(&self) -> f64 {
        (self.ended - self.last_accepted).max(0.0)
    }
}

/// The second that a time lies in.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "times begin at 0 and saturate")]
const fn second(at: f64) -> usize {
    at as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn posts_fall_into_the_seconds_in_which_they_were_made() {
        let mut tally = Tally::default();
        tally.posted(0.5, 2.25, 100.0);
        assert_eq!(tally.posts_in, [50.0, 100.0, 25.0]);
        assert_eq!((tally.posts, tally.posts_peak()), (175.0, 100.0));
    }

    #[test]
    fn concurrency_is_averaged_over_time() {
        let mut tally = Tally::default();
        tally.starts(Lane::Live, 0.0);
        tally.starts(Lane::Live, 2.0);
        tally.starts(Lane::Bulk, 2.0);
        tally.ends(Lane::Live, 3.0);
        tally.ends(Lane::Live, 4.0);
        tally.ends(Lane::Bulk, 4.0);
        assert_eq!(tally.peak(), Lanes { live: 2, bulk: 1 });
        assert_eq!(tally.mean(), Lanes { live: 5.0 / 4.0, bulk: 2.0 / 4.0 });
    }
}
