//! Which connections there are, which is sought, and where.
//!
//! It decides no moment and knows no channel (`connecting` does, with the session). The invariant: at most two
//! connections are open, the current one and the former one, and at most one attempt is on its way.

use std::sync::Arc;
use std::time::Duration;

use sorl_core::region::Region;
use sorl_core::time::Timestamp;

use super::status::{Lost, Status};
use crate::backoff::full_jitter;

/// The time that an attempt may take, token included.
pub const ATTEMPT_MAX: Duration = Duration::from_secs(15);
/// The time that a former connection is kept at most.
pub(super) const HANDOVER_MAX: Duration = Duration::from_mins(1);
/// Age at which a connection proves that things work again, and failures are counted anew.
pub(super) const STABLE: Duration = Duration::from_secs(5);

/// To leave a region that was lost counts as so many failures at least: a wait of up to 4 s. Of those who lost it
/// together, 2,000 are then spread thinly enough for the next one, which takes 500 handshakes a second (API Gateway's
/// quota); more are refused there, and spread by that.
const MOVE: u32 = 4;

/// A region's WebSocket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Which region it is.
    pub region: Region,
    /// Its address, `ws://…` or `wss://…`.
    pub url: String,
}

/// A connection's number, from the attempt on; never used twice by one client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Number(u64);

/// A connection that is open.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) number: Number,
    pub(super) region: Region,
    pub(super) opened_at: Timestamp,
    /// When the next one is opened in its place.
    pub(super) renew_at: Timestamp,
    /// Whether it is about to be replaced.
    pub(super) leaving: bool,
}

/// A connection that delivers until the current one has brought everything.
#[derive(Debug)]
pub(super) struct Former {
    pub(super) live: Live,
    /// When it is closed in any case.
    pub(super) until: Timestamp,
}

/// A connection that is being opened.
#[derive(Debug)]
pub(super) struct Attempt {
    pub(super) number: Number,
    pub(super) endpoint: Endpoint,
    pub(super) deadline: Timestamp,
}

/// What the application wants of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// No connection, until it says otherwise.
    Away,
    /// A connection, always.
    Seeking,
    /// None any more.
    Ended,
}

/// Which connections there are.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) mode: Mode,
    pub(super) current: Option<Live>,
    pub(super) former: Option<Former>,
    pub(super) attempt: Option<Attempt>,
    /// When the next attempt is made.
    pub(super) retry_at: Option<Timestamp>,
    /// Waits in a row, without a connection that lasted between them.
    pub(super) failures: u32,
    /// Why there is no connection, or no other one.
    pub(super) lost: Option<Arc<Lost>>,
    /// Where the last connection was.
    was_in: Option<Region>,
    /// The region to be in: what the application said, else the first that opened.
    home: Option<Region>,
    endpoints: Vec<Endpoint>,
    /// The endpoint of the next attempt.
    next: usize,
    last: u64,
}

impl Link {
    pub(super) fn new(endpoints: Vec<Endpoint>, region: Option<&Region>) -> Self {
        let mut link = Self {
            mode: Mode::Away,
            current: None,
            former: None,
            attempt: None,
            retry_at: None,
            failures: 0,
            lost: None,
            was_in: None,
            home: None,
            endpoints,
            next: 0,
            last: 0,
        };
        if let Some(region) = region {
            link.settle_in(region);
        }
        link
    }

    /// Whether an attempt is on its way, or will be after a wait.
    pub(super) const fn is_seeking(&self) -> bool {
        self.attempt.is_some() || self.retry_at.is_some()
    }

    /// Begins an attempt.
    pub(super) fn begin(&mut self, now: Timestamp) -> Option<&Attempt> {
        let endpoint = self.endpoints.get(self.next)?.clone();
        self.last += 1;
        self.retry_at = None;
        Some(self.attempt.insert(Attempt {
            number: Number(self.last),
            endpoint,
            deadline: now.plus(ATTEMPT_MAX),
        }))
    }

    /// Turns to the next endpoint.
    pub(super) fn turn(&mut self) {
        self.next = (self.next + 1) % self.endpoints.len().max(1);
    }

    /// Turns to a region, and to be in it from now on; false if there is no such endpoint.
    pub(super) fn settle_in(&mut self, region: &Region) -> bool {
        let is_there = self.turn_to(region);
        if is_there {
            self.home = Some(region.clone());
        }
        is_there
    }

    /// Turns to the region to be in, whatever failed meanwhile.
    pub(super) fn turn_home(&mut self) {
        if let Some(home) = self.home.clone() {
            self.turn_to(&home);
        }
    }

    /// A connection to this region opened.
    pub(super) fn opened_in(&mut self, region: &Region) {
        self.was_in = Some(region.clone());
        self.home.get_or_insert_with(|| region.clone());
    }

    fn turn_to(&mut self, region: &Region) -> bool {
        let index = self.endpoints.iter().position(|endpoint| endpoint.region == *region);
        self.next = index.unwrap_or(self.next);
        index.is_some()
    }

    /// How long to wait before the next attempt. Who lost its region leaves it more slowly than it would return:
    /// all who were there look for the same next one.
    pub(super) fn wait(&self, jitter: u32) -> Duration {
        let next = self.endpoints.get(self.next).map(|endpoint| &endpoint.region);
        let moves = self.current.is_none() && self.was_in.is_some() && self.was_in.as_ref() != next;
        full_jitter(if moves { self.failures.max(MOVE) } else { self.failures }, jitter)
    }

    /// When there is something to do.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        let attempt = self.attempt.as_ref().map(|attempt| attempt.deadline);
        let renewal = self.current.as_ref().filter(|_| !self.is_seeking()).map(|live| live.renew_at);
        let handover = self.former.as_ref().map(|former| former.until);
        [attempt, self.retry_at, renewal, handover].into_iter().flatten().min()
    }

    /// As the application sees it.
    pub(super) fn status(&self) -> Status {
        match (self.mode, &self.current, &self.attempt, &self.lost) {
            (Mode::Ended, ..) => Status::Closed,
            (Mode::Away, ..) => Status::Away,
            (_, Some(live), ..) => Status::Connected(live.region.clone()),
            (_, None, Some(attempt), lost) => {
                Status::Connecting { region: attempt.endpoint.region.clone(), after: lost.clone() }
            }
            (_, None, None, Some(lost)) => Status::Waiting(Arc::clone(lost)),
            (_, None, None, None) => Status::Away,
        }
    }
}
