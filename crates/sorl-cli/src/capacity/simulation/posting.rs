//! Posts of all invocations at once, as flows that share the account's rate: what a token bucket allows, `bulk` no
//! more than its share of it.
//!
//! Not single posts: within an invocation they are a fluid, so that a million cost a few events. The invariant: the
//! flows never take more than the bucket holds and is refilled with, and nobody waits for what somebody else leaves.

use super::lane::Lane;

/// Less than this much of a post is rounding.
const NOTHING: f64 = 1e-6;

/// One invocation's posts.
#[derive(Debug, Clone)]
pub(super) struct Flow {
    pub(super) id: usize,
    pub(super) lane: Lane,
    /// Posts still to be made.
    pub(super) left: f64,
    /// Posts a second that the invocation can make: by its CPU, and by its posts in flight and their latency.
    pub(super) cap: f64,
    /// When it gives up, since its deadline is near.
    pub(super) stop_at: f64,
}

/// How a flow ended: with what is left, which is nothing unless its time was up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Ended {
    pub(super) id: usize,
    pub(super) left: f64,
}

/// What holds posts up, if anything does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HeldUp {
    No,
    /// The account's bucket is empty.
    ByAccount,
    /// `bulk` uses its whole share.
    ByShare,
}

/// All flows, and the bucket.
#[derive(Debug)]
pub(super) struct Posting {
    flows: Vec<(Flow, f64)>,
    rate: f64,
    burst: f64,
    bulk_rate: f64,
    tokens: f64,
    now: f64,
    held_up: HeldUp,
}

impl Posting {
    /// A full bucket of `burst` that gains `rate` a second, of which `bulk` may use `bulk_rate`.
    pub(super) const fn new(rate: f64, burst: f64, bulk_rate: f64) -> Self {
        Self { flows: Vec::new(), rate, burst, bulk_rate, tokens: burst, now: 0.0, held_up: HeldUp::No }
    }

    /// Begins a flow, at the time that was advanced to.
    pub(super) fn start(&mut self, flow: Flow) {
        self.flows.push((flow, 0.0));
        self.share();
    }

    /// What holds posts up at present; `paced` if each flow of `bulk` keeps to less than it could do.
    pub(super) fn held_up(&self, paced: bool) -> HeldUp {
        let is_bulk = |flow: &Flow| flow.lane == Lane::Bulk;
        match self.held_up {
            HeldUp::No if paced && self.flows.iter().any(|(flow, _)| is_bulk(flow)) => HeldUp::ByShare,
            held_up => held_up,
        }
    }

    /// Posts a second at present.
    pub(super) fn total(&self) -> f64 {
        self.flows.iter().map(|(_, rate)| rate).sum()
    }

    /// When something changes by itself: a flow ends or stops, or the bucket runs empty.
    pub(super) fn next(&self) -> Option<f64> {
        let ends = self.flows.iter().map(|(flow, rate)| (self.now + flow.left / rate).min(flow.stop_at));
        let drain = self.total() - self.rate;
        let empty = (self.tokens > 0.0 && drain > 0.0).then(|| self.now + self.tokens / drain);
        ends.chain(empty).min_by(f64::total_cmp)
    }

    /// Lets time pass, up to [`Self::next`] at most, and returns the flows that ended.
    pub(super) fn advance(&mut self, to: f64) -> Vec<Ended> {
        let passed = to - self.now;
        self.now = to;
        let balance = self.tokens + (self.rate - self.total()) * passed;
        self.tokens = if balance < NOTHING { 0.0 } else { balance.min(self.burst) };
        let mut ended = Vec::new();
        self.flows.retain_mut(|(flow, rate)| {
            flow.left -= *rate * passed;
            // What would take less than the clock can tell apart is done as well.
            let is_done = flow.left < NOTHING || to + flow.left / *rate <= to;
            if is_done || flow.stop_at <= to {
                ended.push(Ended { id: flow.id, left: if is_done { 0.0 } else { flow.left } });
                return false;
            }
            true
        });
        self.share();
        ended
    }

    /// Gives each flow what it can use, the scarce part in equal shares (max-min fairness).
    fn share(&mut self) {
        let caps: Vec<f64> = self.flows.iter().map(|(flow, _)| flow.cap).collect();
        let bulk: Vec<f64> =
            self.flows.iter().map(|(flow, _)| if flow.lane == Lane::Bulk { flow.cap } else { 0.0 }).collect();
        let fair = level(&bulk, self.bulk_rate);
        let wanted: Vec<f64> =
            self.flows.iter().zip(&caps).map(|((flow, _), cap)| cap.min(flow.lane.level(fair))).collect();
        // A full bucket holds nobody up; less than one post in it is an empty one.
        let level = if self.tokens >= 1.0 { f64::INFINITY } else { level(&wanted, self.rate) };
        for ((_, rate), wanted) in self.flows.iter_mut().zip(&wanted) {
            *rate = wanted.min(level);
        }
        self.held_up = if level.is_finite() {
            HeldUp::ByAccount
        } else if fair.is_finite() {
            HeldUp::ByShare
        } else {
            HeldUp::No
        };
    }
}

impl Lane {
    const fn level(self, bulk: f64) -> f64 {
        match self {
            Self::Live => f64::INFINITY,
            Self::Bulk => bulk,
        }
    }
}

/// The most that one may have so that all together have `capacity`; infinite if all can have what they want.
fn level(wanted: &[f64], capacity: f64) -> f64 {
    let mut left = capacity;
    let mut sorted: Vec<f64> = wanted.iter().copied().filter(|wanted| *wanted > 0.0).collect();
    if sorted.iter().sum::<f64>() <= capacity {
        return f64::INFINITY;
    }
    sorted.sort_by(f64::total_cmp);
    for (nth, wanted) in sorted.iter().enumerate() {
        let equal = left / (sorted.len() - nth) as f64;
        if *wanted > equal {
            return equal;
        }
        left -= wanted;
    }
    f64::INFINITY
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow(id: usize, lane: Lane, left: f64, cap: f64) -> Flow {
        Flow { id, lane, left, cap, stop_at: f64::INFINITY }
    }

    /// Runs until all is posted; when each flow ended.
    fn ends(posting: &mut Posting) -> Vec<(usize, f64)> {
        let mut ends = Vec::new();
        while let Some(next) = posting.next() {
            ends.extend(posting.advance(next).into_iter().map(|ended| (ended.id, next)));
        }
        ends
    }

    fn near(value: f64, exact: f64) {
        assert!((value - exact).abs() < 1e-3, "{value} is not {exact}");
    }

    #[test]
    fn a_hundred_thousand_posts_at_ten_thousand_with_a_burst_of_five_take_nine_and_a_half_seconds() {
        let mut posting = Posting::new(10_000.0, 5_000.0, f64::INFINITY);
        posting.start(flow(0, Lane::Live, 100_000.0, 1e6));
        near(ends(&mut posting)[0].1, 9.5);
    }

    #[test]
    fn below_the_rate_only_the_flows_own_pace_counts() {
        let mut posting = Posting::new(10_000.0, 5_000.0, f64::INFINITY);
        posting.start(flow(0, Lane::Live, 30_000.0, 3_000.0));
        near(ends(&mut posting)[0].1, 10.0);
        assert_eq!(posting.held_up(false), HeldUp::No);
    }

    #[test]
    fn what_is_scarce_is_shared_equally_and_what_one_leaves_the_others_take() {
        let mut posting = Posting::new(10_000.0, 0.0, f64::INFINITY);
        posting.start(flow(0, Lane::Live, 1_000.0, 1_000.0));
        posting.start(flow(1, Lane::Live, 9_000.0, 1e6));
        posting.start(flow(2, Lane::Live, 9_000.0, 1e6));
        // 1,000 + 4,500 + 4,500 a second; after one second flow 0 is done and 5,000 each are left of 4,500.
        let ends = ends(&mut posting);
        near(ends[0].1, 1.0);
        assert_eq!(ends[0].0, 0);
        near(ends[1].1, 1.0 + 9_000.0 / 10_000.0);
    }

    #[test]
    fn bulk_has_its_share_and_live_the_rest_at_once() {
        let mut posting = Posting::new(10_000.0, 0.0, 6_000.0);
        posting.start(flow(0, Lane::Bulk, 60_000.0, 1e6));
        posting.start(flow(1, Lane::Live, 4_000.0, 1e6));
        // Fair shares are 5,000 each while live is there; bulk never has more than 6,000.
        let ends = ends(&mut posting);
        near(ends[0].1, 4_000.0 / 5_000.0);
        near(ends[1].1, 0.8 + (60_000.0 - 0.8 * 5_000.0) / 6_000.0);
    }

    #[test]
    fn an_idle_bucket_fills_up_to_its_burst_and_no_further() {
        let mut posting = Posting::new(1_000.0, 500.0, f64::INFINITY);
        posting.start(flow(0, Lane::Live, 1_500.0, 1e6));
        near(ends(&mut posting)[0].1, 1.0);
        posting.advance(100.0);
        posting.start(flow(1, Lane::Live, 1_500.0, 1e6));
        near(ends(&mut posting)[0].1, 101.0);
    }

    #[test]
    fn a_flow_whose_time_is_up_says_what_is_left() {
        let mut posting = Posting::new(1_000.0, 0.0, f64::INFINITY);
        posting.start(Flow { stop_at: 20.0, ..flow(0, Lane::Live, 30_000.0, 1e6) });
        let next = posting.next().unwrap();
        let ended = posting.advance(next);
        near(next, 20.0);
        near(ended[0].left, 10_000.0);
    }
}
