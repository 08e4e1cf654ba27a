//! A load: who is connected, in which channels, and how much is published. All regions together, spread evenly.

use serde::Serialize;
use sorl_core::limits::{AUDIENCE_INLINE_DEFAULT, CONNECTION_AGE_MAX, CONNECTION_IDLE_MAX, FRAME_OUT_MAX};

use super::chance::Chance;

/// How messages come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub(super) enum Arrivals {
    /// One message, to a service that is idle.
    Once,
    /// By chance, independently of each other.
    Poisson,
    /// Evenly.
    Steady,
}

/// What the service has to carry.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Load {
    pub(super) name: String,
    /// Connections, in all regions.
    pub(super) connections: u64,
    /// Members of each channel, in all regions.
    pub(super) room_size: u64,
    pub(super) arrivals: Arrivals,
    /// Messages a second, in all regions; each reaches the members of one channel.
    pub(super) messages_per_second: f64,
    /// Bytes of a message as clients get it.
    pub(super) message_bytes: u64,
    pub(super) regions: u64,
    /// How long it lasts.
    pub(super) seconds: f64,
}

/// Bytes of an empty frame of messages: `{"type":"messages","messages":[]}`.
const FRAME_BYTES: u64 = 33;

impl Load {
    pub(super) fn channels(&self) -> u64 {
        (self.connections / self.room_size.max(1)).max(1)
    }

    /// When messages are accepted, in order.
    pub(super) fn acceptances(&self, chance: &mut Chance) -> Vec<f64> {
        let distance = 1.0 / self.messages_per_second;
        let (mut nth, mut at) = (0.0, 0.0);
        let mut acceptances = Vec::new();
        if self.arrivals == Arrivals::Poisson {
            at = chance.exponential(distance);
        }
        while at < self.seconds {
            acceptances.push(at);
            nth += 1.0;
            at = match self.arrivals {
                Arrivals::Once => break,
                Arrivals::Poisson => at + chance.exponential(distance),
                // Not a sum, whose rounding would add up.
                Arrivals::Steady => nth * distance,
            };
        }
        acceptances
    }

    /// Members of a channel in one region: each is in any of the regions.
    pub(super) fn audience(&self, channel: u64, seed: u64) -> u64 {
        // Where there are many, chance evens out.
        if self.regions == 1 || self.room_size > AUDIENCE_INLINE_DEFAULT as u64 {
            return self.room_size.div_ceil(self.regions);
        }
        let mut chance = Chance::seeded(seed ^ channel.wrapping_mul(0x2545_F491_4F6C_DD1D));
        (0..self.room_size).filter(|_| chance.below(self.regions) == 0).count() as u64
    }

    /// Messages that fit one frame.
    pub(super) fn messages_per_frame(&self) -> u64 {
        ((FRAME_OUT_MAX as u64 - FRAME_BYTES) / (self.message_bytes + 1)).max(1)
    }

    /// Bytes of a frame with so many messages.
    pub(super) fn frame_bytes(&self, messages: f64) -> f64 {
        FRAME_BYTES as f64 + messages * (self.message_bytes + 1) as f64 - 1.0
    }

    /// Deliveries a second that one region owes; none for a single message.
    pub(super) fn deliveries_per_second(&self) -> f64 {
        match self.arrivals {
            Arrivals::Once => 0.0,
            _ => self.messages_per_second * self.room_size as f64 / self.regions as f64,
        }
    }

    /// Messages a second that one region publishes.
    pub(super) fn publishes_per_second(&self) -> f64 {
        if self.arrivals == Arrivals::Once { 0.0 } else { self.messages_per_second / self.regions as f64 }
    }

    /// Handshakes a second of one region, as every connection is renewed within its longest life.
    pub(super) fn connects_per_second(&self) -> f64 {
        self.connections as f64 / self.regions as f64 / CONNECTION_AGE_MAX.as_secs_f64()
    }

    /// Pings a second of one region: a client whose connection was silent for nine minutes sends one.
    pub(super) fn pings_per_second(&self) -> f64 {
        let silence = CONNECTION_IDLE_MAX.as_secs_f64() - 60.0;
        let messages = self.deliveries_per_second() * self.regions as f64 / self.connections as f64;
        let each = if messages > 0.0 { messages / (messages * silence).exp_m1() } else { 1.0 / silence };
        each * self.connections as f64 / self.regions as f64
    }

    /// Requests a second that clients of one region make of the gateway, out of the rate that posts have: publishes
    /// (as if all came over WebSockets), pings, and with each renewal a handshake and a `subscribe`.
    pub(super) fn inbound_per_second(&self) -> f64 {
        self.publishes_per_second() + self.pings_per_second() + 2.0 * self.connects_per_second()
    }
}

/// The loads that are shown where none is given.
pub(super) fn usual(message_bytes: u64, regions: u64, seconds: f64) -> Vec<Load> {
    let load = |name: &str, connections, room_size, arrivals, messages_per_second| Load {
        name: name.to_owned(),
        connections,
        room_size,
        arrivals,
        messages_per_second,
        message_bytes,
        regions,
        seconds,
    };
    vec![
        load("100,000 in one channel, one message", 100_000, 100_000, Arrivals::Once, 1.0),
        load("100,000 in one channel, one message a second", 100_000, 100_000, Arrivals::Poisson, 1.0),
        load(
            "1,000,000 connections in rooms of 10, each user writes every ten minutes",
            1_000_000,
            10,
            Arrivals::Poisson,
            1_000_000.0 / 600.0,
        ),
        load(
            "50,000 deliveries a second, 50 channels of 1,000 with a message a second each",
            50_000,
            1_000,
            Arrivals::Poisson,
            50.0,
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load() -> Load {
        Load {
            name: String::new(),
            connections: 7_200,
            room_size: 10,
            arrivals: Arrivals::Steady,
            messages_per_second: 20.0,
            message_bytes: 200,
            regions: 1,
            seconds: 10.0,
        }
    }

    #[test]
    fn messages_come_once_evenly_or_by_chance() {
        let of = |arrivals| Load { arrivals, ..load() }.acceptances(&mut Chance::seeded(7));
        assert_eq!(of(Arrivals::Once), [0.0]);
        let steady = of(Arrivals::Steady);
        assert!((steady[3] - 0.15).abs() < 1e-9 && (200..=201).contains(&steady.len()), "{}", steady.len());
        let poisson = of(Arrivals::Poisson);
        // Standard deviation: the root of 200, 14.
        assert!((150..250).contains(&poisson.len()) && poisson.is_sorted(), "{}", poisson.len());
        assert_ne!(poisson[1] - poisson[0], poisson[2] - poisson[1]);
    }

    #[test]
    fn a_frame_is_filled_up_to_its_limit() {
        // 32,768 - 33 bytes hold 162 messages of 200 and their commas, not 163.
        assert_eq!(load().messages_per_frame(), 162);
        assert!(load().frame_bytes(162.0) <= 32_768.0 && load().frame_bytes(163.0) > 32_768.0);
        assert_eq!(Load { message_bytes: 90_000, ..load() }.messages_per_frame(), 1);
    }

    #[test]
    fn silent_connections_ping_every_nine_minutes_and_busy_ones_never() {
        let silent = Load { messages_per_second: 0.0, connections: 5_400, ..load() };
        assert!((silent.pings_per_second() - 10.0).abs() < 1e-9);
        let busy = Load { messages_per_second: 5_400.0, connections: 5_400, ..load() };
        assert!(busy.pings_per_second() < 1e-9);
        // One message in nine minutes each: 1 / (e - 1) as many pings as messages.
        let calm = Load { messages_per_second: 1.0, connections: 5_400, ..load() };
        assert!((calm.pings_per_second() - 10.0 / (1.0_f64.exp() - 1.0)).abs() < 1e-9);
    }

    #[test]
    fn every_connection_is_renewed_within_two_hours() {
        assert!((load().connects_per_second() - 1.0).abs() < 1e-9);
    }

    #[test]
    fn members_are_spread_over_the_regions() {
        let three = Load { regions: 3, ..load() };
        let mean = (0..9_000).map(|channel| three.audience(channel, 1)).sum::<u64>() as f64 / 9_000.0;
        assert!((mean - 10.0 / 3.0).abs() < 0.1, "{mean}");
        assert_eq!(three.audience(5, 1), three.audience(5, 1));
        assert_eq!(Load { regions: 3, room_size: 100_000, ..load() }.audience(0, 1), 33_334);
        assert_eq!(load().audience(0, 1), 10);
    }
}
