//! The messages of one channel that came already, known by the tails of their ids.
//!
//! A recovery begins a while before its cursor, 16 minutes in another region, and names messages that were
//! delayed, so most of what it brings has come before.
//!
//! The invariant: a tail is kept while its id lies within 16 minutes before `since`, for 16 minutes after it
//! last came, and, while `since` stands still, as long as it came at most 16 minutes before that: a quiet
//! channel that resumes after hours is sent the same messages again. The last thousand are kept whatever their
//! age: no recovery brings them, but a queue may deliver the same record again hours later. The number kept is
//! bounded; the longest unseen go first.

use std::collections::{BTreeMap, BTreeSet};

use sorl_core::ids::{MessageId, Tail};
use sorl_core::limits::RECOVERY_OVERLAP_ELSEWHERE;
use sorl_core::time::Timestamp;

/// Tails kept of one channel: what 250 messages a second leave within the reach.
const TAILS_MAX: usize = 250_000;
/// Tails kept whatever their age: hours of most channels, in some 100 KB.
pub const TAILS_LEAST: usize = 1_000;

/// What came already.
#[derive(Debug)]
pub struct Seen {
    /// Of each tail, the later of its id's time and of its last coming.
    stamps: BTreeMap<Tail, Timestamp>,
    /// The same, longest unseen first.
    order: BTreeSet<(Timestamp, Tail)>,
    tails_least: usize,
    tails_max: usize,
}

impl Default for Seen {
    fn default() -> Self {
        Self::with_room_for(TAILS_LEAST, TAILS_MAX)
    }
}

impl Seen {
    /// A memory of so many tails whatever their age, and of at most so many.
    #[must_use]
    pub const fn with_room_for(tails_least: usize, tails_max: usize) -> Self {
        Self { stamps: BTreeMap::new(), order: BTreeSet::new(), tails_least, tails_max }
    }

    /// Notes that a message came, and tells whether it is the first of its tail.
    pub fn first(&mut self, id: MessageId, now: Timestamp) -> bool {
        let tail = id.tail();
        let known = self.stamps.get(&tail).copied();
        let stamp = known.unwrap_or_default().max(id.time()).max(now);
        if known != Some(stamp) {
            self.order.remove(&(known.unwrap_or_default(), tail));
            self.order.insert((stamp, tail));
            self.stamps.insert(tail, stamp);
        }
        known.is_none()
    }

    /// Forgets what no recovery from `since` can bring again, but for the last.
    pub fn forget(&mut self, since: Option<MessageId>, now: Timestamp) {
        let reach = since.map(|since| since.time().min(now).minus(RECOVERY_OVERLAP_ELSEWHERE));
        let horizon = reach.unwrap_or_default();
        while let Some((stamp, tail)) = self.order.first().copied() {
            let room = if stamp < horizon { self.tails_least } else { self.tails_max };
            if self.order.len() <= room {
                return;
            }
            self.order.pop_first();
            self.stamps.remove(&tail);
        }
    }

    /// How many tails are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.stamps.len()
    }

    /// Whether none is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.stamps.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    const MINUTE: u64 = 60_000;

    fn id(at: u64, tail: u64) -> MessageId {
        MessageId::new(Timestamp::from_millis(at), 0, Tail::from_bits(tail))
    }

    fn time(ms: u64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    #[test]
    fn one_tail_is_one_message_whatever_the_time_of_its_ids() {
        let mut seen = Seen::default();
        assert!(seen.first(id(1_000, 7), time(0)));
        assert!(!seen.first(id(9_000, 7), time(0)));
        assert!(seen.first(id(1_000, 8), time(0)));
    }

    #[test]
    fn a_delayed_message_is_known_as_long_as_its_mark_can_name_it() {
        let mut seen = Seen::default();
        let (since, late) = (id(60 * MINUTE, 1), id(10 * MINUTE, 2));
        seen.first(late, time(60 * MINUTE));
        seen.forget(Some(since), time(300 * MINUTE));
        assert!(!seen.first(late, time(300 * MINUTE)));
    }

    #[test]
    fn what_lies_far_behind_the_cursor_is_forgotten_but_for_the_last() {
        let mut seen = Seen::with_room_for(2, 100);
        for tail in 1..=5 {
            seen.first(id(MINUTE + tail, tail), time(MINUTE + tail));
        }
        seen.forget(Some(id(60 * MINUTE, 9)), time(60 * MINUTE));
        assert_eq!(seen.len(), 2);
        assert!(
            !seen.first(id(MINUTE, 5), time(60 * MINUTE)) && seen.first(id(MINUTE, 3), time(60 * MINUTE))
        );
    }

    #[test]
    fn a_record_that_is_delivered_again_days_later_is_known_among_the_last_thousand() {
        let mut seen = Seen::default();
        let days = |n: u64| time(n * 24 * 60 * MINUTE);
        for tail in 0..TAILS_LEAST as u64 {
            let at = days(0).as_millis() + tail;
            seen.first(id(at, tail), time(at));
        }
        seen.forget(Some(id(days(4).as_millis(), 0)), days(4));
        assert!(!seen.first(id(0, 0), days(4)));
        assert_eq!(seen.len(), TAILS_LEAST);
    }

    #[test]
    fn the_longest_unseen_make_room() {
        let mut seen = Seen::with_room_for(0, 2);
        for tail in 1..=3 {
            seen.first(id(tail, tail), time(tail));
            seen.forget(None, time(tail));
        }
        assert_eq!(seen.len(), 2);
        assert!(!seen.first(id(3, 3), time(3)) && !seen.first(id(2, 2), time(3)));
    }

    proptest! {
        /// The same arrivals, remembered in full: whatever the promise covers is known, and nothing else is.
        #[test]
        fn the_promised_memory_is_kept(
            arrivals in prop::collection::vec((0..40u64, 0..90u64, 0..6u64), 1..200),
        ) {
            let (mut seen, mut all) = (Seen::default(), BTreeMap::<Tail, (Timestamp, Timestamp)>::new());
            let (mut now, mut since) = (time(90 * MINUTE), None::<MessageId>);
            for (tail, age, pause) in arrivals {
                now = now.plus(Duration::from_mins(pause));
                let id = id(now.as_millis() - age * MINUTE, tail);
                let first = seen.first(id, now);
                let reach = since.map_or(Timestamp::ZERO, |id| id.time().minus(RECOVERY_OVERLAP_ELSEWHERE));
                let known = all.get(&id.tail()).copied();
                let promised = known.is_some_and(|(latest_id, last_came)| {
                    latest_id >= reach || last_came >= now.minus(RECOVERY_OVERLAP_ELSEWHERE)
                });
                prop_assert!(!(promised && first), "{id} was to be remembered");
                prop_assert!(known.is_some() || first, "{id} never came before");
                let latest_id = known.map_or(id.time(), |(latest_id, _)| latest_id.max(id.time()));
                all.insert(id.tail(), (latest_id, now));
                since = since.max(Some(id));
                seen.forget(since, now);
                prop_assert_eq!(seen.len(), seen.order.len());
            }
        }

        #[test]
        fn memory_is_bounded(arrivals in prop::collection::vec((0..1_000u64, 0..1_000u64), 1..300)) {
            let mut seen = Seen::with_room_for(30, 20);
            for (at, tail) in arrivals {
                seen.first(id(at, tail), time(at));
                seen.forget(None, time(at));
                prop_assert!(seen.len() <= 20);
            }
        }
    }
}
