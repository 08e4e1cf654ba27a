//! Messages of one channel that are held back for a while, to be shown in the order of their ids.
//!
//! Not what came already (`seen`): nothing is held twice. The invariant: whatever was held is shown once, in
//! id order among all that is held, and as soon as it was held for the time asked and no recovery is owed.
//! One that comes after its place has passed is shown all the same.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use sorl_core::ids::MessageId;
use sorl_core::message::Message;
use sorl_core::time::Timestamp;

use super::event::Origin;

/// Messages held of one channel, so that a long recovery does not fill the memory. Beyond it the first go.
const HELD_MAX: usize = 10_000;

/// Messages that are held back.
#[derive(Debug)]
pub(super) struct Ordering {
    time: Duration,
    held: BTreeMap<MessageId, (Message, Origin)>,
    /// Until when each is held, in the order in which they came.
    dues: VecDeque<(Timestamp, MessageId)>,
}

impl Ordering {
    /// Holds every message for that time.
    pub(super) const fn holding(time: Duration) -> Self {
        Self { time, held: BTreeMap::new(), dues: VecDeque::new() }
    }

    pub(super) fn hold(&mut self, now: Timestamp, message: Message, origin: Origin) {
        self.dues.push_back((now.plus(self.time), message.id));
        self.held.insert(message.id, (message, origin));
    }

    /// What was held for its time, and everything with smaller ids before it. While something older may come
    /// (`behind`), only what there is no room for.
    pub(super) fn release(&mut self, now: Timestamp, behind: bool) -> Vec<(Message, Origin)> {
        let mut last = None;
        while let Some((_, id)) = self.dues.pop_front_if(|(due, _)| !behind && *due <= now) {
            // One that was taken along by a greater one has had its turn.
            last = last.max(Some(id).filter(|id| self.held.contains_key(id)));
        }
        let mut released = Vec::new();
        while let Some((id, _)) = self.held.first_key_value() {
            if Some(*id) > last && self.held.len() <= HELD_MAX {
                break;
            }
            released.extend(self.held.pop_first().map(|(_, held)| held));
        }
        released
    }

    /// All that is held.
    pub(super) fn flush(&mut self) -> Vec<(Message, Origin)> {
        self.dues.clear();
        std::mem::take(&mut self.held).into_values().collect()
    }

    /// When [`Ordering::release`] has something to do.
    pub(super) fn next_due(&self, behind: bool) -> Option<Timestamp> {
        if self.held.len() > HELD_MAX {
            return Some(Timestamp::ZERO);
        }
        self.dues.front().map(|(due, _)| *due).filter(|_| !behind)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::value::RawValue;
    use sorl_core::ids::Tail;
    use sorl_core::names::ChannelName;
    use sorl_core::region::Region;

    use super::*;

    const HELD: Duration = Duration::from_millis(500);

    fn id(at: u64) -> MessageId {
        MessageId::new(time(at), 0, Tail::from_bits(at))
    }

    fn time(ms: u64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    fn message(at: u64) -> Message {
        let (channel, region) = (ChannelName::parse("c").unwrap(), Region::parse("a").unwrap());
        Message::new(id(at), channel, RawValue::from_string("1".to_owned()).unwrap(), None, region)
    }

    fn ids(released: Vec<(Message, Origin)>) -> Vec<MessageId> {
        released.into_iter().map(|(message, _)| message.id).collect()
    }

    #[test]
    fn what_is_due_takes_smaller_ids_along_and_leaves_greater_ones() {
        let mut ordering = Ordering::holding(HELD);
        ordering.hold(time(0), message(7), Origin::Live);
        ordering.hold(time(100), message(5), Origin::Live);
        ordering.hold(time(100), message(9), Origin::Live);
        assert!(ordering.release(time(499), false).is_empty());
        assert_eq!(ids(ordering.release(time(500), false)), [id(5), id(7)]);
        assert_eq!(ids(ordering.release(time(600), false)), [id(9)]);
        assert_eq!(ordering.next_due(false), None);
    }

    #[test]
    fn nothing_is_shown_while_older_ones_may_come_and_all_of_it_after() {
        let mut ordering = Ordering::holding(HELD);
        ordering.hold(time(0), message(7), Origin::Live);
        assert!(ordering.release(time(9_000), true).is_empty() && ordering.next_due(true).is_none());
        ordering.hold(time(9_000), message(5), Origin::Recovered);
        assert_eq!(ids(ordering.release(time(9_000), false)), [id(5), id(7)]);
    }

    #[test]
    fn what_there_is_no_room_for_goes_first_in_order() {
        let mut ordering = Ordering::holding(HELD);
        for at in (0..12_000).rev() {
            ordering.hold(time(0), message(at), Origin::Recovered);
        }
        assert_eq!(ids(ordering.release(time(0), true)), (0..2_000).map(id).collect::<Vec<_>>());
    }

    proptest! {
        /// Whatever comes whenever: each is shown once, after its time at the latest, each release in order,
        /// and a message that came less than its time after every greater one was shown is before them all.
        #[test]
        fn all_are_shown_once_in_time_and_in_order(
            arrivals in prop::collection::btree_map(0..1_000u64, 0..300u64, 1..100),
            shuffle in any::<u64>(),
        ) {
            let mut arrivals: Vec<_> = arrivals.into_iter().collect();
            arrivals.sort_by_key(|(at, _)| (at ^ shuffle).wrapping_mul(0x9e37_79b9_7f4a_7c15));
            let (mut ordering, mut now) = (Ordering::holding(HELD), 0);
            let (mut came, mut shown) = (BTreeMap::new(), Vec::new());
            for (at, pause) in arrivals {
                now += pause;
                let released = ids(ordering.release(time(now), false));
                prop_assert!(released.is_sorted());
                shown.extend(released.into_iter().map(|id| (id, now)));
                ordering.hold(time(now), message(at), Origin::Live);
                came.insert(id(at), now);
                prop_assert!(ordering.next_due(false).is_some_and(|due| due > time(now)));
            }
            now += 500;
            shown.extend(ids(ordering.release(time(now), false)).into_iter().map(|id| (id, now)));
            prop_assert_eq!(shown.len(), came.len());
            for (place, (late, at)) in shown.iter().enumerate() {
                for (greater, _) in shown.iter().take(place).filter(|(before, _)| before > late) {
                    prop_assert!(came[late] >= came[greater], "{late} was shown at {at} after {greater}");
                }
            }
        }
    }
}
