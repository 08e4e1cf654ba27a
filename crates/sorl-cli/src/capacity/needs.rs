//! What a load needs of each quota and setting, beside what there is: the arithmetic behind "which quota binds".
//!
//! Not the simulation, which shows what comes of it. The rates are those of a region that keeps up.

use super::figures::{COMMAND_S, ROW_BYTES};
use super::load::{Arrivals, Load};
use super::quotas::{self, source};
use super::service::Service;
use super::simulation::{Lane, Tally};
use serde::Serialize;

/// A single message shall have reached everybody after so many seconds.
pub(super) const ONCE_WITHIN_S: f64 = 5.0;
/// A queue whose records waited for a free invocation in more than this part of the run was held up by that.
const HELD_UP_SHARE: f64 = 0.02;

/// One quota.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Need {
    /// What it limits, with its unit.
    pub(super) quota: &'static str,
    pub(super) needed: f64,
    pub(super) has: f64,
    /// Whether it holds this load up.
    pub(super) binds: bool,
    /// Where `has` comes from.
    pub(super) source: &'static str,
}

/// Every quota that a load on AWS meets, with so many messages a post as there are while nothing holds it up; the
/// machine's cores are the only one of the embedded service.
pub(super) fn of(load: &Load, service: &Service, tally: &Tally, messages_per_post: f64) -> Vec<Need> {
    let posts = posts_per_second(load, messages_per_post);
    if service.embedded {
        return vec![need("posts/s of the machine's cores", posts, service.post_rate, "measured")];
    }
    let shards = f64::from(service.shards);
    let mut needs = vec![
        need(
            "API Gateway requests/s (posts and clients)",
            posts + load.inbound_per_second(),
            service.post_rate,
            source::API_GATEWAY,
        ),
        need(
            "posts/s of slices (bulk's share)",
            posts * bulk_part(load, service),
            service.bulk_rate(),
            "sorl.toml",
        ),
        need(
            "WebSocket connects/s (renewals)",
            load.connects_per_second(),
            quotas::CONNECTS_PER_SECOND,
            source::API_GATEWAY_WEBSOCKET,
        ),
        need(
            "SNS publishes/s (us-east-1 has 30,000)",
            load.publishes_per_second(),
            quotas::PUBLISHES_PER_SECOND,
            source::SNS,
        ),
        need(
            "Lambda concurrency (all functions)",
            lambdas(load, tally),
            quotas::LAMBDA_CONCURRENCY,
            source::LAMBDA,
        ),
        need(
            "DynamoDB read units/s of a channel's partitions",
            channel_units(load, messages_per_post),
            quotas::PARTITION_READS_PER_SECOND * shards,
            source::DYNAMODB,
        ),
        need(
            "DynamoDB read units/s of the connections table",
            table_units(tally),
            quotas::TABLE_READS_PER_SECOND,
            source::DYNAMODB,
        ),
    ];
    needs.extend(mappings(service, tally));
    needs
}

fn need(quota: &'static str, needed: f64, has: f64, source: &'static str) -> Need {
    Need { quota, needed, has, binds: needed > has, source }
}

fn mappings(service: &Service, tally: &Tally) -> Vec<Need> {
    let peak = tally.peak();
    let held_up = |seconds: f64| seconds > HELD_UP_SHARE * tally.ended;
    let of = |quota, lane, source| Need {
        quota,
        needed: f64::from(*peak.of(lane)),
        has: f64::from(service.mappings.of(lane).concurrency),
        binds: held_up(*tally.waits.concurrency.of(lane)),
        source,
    };
    let growth = Need {
        quota: "growth of the mappings, 300/min (seconds waited)",
        needed: tally.waits.scaling,
        has: 0.0,
        binds: held_up(tally.waits.scaling),
        source: source::EVENT_SOURCE,
    };
    vec![
        of("invocations of live (liveConcurrency)", Lane::Live, "serverless.yml"),
        of("invocations of bulk (bulkConcurrency)", Lane::Bulk, "serverless.yml"),
        growth,
    ]
}

/// Posts a second with so many messages in each; of a single message, those that reach everybody soon enough.
pub(super) fn posts_per_second(load: &Load, messages_per_post: f64) -> f64 {
    if load.arrivals == Arrivals::Once {
        return load.room_size as f64 / load.regions as f64 / ONCE_WITHIN_S;
    }
    load.deliveries_per_second() / messages_per_post.max(1.0)
}

/// The part of posts that goes through slices.
pub(super) fn bulk_part(load: &Load, service: &Service) -> f64 {
    let audience = load.room_size as f64 / load.regions as f64;
    (1.0 - f64::from(service.inline_max) / audience).max(0.0)
}

/// Read units of one channel's whole audience.
pub(super) fn audience_units(load: &Load) -> f64 {
    let audience = load.room_size as f64 / load.regions as f64;
    (audience * ROW_BYTES / quotas::READ_UNIT_BYTES).ceil().max(1.0)
}

/// Read units a second of one channel that gets its part of the messages, so many with each read of its audience; of a
/// single message, those of one read, within a second.
pub(super) fn channel_units(load: &Load, messages_per_read: f64) -> f64 {
    if load.arrivals == Arrivals::Once {
        return audience_units(load);
    }
    audience_units(load) * load.messages_per_second / load.channels() as f64 / messages_per_read.max(1.0)
}

fn table_units(tally: &Tally) -> f64 {
    tally.read_units / tally.ended.max(1.0)
}

/// Little's law for the functions that serve clients, and the peak of `deliver`.
fn lambdas(load: &Load, tally: &Tally) -> f64 {
    let peak = tally.peak();
    f64::from(peak.live + peak.bulk) + load.inbound_per_second() * COMMAND_S
}
