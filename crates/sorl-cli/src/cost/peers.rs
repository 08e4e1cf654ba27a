//! The same load at others' list prices: `AppSync` Events, Ably, Pusher, Azure, Socket.IO with Redis.
//!
//! Not a comparison of what they do: none of them has all of history, recovery, regions and presence, and what each
//! lacks is said. The invariant: whoever has no list price for a load gets none.

use serde::{Deserialize, Serialize};

use super::batches::frame_bytes;
use super::load::Load;
use super::meter::GB;
use super::told::count;

const MILLION: f64 = 1e6;
/// Of a server's CPU and memory, what is planned for.
const UTILIZED: f64 = 0.5;
/// How much more comes at the busiest time than on average.
const BUSIEST: f64 = 3.0;
/// CPU seconds of servers and Redis a delivery, one message at a time: `make bench` beside Socket.IO 4.8.
const SOCKET_IO_CPU_S: f64 = 7e-6;
/// Memory of a socket there: likewise.
const SOCKET_IO_SOCKET_BYTES: f64 = 41.0 * 1_024.0;
/// A server: CPUs and GB.
const SERVER: (f64, f64) = (2.0, 4.0);
/// Two servers and two nodes of the cache: one of each may fail.
const SPARE: f64 = 2.0;
/// What a load balancer's capacity unit carries: active connections, and GB an hour.
const LCU: (f64, f64) = (3_000.0, 1.0);

/// List prices of the peers.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PeerPrices {
    appsync_events: AppSync,
    ably: Ably,
    pusher: Pusher,
    azure_web_pubsub: Azure,
    socket_io: Servers,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct AppSync {
    usd_per_million_operations: f64,
    operation_bytes: f64,
    usd_per_million_minutes: f64,
    source: String,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ably {
    usd_per_million_messages: f64,
    usd_per_million_minutes: f64,
    packages: Vec<Package>,
    source: String,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Package {
    name: String,
    usd: f64,
    connections: f64,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pusher {
    plans: Vec<Plan>,
    message_bytes_max: f64,
    source: String,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Plan {
    name: String,
    usd: f64,
    messages_a_day: f64,
    connections: f64,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Azure {
    usd_per_unit_day: f64,
    connections_per_unit: f64,
    units: Vec<f64>,
    messages_per_unit_day: f64,
    message_bytes: f64,
    usd_per_million_messages: f64,
    source: String,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Servers {
    usd_per_vcpu_hour: f64,
    usd_per_gb_hour: f64,
    usd_per_cache_hour: f64,
    usd_per_balancer_hour: f64,
    usd_per_lcu_hour: f64,
    source: String,
}

/// What the load costs with somebody else.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Peer {
    pub(super) name: &'static str,
    /// A month; none where there is no list price for so much.
    pub(super) dollars: Option<f64>,
    /// What makes it up.
    pub(super) how: String,
    /// What it does not do.
    pub(super) lacks: &'static str,
    /// Which of the sources.
    pub(super) source: String,
}

/// What all of them count.
struct Traffic {
    /// A month each.
    published: f64,
    delivered: f64,
    minutes: f64,
    /// GB to clients, a month.
    gb_out: f64,
}

impl Traffic {
    fn of(load: &Load) -> Self {
        let a_month = |a_day: f64| a_day * load.days;
        // Joins and leaves are messages as well.
        let told = load.presence_records() * load.audience.min(200.0);
        Self {
            published: a_month(load.messages + load.presence_records()),
            delivered: a_month(load.deliveries() + told),
            minutes: a_month(load.open_s() / 60.0),
            gb_out: a_month(load.deliveries() * frame_bytes(load.bytes, 1.0) / GB),
        }
    }
}

/// All of them. `internet` says what so many GB to clients cost: whoever runs on AWS pays it besides.
pub(super) fn all(load: &Load, prices: &PeerPrices, internet: impl Fn(f64) -> f64) -> Vec<Peer> {
    let traffic = Traffic::of(load);
    let out = internet(traffic.gb_out);
    vec![
        prices.appsync_events.peer(load, &traffic, out),
        prices.ably.peer(load, &traffic),
        prices.pusher.peer(load, &traffic),
        prices.azure_web_pubsub.peer(load, &traffic),
        prices.socket_io.peer(load, &traffic, out),
    ]
}

impl AppSync {
    fn peer(&self, load: &Load, traffic: &Traffic, out: f64) -> Peer {
        let of_message = (load.bytes / self.operation_bytes).ceil().max(1.0);
        let entered = load.connections() * (2.0 + load.channels) * load.days;
        let operations = (traffic.published + traffic.delivered) * of_message + entered;
        let dollars = operations / MILLION * self.usd_per_million_operations
            + traffic.minutes / MILLION * self.usd_per_million_minutes
            + out;
        Peer {
            name: "AppSync Events",
            dollars: Some(dollars),
            how: format!(
                "{} million operations of 5 KB, {} million minutes, data out",
                count(operations / MILLION),
                count(traffic.minutes / MILLION)
            ),
            lacks: "one region; no history, recovery or presence",
            source: self.source.clone(),
        }
    }
}

impl Ably {
    fn peer(&self, load: &Load, traffic: &Traffic) -> Peer {
        let stored = if load.keeps_history() { load.messages * load.days } else { 0.0 };
        let messages = traffic.published + traffic.delivered + stored;
        let channel_minutes = load.rooms() * load.active_s() / 60.0 * load.days;
        let package = self.packages.iter().find(|package| load.peak <= package.connections);
        let usage = messages / MILLION * self.usd_per_million_messages
            + (traffic.minutes + channel_minutes) / MILLION * self.usd_per_million_minutes;
        Peer {
            name: "Ably",
            dollars: package.map(|package| package.usd + usage),
            how: package.map_or_else(
                || "more connections at once than a package with a list price has".to_owned(),
                |package| {
                    format!(
                        "{}, {} million messages, {} million minutes of connections and channels, before discounts",
                        package.name,
                        count(messages / MILLION),
                        count((traffic.minutes + channel_minutes) / MILLION)
                    )
                },
            ),
            lacks: "runs in their account; recovery of 2 minutes",
            source: self.source.clone(),
        }
    }
}

impl Pusher {
    fn peer(&self, load: &Load, traffic: &Traffic) -> Peer {
        let a_day = (traffic.published + traffic.delivered) / load.days;
        let plan = self.plans.iter().find(|plan| {
            load.bytes <= self.message_bytes_max
                && a_day <= plan.messages_a_day
                && load.peak <= plan.connections
        });
        Peer {
            name: "Pusher",
            dollars: plan.map(|plan| plan.usd),
            how: plan.map_or_else(
                || "larger than any plan with a list price".to_owned(),
                |plan| {
                    format!("{}, for {:.0} million messages a day", plan.name, plan.messages_a_day / MILLION)
                },
            ),
            lacks: "one region; no history or recovery; presence up to 100 members",
            source: self.source.clone(),
        }
    }
}

impl Azure {
    fn peer(&self, load: &Load, traffic: &Traffic) -> Peer {
        let needed = (load.peak / self.connections_per_unit).ceil();
        let units = self.units.iter().copied().find(|units| *units >= needed);
        let of_frame = (frame_bytes(load.bytes, 1.0) / self.message_bytes).ceil();
        let messages = traffic.delivered * of_frame;
        let dollars = units.map(|units| {
            let included = units * self.messages_per_unit_day * load.days;
            units * self.usd_per_unit_day * super::MONTH_DAYS
                + (messages - included).max(0.0) / MILLION * self.usd_per_million_messages
        });
        Peer {
            name: "Azure Web PubSub",
            dollars,
            how: units.map_or_else(
                || "more connections at once than 100 units have".to_owned(),
                |units| {
                    format!(
                        "{units:.0} units, {} million messages of 2 KB, without data out",
                        count(messages / MILLION)
                    )
                },
            ),
            lacks: "one region; no history; recovery of 30 s",
            source: self.source.clone(),
        }
    }
}

impl Servers {
    fn peer(&self, load: &Load, traffic: &Traffic, out: f64) -> Peer {
        let hours = super::MONTH_DAYS * 24.0;
        let busiest = load.deliveries() / load.active_s() * BUSIEST;
        let (cpus, memory_gb) = SERVER;
        let by_cpu = busiest * SOCKET_IO_CPU_S / (cpus * UTILIZED);
        let by_memory = load.peak * SOCKET_IO_SOCKET_BYTES / (memory_gb * GB * UTILIZED);
        let servers = by_cpu.max(by_memory).ceil().max(SPARE);
        let server = cpus * self.usd_per_vcpu_hour + memory_gb * self.usd_per_gb_hour;
        let (connections, gb) = LCU;
        // What is open and what goes out, by the hour.
        let open = load.open_s() * load.days / (hours * 3_600.0);
        let units = (open / connections).max(traffic.gb_out / hours / gb);
        let dollars = hours
            * (servers * server
                + SPARE * self.usd_per_cache_hour
                + self.usd_per_balancer_hour
                + units * self.usd_per_lcu_hour)
            + out;
        Peer {
            name: "Socket.IO with Redis",
            dollars: Some(dollars),
            how: format!(
                "{servers:.0} Fargate servers of 2 CPUs, 2 nodes of Redis, a load balancer, data out; nobody's time"
            ),
            lacks: "one region; no history or recovery; a cluster to run",
            source: self.source.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::load::tests::load;
    use super::super::prices::Prices;
    use super::*;

    fn dollars(load: &Load, name: &str) -> Option<f64> {
        let peers = all(load, &Prices::read(None).unwrap().peers, |_| 0.0);
        peers.into_iter().find(|peer| peer.name == name).unwrap().dollars
    }

    #[test]
    fn appsync_counts_messages_and_what_enters() {
        // 10,000 messages to ten a day: 110,000; 5,000 connections of three operations: 15,000; 30 days.
        // 1,000 users × 480 minutes × 30 days at 8 cents a million.
        let expected = 125_000.0 * 30.0 / 1e6 + 14.4 * 0.08;
        assert!((dollars(&load(), "AppSync Events").unwrap() - expected).abs() < 1e-9);
    }

    #[test]
    fn a_plan_is_the_first_that_holds_the_load() {
        // 110,000 messages a day, a thousand at once: 500 connections are too few.
        assert_eq!(dollars(&load(), "Pusher"), Some(99.0));
        assert_eq!(dollars(&Load { peak: 500.0, ..load() }, "Pusher"), Some(49.0));
        assert_eq!(dollars(&Load { peak: 1e6, ..load() }, "Pusher"), None);
        assert_eq!(dollars(&Load { bytes: 20_000.0, ..load() }, "Pusher"), None, "10 KB at most");
        assert_eq!(dollars(&Load { peak: 1e6, ..load() }, "Ably"), None);
        assert_eq!(dollars(&Load { peak: 1e6, ..load() }, "Azure Web PubSub"), None);
    }

    #[test]
    fn azure_counts_units_by_the_peak_and_messages_of_two_kilobytes() {
        // One unit, $1.61 a day; 100,000 messages a day are within its million.
        assert!((dollars(&load(), "Azure Web PubSub").unwrap() - 48.3).abs() < 1e-9);
        // 3 KB are two messages: 20 million a day, one of them free, at a dollar a million.
        let large = Load { bytes: 3_000.0, messages: 1e6, ..load() };
        let expected = 48.3 + (20.0 - 1.0) * 30.0;
        assert!((dollars(&large, "Azure Web PubSub").unwrap() - expected).abs() < 1e-9);
    }

    #[test]
    fn ably_counts_what_is_stored_and_the_minutes_of_channels() {
        // 10,000 + 100,000 + 10,000 stored a day; 14.4 million connection minutes; 33.3 rooms all day.
        let expected = 29.0 + 0.12 * 30.0 * 2.5 + 14.4 + 100.0 / 3.0 * 1_440.0 * 30.0 / 1e6;
        assert!((dollars(&load(), "Ably").unwrap() - expected).abs() < 1e-6);
    }

    #[test]
    fn socket_io_has_two_of_each_at_least() {
        // 720 h × (2 × (2 × 0.04048 + 4 × 0.004445) + 2 × 0.156 + 0.0225), and a bit of the balancer.
        let idle = dollars(&Load { messages: 0.0, ..load() }, "Socket.IO with Redis").unwrap();
        let expected = 720.0 * (2.0 * 0.09874 + 0.312 + 0.0225 + 1_000.0 / 3.0 / 3_000.0 * 0.008);
        assert!((idle - expected).abs() < 1e-6, "{idle} {expected}");
    }
}
