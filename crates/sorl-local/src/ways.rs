//! The ways of the latest messages: when each was accepted, and when each region had it queued, in work, posted.
//!
//! For people who watch, not for decisions: kept only while somebody asks, so that nobody pays for what nobody
//! reads. Invariants: at most [`KEPT_MAX`] messages, the oldest go first; names and times, never what a message
//! says.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use serde::Serialize;
use sorl_core::ids::MessageId;
use sorl_core::names::ChannelName;
use sorl_core::region::Region;
use sorl_core::time::Timestamp;
pub use sorl_host::witness::{Arrival, Moment, Posted};

/// Messages whose ways are kept: some minutes of a chat, and well below a megabyte.
pub const KEPT_MAX: usize = 500;
/// How long after a question the ways are kept on: longer than a page that asks every second is ever silent.
pub const WATCHED_FOR: Duration = Duration::from_secs(60);

/// One message's way.
#[derive(Debug, Clone, Serialize)]
pub struct Way {
    /// Which message.
    pub id: MessageId,
    /// To where.
    pub channel: ChannelName,
    /// Where it was accepted.
    pub origin: Region,
    /// `websocket` or `sns`.
    pub via: &'static str,
    /// When it was accepted.
    pub accepted: Moment,
    /// What came of it in each region that has it by now.
    pub regions: BTreeMap<Region, Leg>,
    #[serde(skip)]
    changed: u64,
}

/// What came of a message in one region.
#[derive(Debug, Clone, Serialize)]
pub struct Leg {
    /// When its record was in the region's queue, to the millisecond.
    pub queued: Moment,
    /// When `deliver` first took it.
    pub received: Moment,
    /// How often `deliver` took it.
    pub receives: u32,
    /// When the first post that brought it was answered; absent while there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_post: Option<Moment>,
    /// When the last one was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_post: Option<Moment>,
    /// Posts with it that were taken.
    pub posts: u64,
    /// Posts with it that were answered 429.
    pub throttled: u64,
    /// Posts with it whose connection was gone.
    pub gone: u64,
    /// When the latest invocation that had it was over; absent while the first is under way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub done: Option<Moment>,
}

/// What changed since somebody last asked.
#[derive(Debug, Serialize)]
pub struct Changes {
    /// To be said the next time.
    pub next: u64,
    /// The ways that changed, oldest message first.
    pub messages: Vec<Way>,
}

/// The ways of the latest messages.
#[derive(Debug, Default)]
pub struct Ways {
    watched_until: AtomicU64,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    ways: BTreeMap<MessageId, Way>,
    changes: u64,
}

impl Ways {
    /// Whether anybody asked lately.
    #[must_use]
    pub fn is_watched(&self, now: Timestamp) -> bool {
        now.as_millis() < self.watched_until.load(Ordering::Relaxed)
    }

    /// The ways that changed after `since`, all of them for 0. Asking keeps them being kept.
    pub fn changed_since(&self, since: u64, now: Timestamp) -> Changes {
        self.watched_until.fetch_max(now.plus(WATCHED_FOR).as_millis(), Ordering::Relaxed);
        let kept = self.kept.lock();
        // What an earlier stage told is not from this one's counting.
        let since = if since > kept.changes { 0 } else { since };
        let messages = kept.ways.values().filter(|way| way.changed > since).cloned().collect();
        Changes { next: kept.changes, messages }
    }

    /// `deliver` has taken these in `region`; each had been queued then.
    pub fn received(&self, region: &Region, arrivals: Vec<(Arrival, Moment)>, at: Moment) {
        let mut kept = self.kept.lock();
        for (arrival, queued) in arrivals {
            kept.receive(region, arrival, queued, at);
        }
    }

    /// An invocation in `region` is over, and this became of its posts.
    pub fn done(&self, region: &Region, posted: &BTreeMap<MessageId, Posted>, at: Moment) {
        let mut kept = self.kept.lock();
        for (id, posted) in posted {
            kept.finish(region, *id, posted, at);
        }
    }
}

impl Kept {
    fn receive(&mut self, region: &Region, arrival: Arrival, queued: Moment, at: Moment) {
        let Arrival { id, channel, origin, via, accepted } = arrival;
        self.changes += 1;
        let way = self.ways.entry(id).or_insert_with(|| {
            let regions = BTreeMap::new();
            Way { id, channel, origin, via, accepted, regions, changed: 0 }
        });
        way.changed = self.changes;
        let leg = way.regions.entry(region.clone()).or_insert_with(|| Leg::new(queued.max(accepted), at));
        leg.receives = leg.receives.saturating_add(1);
        while self.ways.len() > KEPT_MAX {
            self.ways.pop_first();
        }
    }

    fn finish(&mut self, region: &Region, id: MessageId, posted: &Posted, at: Moment) {
        let Some(way) = self.ways.get_mut(&id) else { return };
        let Some(leg) = way.regions.get_mut(region) else { return };
        self.changes += 1;
        way.changed = self.changes;
        leg.finish(posted, at);
    }
}

impl Leg {
    const fn new(queued: Moment, received: Moment) -> Self {
        Self {
            queued,
            received,
            receives: 0,
            first_post: None,
            last_post: None,
            posts: 0,
            throttled: 0,
            gone: 0,
            done: None,
        }
    }

    fn finish(&mut self, posted: &Posted, at: Moment) {
        self.first_post = self.first_post.or(posted.first);
        self.last_post = posted.last.or(self.last_post);
        self.posts += posted.posts;
        self.throttled += posted.throttled;
        self.gone += posted.gone;
        self.done = Some(at);
    }
}

#[cfg(test)]
mod tests {
    use sorl_core::ids::Tail;

    use super::*;

    fn region(name: &str) -> Region {
        Region::parse(name).unwrap()
    }

    fn moment(ms: u64) -> Moment {
        Moment::new(Timestamp::from_millis(ms), 0)
    }

    fn arrival(ms: u64) -> Arrival {
        let id = MessageId::new(Timestamp::from_millis(ms), 0, Tail::from_bits(ms));
        let (channel, origin) = (ChannelName::parse("room:1").unwrap(), region("eu-north-1"));
        Arrival { id, channel, origin, via: "sns", accepted: moment(ms) }
    }

    fn arrived(ms: u64) -> (Arrival, Moment) {
        (arrival(ms), moment(ms))
    }

    #[test]
    fn only_what_changed_is_told() {
        let (ways, now) = (Ways::default(), Timestamp::from_millis(1));
        assert!(!ways.is_watched(now));
        let nothing = ways.changed_since(0, now);
        assert!(nothing.messages.is_empty() && ways.is_watched(now));
        ways.received(&region("us-east-1"), vec![arrived(1), arrived(2)], moment(3));
        let both = ways.changed_since(nothing.next, now);
        assert_eq!(both.messages.len(), 2);
        let posted = Posted { first: Some(moment(4)), last: Some(moment(5)), posts: 2, ..Posted::default() };
        ways.done(&region("us-east-1"), &BTreeMap::from([(arrival(2).id, posted)]), moment(6));
        let one = ways.changed_since(both.next, now);
        let legs: Vec<_> = one.messages.iter().flat_map(|way| way.regions.values()).collect();
        assert!(matches!(legs.as_slice(), [leg] if leg.posts == 2 && leg.done == Some(moment(6))));
        assert!(ways.changed_since(one.next, now).messages.is_empty());
    }

    #[test]
    fn the_oldest_go_first() {
        let ways = Ways::default();
        let many = KEPT_MAX as u64 + 7;
        ways.received(&region("us-east-1"), (1..=many).map(arrived).collect(), moment(1));
        let kept = ways.changed_since(0, Timestamp::ZERO).messages;
        assert_eq!((kept.len(), kept.first().map(|way| way.id)), (KEPT_MAX, Some(arrival(8).id)));
    }
}
