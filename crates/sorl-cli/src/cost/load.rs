//! A load as people tell it: users a day, hours, messages, audiences; and the rates that follow from it.
//!
//! Not what it uses (`actions`, `deliver`). The invariant: every rate here is a mean over the hours of traffic, of all
//! regions together; what a region has of it is its share.

use serde::Serialize;
use sorl_core::limits::{CONNECTION_AGE_MAX, CONNECTION_IDLE_MAX, LOG_GRACE, RECOVERY_OVERLAP};
use sorl_core::region::Region;

use super::standing::{ROUND_S, ROUNDS};

/// How long before its end a client replaces a connection, on average: between 2.5 and 5 minutes.
const RENEWED_BEFORE_S: f64 = 225.0;
/// How long before API Gateway's idle time-out a client pings.
const PINGED_BEFORE_S: f64 = 60.0;
const DAY_S: f64 = 86_400.0;

/// A region's part of users and publishers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Place {
    pub(super) region: Region,
    /// Above 0; those of all regions are 1 together.
    pub(super) share: f64,
}

/// What comes in a month.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Load {
    /// Who comes on a day.
    pub(super) users: f64,
    /// How long each stays, a day.
    pub(super) hours: f64,
    /// Hours of a day over which all of it is spread.
    pub(super) active_hours: f64,
    /// Days of a month that are like this.
    pub(super) days: f64,
    /// Messages published, a day.
    pub(super) messages: f64,
    /// The part of them that clients publish over their connections; the rest comes through SNS.
    pub(super) from_clients: f64,
    /// Bytes of a message as clients get it.
    pub(super) bytes: f64,
    /// Who gets a message, in all regions.
    pub(super) audience: f64,
    /// Channels that a user is in, his personal one aside.
    pub(super) channels: f64,
    /// How long messages are kept, in seconds; 0 keeps none.
    pub(super) history_s: f64,
    /// Calls of `history`, a user and day.
    pub(super) history_calls: f64,
    /// Messages of such an answer.
    pub(super) page: f64,
    /// Calls of `presence`, a user and day.
    pub(super) presence_calls: f64,
    /// Whether members are told of joins and leaves.
    pub(super) join_leave: bool,
    /// Connections lost and made again, a user and day, beyond those that age makes necessary.
    pub(super) reconnects: f64,
    /// Whether the namespace bounds publishes, which costs a counter each.
    pub(super) rate_bound: bool,
    /// The most connections open at once.
    pub(super) peak: f64,
    pub(super) regions: Vec<Place>,
}

impl Load {
    /// What the canaries of these regions do as clients: once a minute each comes, hears itself and goes.
    pub(super) fn of_canaries(regions: &[Place]) -> Self {
        let count = regions.len() as f64;
        let places = regions.iter().map(|place| Place { share: 1.0 / count, ..place.clone() });
        Self {
            users: ROUNDS * count,
            hours: ROUND_S / 3_600.0,
            active_hours: 24.0,
            days: super::MONTH_DAYS,
            messages: ROUNDS * count,
            from_clients: 1.0,
            bytes: 200.0,
            audience: 1.0,
            channels: 1.0,
            history_s: DAY_S,
            history_calls: 0.0,
            page: 0.0,
            presence_calls: 0.0,
            join_leave: false,
            reconnects: 0.0,
            rate_bound: false,
            peak: count,
            regions: places.collect(),
        }
    }

    /// Connections open, on average, while there is traffic.
    pub(super) fn open(&self) -> f64 {
        (self.users * self.hours / self.active_hours).min(self.users)
    }

    /// Seconds of open connections, a day.
    pub(super) fn open_s(&self) -> f64 {
        self.users * self.hours * 3_600.0
    }

    /// First connections of a day; somebody who never leaves has none.
    pub(super) fn arrivals(&self) -> f64 {
        if self.hours < 24.0 { self.users } else { 0.0 }
    }

    /// Connections that take over from another, a day: each enters its channels with a cursor.
    pub(super) fn renewals(&self) -> f64 {
        let life_s = CONNECTION_AGE_MAX.as_secs_f64() - RENEWED_BEFORE_S;
        let lives = self.hours * 3_600.0 / life_s;
        let renewed = if self.hours < 24.0 { lives.floor() } else { lives };
        self.users * (renewed + self.reconnects)
    }

    /// Connections, a day.
    pub(super) fn connections(&self) -> f64 {
        self.arrivals() + self.renewals()
    }

    /// Pings, a day: after nine minutes without a frame, so none in a connection's first nine.
    pub(super) fn pings(&self) -> f64 {
        let silence = CONNECTION_IDLE_MAX.as_secs_f64() - PINGED_BEFORE_S;
        let may_s = (self.open_s() - self.connections() * silence).max(0.0);
        let frames = if self.open_s() > 0.0 { self.deliveries() / self.open_s() } else { 0.0 };
        // Frames come by chance: so often is one silent for so long.
        let each = if frames > 0.0 { frames / (frames * silence).exp_m1() } else { 1.0 / silence };
        may_s * each
    }

    /// Messages that arrive at somebody, a day.
    pub(super) fn deliveries(&self) -> f64 {
        self.messages * self.audience
    }

    /// Joins of channels, a day, and as many leaves.
    pub(super) fn joins(&self) -> f64 {
        self.connections() * self.channels
    }

    /// Messages a second, while there is traffic.
    pub(super) fn messages_per_second(&self) -> f64 {
        self.messages / self.active_s()
    }

    /// Records of joins and leaves that every region's queue gets, a day.
    pub(super) fn presence_records(&self) -> f64 {
        if self.join_leave { 2.0 * self.joins() } else { 0.0 }
    }

    /// Seconds of traffic, a day.
    pub(super) fn active_s(&self) -> f64 {
        self.active_hours * 3_600.0
    }

    /// Channels with members, on average.
    pub(super) fn rooms(&self) -> f64 {
        (self.open() * self.channels / self.audience).max(1.0)
    }

    /// Whether channels keep history.
    pub(super) const fn keeps_history(&self) -> bool {
        self.history_s > 0.0
    }

    /// Messages of one channel that a connection which takes over finds: those of the overlap before its cursor.
    pub(super) fn overlap(&self) -> f64 {
        self.messages_per_second() / self.rooms() * RECOVERY_OVERLAP.as_secs_f64()
    }

    /// Messages that stand in the log of one region, on average over the month.
    pub(super) fn logged(&self) -> f64 {
        if !self.keeps_history() {
            return 0.0;
        }
        let kept_s = self.history_s + LOG_GRACE.as_secs_f64();
        // A month with few days of traffic holds no more than their messages.
        let a_second = self.messages * self.days / (super::MONTH_DAYS * DAY_S);
        (a_second * kept_s).min(self.messages * self.days)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A thousand users for eight hours in one region, in one room of ten each, who write ten messages each.
    pub(in super::super) fn load() -> Load {
        Load {
            users: 1_000.0,
            hours: 8.0,
            active_hours: 24.0,
            days: 30.0,
            messages: 10_000.0,
            from_clients: 1.0,
            bytes: 200.0,
            audience: 10.0,
            channels: 1.0,
            history_s: 86_400.0,
            history_calls: 0.0,
            page: 50.0,
            presence_calls: 0.0,
            join_leave: false,
            reconnects: 0.0,
            rate_bound: false,
            peak: 1_000.0,
            regions: vec![Place { region: Region::parse("us-east-1").unwrap(), share: 1.0 }],
        }
    }

    #[test]
    fn connections_are_renewed_within_two_hours() {
        // 8 h of 116.25 min each: the first, and four that take over.
        assert_eq!((load().arrivals(), load().renewals()), (1_000.0, 4_000.0));
        let short = Load { hours: 1.0, ..load() };
        assert_eq!((short.arrivals(), short.renewals()), (1_000.0, 0.0));
        let always = Load { hours: 24.0, ..load() };
        assert_eq!(always.arrivals(), 0.0);
        assert!((always.renewals() - 12_387.1).abs() < 0.1, "{}", always.renewals());
    }

    #[test]
    fn who_hears_nothing_pings_every_nine_minutes_and_not_in_the_first() {
        let silent = Load { messages: 0.0, hours: 1.0, ..load() };
        // 51 of the 60 minutes, one in nine.
        assert!((silent.pings() - 1_000.0 * 51.0 / 9.0).abs() < 1e-6);
        assert_eq!(Load { hours: 0.1, ..silent.clone() }.pings(), 0.0);
        assert!(Load { messages: 1e7, ..silent }.pings() < 1.0);
    }

    #[test]
    fn what_is_open_is_spread_over_the_hours_of_traffic() {
        assert!((load().open() - 1_000.0 / 3.0).abs() < 1e-9);
        assert_eq!(Load { active_hours: 8.0, ..load() }.open(), 1_000.0);
        assert!((load().rooms() - 100.0 / 3.0).abs() < 1e-9);
    }

    #[test]
    fn a_day_of_history_is_a_days_messages() {
        let whole = Load { history_s: 86_400.0 - LOG_GRACE.as_secs_f64(), ..load() };
        assert!((whole.logged() - 10_000.0).abs() < 1e-6);
        assert_eq!(Load { history_s: 0.0, ..load() }.logged(), 0.0);
        // One day a month, kept for a year: never more than that day's.
        assert_eq!(Load { days: 1.0, history_s: 365.0 * 86_400.0, ..load() }.logged(), 10_000.0);
    }
}
