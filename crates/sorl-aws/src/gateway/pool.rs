//! Idle links, the last used first.
//!
//! Not their making (`dial`) and not their use (`link`). The invariant: what is handed out was in use less than
//! [`IDLE_MAX`] ago, so that few are found closed, and no more than [`IDLE_LINKS_MAX`] are kept.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use sorl_core::limits::POSTS_IN_FLIGHT_MAX;

use crate::clients::IDLE_MAX;

/// One for each post that may be in flight.
const IDLE_LINKS_MAX: usize = POSTS_IN_FLIGHT_MAX;

/// What is idle, the longest idle first.
#[derive(Debug)]
pub(super) struct Pool<L>(Mutex<VecDeque<(Instant, L)>>);

impl<L> Pool<L> {
    pub(super) const fn new() -> Self {
        Self(Mutex::new(VecDeque::new()))
    }

    /// The link that was used last; few stay warm rather than many half so.
    pub(super) fn take(&self, now: Instant) -> Option<L> {
        let (since, link) = self.idle(VecDeque::pop_back)?;
        if now.duration_since(since) < IDLE_MAX {
            return Some(link);
        }
        // The last used is too old, so all of them are.
        self.idle(VecDeque::clear);
        None
    }

    /// Keeps a link for later, in place of those that nobody came for.
    pub(super) fn put(&self, link: L, now: Instant) {
        self.idle(|idle| {
            while let Some((since, _)) = idle.front()
                && (now.duration_since(*since) >= IDLE_MAX || idle.len() >= IDLE_LINKS_MAX)
            {
                idle.pop_front();
            }
            idle.push_back((now, link));
        });
    }

    fn idle<T>(&self, change: impl FnOnce(&mut VecDeque<(Instant, L)>) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_used_comes_first() {
        let (pool, now) = (Pool::new(), Instant::now());
        pool.put("first", now);
        pool.put("second", now);
        assert_eq!(pool.take(now), Some("second"));
        assert_eq!(pool.take(now), Some("first"));
        assert_eq!(pool.take(now), None);
    }

    #[test]
    fn what_was_idle_too_long_is_dropped() {
        let (pool, now) = (Pool::new(), Instant::now());
        pool.put("old", now);
        pool.put("young", now + IDLE_MAX / 2);
        assert_eq!(pool.take(now + IDLE_MAX), Some("young"));
        assert_eq!(pool.take(now + IDLE_MAX), None);
        pool.put("old", now);
        pool.put("young", now + IDLE_MAX);
        assert_eq!(pool.idle(|idle| idle.len()), 1, "also where nobody asks");
    }

    #[test]
    fn there_are_never_more_than_posts_in_flight() {
        let (pool, now) = (Pool::new(), Instant::now());
        for number in 0..2 * IDLE_LINKS_MAX {
            pool.put(number, now);
        }
        assert_eq!(pool.idle(|idle| idle.len()), IDLE_LINKS_MAX);
        assert_eq!(pool.take(now), Some(2 * IDLE_LINKS_MAX - 1));
    }
}
