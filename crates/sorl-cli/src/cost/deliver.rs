//! What delivery uses in one region: queues, `deliver`, its log, its audiences, its posts.
//!
//! Every region takes every message and logs it for itself; it posts to its own members. Service times are those of
//! `capacity`. The invariant: a region without members pays for the queue, the log and a look at its audience all
//! the same.

use sorl_core::limits::{BATCH_MAX, PRESENCE_AUDIENCE_MAX, SLICE_CONNECTIONS_MAX};

use super::actions::LOG_ROW_BYTES;
use super::batches::{Batches, frame_bytes};
use super::load::Load;
use super::meter::{self, GB, Meter, Usage};
use crate::capacity::figures::{ROW_BYTES, SLICE_CONNECTION_BYTES};
use crate::capacity::{Lane, Service};

/// What SNS's notification adds to a message, its quotes escaped: as `sorl dev` writes it, with a signature as long as
/// AWS's. (`capacity` reckons with an upper bound.)
pub(super) const NOTIFICATION_BYTES: f64 = 930.0;
/// A frame that tells a join or a leave, and its record.
pub(super) const PRESENCE_BYTES: f64 = 130.0;

/// A day of delivery in one region.
#[derive(Debug, Default)]
pub(super) struct Delivery {
    pub(super) usage: Usage,
    /// Invocations of `deliver`, each a line of its log.
    pub(super) invocations: f64,
    /// Seconds that they run.
    pub(super) seconds: f64,
}

/// Bytes of the record that brings so many bytes: SNS's notification is around them.
pub(super) fn record_bytes(bytes: f64) -> f64 {
    bytes + NOTIFICATION_BYTES
}

/// A day in the region that has this part of the members, and so many regions before it in the configuration.
pub(super) fn day(load: &Load, service: &Service, batches: &Batches, share: f64, before: usize) -> Delivery {
    let mut delivery = Delivery::default();
    let records = load.messages + load.presence_records();
    let invocations = records / batches.records;
    let audience = load.audience * share;
    let inline = audience.min(f64::from(service.inline_max));
    let reads_for = load.messages / batches.per_channel;
    let usage = &mut delivery.usage;

    // A record is sent by SNS, received in its batch, and deleted with it.
    usage.add(Meter::QueueRequests, records * meter::requests(record_bytes(load.bytes)));
    let received = meter::requests(batches.records * record_bytes(load.bytes));
    let deleted = (batches.records / BATCH_MAX as f64).ceil();
    usage.add(Meter::QueueRequests, invocations * (received + deleted));
    if load.keeps_history() {
        usage.add(Meter::TableWrites, load.messages * meter::writes(load.bytes + LOG_ROW_BYTES));
    }
    usage.add(Meter::TableReads, reads_for * audience_reads(audience, service));
    post(usage, load.messages * audience / batches.per_post, frame_bytes(load.bytes, batches.per_post));
    presence(&mut delivery, load, share, before);
    delivery.invocations += invocations;
    let posts = load.messages * inline / batches.per_post / invocations.max(f64::MIN_POSITIVE);
    delivery.seconds += invocations * live_s(service, batches.records, posts);
    slices(&mut delivery, load, service, batches, audience - inline);
    delivery
}

/// Read units of a whole audience, each shard of it read strongly consistent.
fn audience_reads(audience: f64, service: &Service) -> f64 {
    let shards = f64::from(service.shards);
    shards * meter::reads(audience / shards * ROW_BYTES)
}

fn post(usage: &mut Usage, posts: f64, bytes: f64) {
    usage.add(Meter::GatewayMessages, posts * meter::gateway_messages(bytes));
    usage.add(Meter::TransferToInternet, posts * bytes / GB);
}

/// Joins and leaves: the members of the regions before are counted, the own ones read and told.
fn presence(delivery: &mut Delivery, load: &Load, share: f64, before: usize) {
    let events = load.presence_records();
    let counted = load.regions.iter().take(before).map(|place| place.share);
    let counted: f64 = counted.map(|share| 0.5 * meter::reads(load.audience * share * ROW_BYTES)).sum();
    let own = meter::reads(load.audience * share * ROW_BYTES);
    delivery.usage.add(Meter::TableReads, events * (counted + own));
    let told = load.audience.min(PRESENCE_AUDIENCE_MAX as f64) * share;
    post(&mut delivery.usage, events * told, PRESENCE_BYTES);
}

/// What goes through `bulk`: each slice is sent, received and deleted, and posted by an invocation that keeps its pace.
fn slices(delivery: &mut Delivery, load: &Load, service: &Service, batches: &Batches, members: f64) {
    if members <= 0.0 {
        return;
    }
    let times = load.messages / batches.per_channel;
    let slices = (members / SLICE_CONNECTIONS_MAX as f64).ceil();
    let bytes = members * SLICE_CONNECTION_BYTES as f64 + slices * batches.per_channel * load.bytes;
    let bulk = &service.mappings.bulk;
    let together = (slices / f64::from(bulk.concurrency)).clamp(1.0, f64::from(bulk.batch));
    let invocations = times * slices / together;
    let deleted = (together / BATCH_MAX as f64).ceil();
    let requests = 2.0 * (bytes / 65_536.0).max(slices);
    delivery.usage.add(Meter::QueueRequests, times * requests + invocations * deleted);
    // A batch of slices of one channel is one job: each of their connections gets one frame.
    let posts = load.messages * members / batches.per_post;
    delivery.invocations += invocations;
    delivery.seconds += posts / service.lane_rate(Lane::Bulk) + invocations * post_s(service);
}

/// How long an invocation of `live` runs: the log, the audience, and the posts.
pub(super) fn live_s(service: &Service, records: f64, posts: f64) -> f64 {
    let times = &service.times;
    let posting = if posts > 0.0 { post_s(service) + posts / service.lane_rate(Lane::Live) } else { 0.0 };
    times.log_s + times.query_s + records * times.record_cpu_s / service.cpus + posting
}

/// The mean of a post's latency.
fn post_s(service: &Service) -> f64 {
    service.times.post_latency_s * (service.times.post_latency_sigma.powi(2) / 2.0).exp()
}

#[cfg(test)]
mod tests {
    use super::super::load::tests::load;
    use super::*;

    const ALONE: Batches = Batches { records: 1.0, per_channel: 1.0, per_post: 1.0 };

    fn used(load: &Load, batches: &Batches, share: f64) -> Usage {
        day(load, &Service::deployed(), batches, share, 0).usage
    }

    #[test]
    fn a_message_is_logged_read_for_and_posted() {
        let usage = used(&load(), &ALONE, 1.0);
        // 10,000 messages: sent, received, deleted; one row of up to 1 KB; ten members in one read; ten posts.
        assert_eq!(usage.of(Meter::QueueRequests), 30_000.0);
        assert_eq!(usage.of(Meter::TableWrites), 10_000.0);
        assert_eq!(usage.of(Meter::TableReads), 10_000.0);
        assert_eq!(usage.of(Meter::GatewayMessages), 100_000.0);
    }

    #[test]
    fn ten_in_a_frame_are_a_tenth_of_the_posts_reads_and_receives() {
        let ten = Batches { records: 10.0, per_channel: 10.0, per_post: 10.0 };
        let usage = used(&load(), &ten, 1.0);
        assert_eq!(usage.of(Meter::GatewayMessages), 10_000.0);
        assert_eq!(usage.of(Meter::TableReads), 1_000.0);
        assert_eq!(usage.of(Meter::QueueRequests), 12_000.0);
        assert_eq!(usage.of(Meter::TableWrites), 10_000.0, "each is logged for itself");
    }

    #[test]
    fn a_region_without_members_looks_all_the_same() {
        let usage = used(&load(), &ALONE, 0.0);
        assert_eq!((usage.of(Meter::TableReads), usage.of(Meter::GatewayMessages)), (10_000.0, 0.0));
        assert_eq!(usage.of(Meter::TableWrites), 10_000.0);
    }

    #[test]
    fn a_mass_audience_goes_through_slices() {
        let mass = Load { messages: 1.0, audience: 100_000.0, users: 100_000.0, ..load() };
        let delivery = day(&mass, &Service::deployed(), &ALONE, 1.0, 0);
        // 192 bytes a row: 4,688 units, which the tables counted as 4,700.
        assert_eq!(delivery.usage.of(Meter::TableReads), 4_688.0);
        assert_eq!(delivery.usage.of(Meter::GatewayMessages), 100_000.0);
        // 99 slices in batches of ten, and the one invocation of live.
        assert!((delivery.invocations - (1.0 + 9.9)).abs() < 1e-9, "{}", delivery.invocations);
        // A quarter of 8,000 posts a second each: 99,000 posts are 49.5 s of Lambda.
        assert!((49.0..52.0).contains(&delivery.seconds), "{}", delivery.seconds);
    }

    #[test]
    fn joins_and_leaves_are_told_to_the_members() {
        let told = Load { join_leave: true, messages: 0.0, ..load() };
        // 5,000 connections a day: as many joins, as many leaves, each to ten members.
        assert_eq!(used(&told, &ALONE, 1.0).of(Meter::GatewayMessages), 100_000.0);
    }
}
