//! A month's usage, region by region: how often each action comes, times what it uses.
//!
//! Not the prices. The invariant: what is written to the registry in one region is a write in all of them.

use sorl_core::region::Region;

use super::actions::{self, LOG_ROW_BYTES, Units};
use super::batches::Batches;
use super::deliver::{self, PRESENCE_BYTES, record_bytes};
use super::load::Load;
use super::meter::{self, GB, Meter, Usage};
use super::standing;
use crate::capacity::Service;
use crate::capacity::figures::{COMMAND_S, ROW_BYTES};

/// What DynamoDB adds to a row that it stores.
const STORED_ROW_BYTES: f64 = 100.0;
/// Connections are billed by the minute.
const MINUTE_S: f64 = 60.0;

/// What the bill depends on besides the load.
#[derive(Debug, Clone, Copy)]
pub(super) struct Settings<'a> {
    pub(super) service: &'a Service,
    pub(super) batches: &'a Batches,
    /// GB of memory of the functions that clients wait for, and of `deliver`.
    pub(super) memory_gb: (f64, f64),
    /// Days that logs are kept.
    pub(super) log_days: f64,
    /// Whether each region has a canary.
    pub(super) canary: bool,
}

/// Each region's month.
pub(super) fn month(load: &Load, settings: Settings<'_>) -> Vec<(Region, Usage)> {
    let canaries = settings.canary.then(|| Load::of_canaries(&load.regions));
    let regions = load.regions.iter().enumerate();
    regions
        .map(|(at, place)| {
            let mut usage = Usage::default();
            let mut lines = traffic(&mut usage, load, settings, at);
            if let Some(canaries) = &canaries {
                lines += traffic(&mut usage, canaries, Settings { batches: &Batches::ALONE, ..settings }, at);
                lines += standing::add_canary(&mut usage, settings.memory_gb.0);
            }
            let is_used = load.messages > 0.0 || settings.canary;
            standing::add(&mut usage, is_used, lines, settings.log_days);
            (place.region.clone(), usage)
        })
        .collect()
}

/// A day of what clients of all regions do, and publishers besides.
fn clients(load: &Load) -> Units {
    let first = actions::enter_personal(false) + actions::enter(load, false) * load.channels;
    let again = actions::enter_personal(true) + actions::enter(load, true) * load.channels;
    let published = load.messages * load.from_clients;
    let external =
        Units { publishes: (load.messages - published) * meter::requests(load.bytes), ..Units::default() };
    (actions::connect() + actions::disconnect(load)) * load.connections()
        + first * load.arrivals()
        + again * load.renewals()
        + actions::publish(load) * published
        + actions::ping() * load.pings()
        + actions::history(load) * (load.history_calls * load.users)
        + actions::presence(load) * (load.presence_calls * load.users)
        + external
}

/// Adds a month of what a load uses in the region at this place of the configuration; returns its bytes of log.
fn traffic(usage: &mut Usage, load: &Load, settings: Settings<'_>, before: usize) -> f64 {
    let share = load.regions.get(before).map_or(0.0, |place| place.share);
    let everywhere = clients(load).writes_everywhere;
    let clients = clients(load) * share;
    let delivery = deliver::day(load, settings.service, settings.batches, share, before);
    for meter in Meter::ALL {
        usage.add(meter, delivery.usage.of(meter) * load.days);
    }
    let mut add = |meter, a_day: f64| usage.add(meter, a_day * load.days);
    add(Meter::GatewayMinutes, load.open_s() / MINUTE_S * share);
    add(Meter::GatewayMessages, clients.gateway);
    add(Meter::LambdaRequests, clients.calls + delivery.invocations);
    let (small, large) = settings.memory_gb;
    add(Meter::LambdaGbSeconds, clients.calls * COMMAND_S * small + delivery.seconds * large);
    add(Meter::TableReads, clients.reads);
    add(Meter::TableWrites, everywhere);
    add(Meter::TopicPublishes, clients.publishes);
    add(Meter::TransferToInternet, clients.bytes_out / GB);
    add(Meter::TransferToRegions, to_others(load, share, clients.writes_everywhere) / GB);
    let together = settings.batches.records;
    let lines = standing::log_bytes(clients.calls, delivery.invocations, together, clients.events);
    add(Meter::LogBytes, lines / GB);
    store(usage, load);
    lines * load.days
}

/// Bytes a day that leave the region for the others: its topics' records, and its rows of the registry.
fn to_others(load: &Load, share: f64, writes: f64) -> f64 {
    let others = load.regions.len().saturating_sub(1) as f64;
    let records =
        load.messages * record_bytes(load.bytes) + load.presence_records() * record_bytes(PRESENCE_BYTES);
    others * (records * share + writes / 2.0 * ROW_BYTES)
}

fn store(usage: &mut Usage, load: &Load) {
    let part = load.days / super::MONTH_DAYS * load.active_hours / 24.0;
    // A member's row and its row of the index, which has the keys of both.
    let members = load.open() * (1.0 + load.channels) * 2.0 * (ROW_BYTES + STORED_ROW_BYTES) * part;
    let messages = load.logged() * (load.bytes + LOG_ROW_BYTES + STORED_ROW_BYTES);
    usage.add(Meter::TableStorage, (members + messages) / GB);
    // Only the log has it: members come back by themselves.
    usage.add(Meter::TableBackup, messages / GB);
}

#[cfg(test)]
mod tests {
    use sorl_core::region::Region;

    use super::super::load::Place;
    use super::super::load::tests::load;
    use super::*;

    fn used(load: &Load) -> Vec<(Region, Usage)> {
        let service = Service::deployed();
        let batches = Batches { records: 1.0, per_channel: 1.0, per_post: 1.0 };
        let settings = Settings {
            service: &service,
            batches: &batches,
            memory_gb: (0.25, 0.5),
            log_days: 30.0,
            canary: false,
        };
        month(load, settings)
    }

    fn spread(shares: &[(&str, f64)]) -> Load {
        let place =
            |(name, share): &(&str, f64)| Place { region: Region::parse(name).unwrap(), share: *share };
        Load { regions: shares.iter().map(place).collect(), ..load() }
    }

    #[test]
    fn posts_and_minutes_do_not_grow_with_the_regions_writes_and_queues_do() {
        let (one, two) = (used(&load()), used(&spread(&[("us-east-1", 0.5), ("eu-north-1", 0.5)])));
        let sum = |meter| two.iter().map(|(_, usage)| usage.of(meter)).sum::<f64>();
        let alone = |meter| one.first().unwrap().1.of(meter);
        for same in [Meter::GatewayMinutes, Meter::GatewayMessages, Meter::TopicPublishes] {
            assert!((sum(same) / alone(same) - 1.0).abs() < 1e-9, "{same:?}");
        }
        assert!((sum(Meter::TableWrites) / alone(Meter::TableWrites) - 2.0).abs() < 1e-9);
        assert_eq!(alone(Meter::TransferToRegions), 0.0);
        assert!(sum(Meter::TransferToRegions) > 0.0);
    }

    #[test]
    fn what_a_region_has_of_the_users_it_has_of_their_frames() {
        let usage = used(&spread(&[("us-east-1", 0.75), ("eu-north-1", 0.25)]));
        let of = |nth: usize, meter| usage.get(nth).unwrap().1.of(meter);
        for meter in [Meter::GatewayMinutes, Meter::GatewayMessages, Meter::TopicPublishes] {
            assert!((of(0, meter) / of(1, meter) - 3.0).abs() < 1e-9, "{meter:?}");
        }
        assert_eq!(of(0, Meter::TableWrites), of(1, Meter::TableWrites), "every region has every row");
    }
}
