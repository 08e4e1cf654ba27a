//! Who holds one of the limit's slots: a post in flight, until it is answered or takes unusually long.
//!
//! A post that hangs would keep its slot until its time-out, and enough of them would stop everybody else. So its
//! slot is lent after a moment; how many posts are in flight in all is bounded apart.

use std::collections::VecDeque;
use std::time::Duration;

use crate::time::Timestamp;

/// After so long a post's slot is lent: several times what an answer takes.
const LENT_AFTER: Duration = Duration::from_millis(100);

/// The slots held, by the time when they were taken.
#[derive(Default)]
pub(super) struct Slots {
    held: VecDeque<(Timestamp, usize)>,
    count: usize,
}

impl Slots {
    /// Slots held now; those that were held for long are lent from now on.
    pub(super) fn held(&mut self, now: Timestamp) -> usize {
        while let Some((_, posts)) = self.held.pop_front_if(|(taken, _)| now.since(*taken) > LENT_AFTER) {
            self.count -= posts;
        }
        self.count
    }

    /// A post begins. `now` never goes back.
    pub(super) fn take(&mut self, now: Timestamp) {
        match self.held.back_mut() {
            Some((taken, posts)) if *taken >= now => *posts += 1,
            _ => self.held.push_back((now, 1)),
        }
        self.count += 1;
    }

    /// The post that began then is answered.
    pub(super) fn give_back(&mut self, taken: Timestamp) {
        if let Ok(place) = self.held.binary_search_by_key(&taken, |(taken, _)| *taken)
            && let Some((_, posts @ 1..)) = self.held.get_mut(place)
        {
            *posts -= 1;
            self.count -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    #[test]
    fn a_slot_is_held_until_its_post_is_answered() {
        let mut slots = Slots::default();
        [1, 1, 2].into_iter().for_each(|ms| slots.take(at(ms)));
        assert_eq!(slots.held(at(2)), 3);
        slots.give_back(at(1));
        assert_eq!(slots.held(at(2)), 2);
    }

    #[test]
    fn a_post_that_hangs_lends_its_slot_and_gives_it_back_only_once() {
        let mut slots = Slots::default();
        slots.take(at(0));
        slots.take(at(90));
        assert_eq!(slots.held(at(101)), 1);
        slots.give_back(at(0));
        assert_eq!(slots.held(at(101)), 1);
        slots.give_back(at(90));
        assert_eq!(slots.held(at(101)), 0);
    }

    #[test]
    fn a_slot_is_lent_after_a_tenth_of_a_second() {
        let mut slots = Slots::default();
        slots.take(at(0));
        assert_eq!([100, 101].map(|ms| slots.held(at(ms))), [1, 0]);
    }
}
