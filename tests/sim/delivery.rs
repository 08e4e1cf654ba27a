//! The queues' event sources: batches handed to `deliver`, sometimes late, out of order, to two at once, to none,
//! or again after they were done with.
//!
//! Not the queues. The invariant is SQS's: a record is deleted only after an invocation reported it done, and
//! what was neither deleted nor released comes again.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join;
use sorl_core::deliver::{Record, Report, deliver};
use sorl_core::limits::{BATCH_MAX, DELIVER_MAX};
use sorl_core::ports::{Clock, RecordSource};
use sorl_local::queue::{Received, RecordQueue, retry_delay};

use crate::station::Station;
use crate::trace::messages_in;
use crate::upgrade;
use crate::weather::MissingSubscription;
use crate::wiring::Lambda;

/// Invocations side by side for a queue of a region.
const INVOCATIONS: usize = 2;
/// When at the latest a record comes again that was done with: longer than a client remembers by time alone.
const REDELIVERED_WITHIN_MS: u64 = 30 * 60_000;

/// Starts the event sources of a region.
pub(crate) fn start(station: &Arc<Station>) {
    for source in [RecordSource::Live, RecordSource::Bulk] {
        for _ in 0..INVOCATIONS {
            station.timeline.spawn(serve(Arc::clone(station), source));
        }
    }
}

async fn serve(station: Arc<Station>, source: RecordSource) {
    let queue = match source {
        RecordSource::Live => station.place.live.clone(),
        RecordSource::Bulk => station.place.bulk.clone(),
    };
    loop {
        let most = 1 + station.chance.below(BATCH_MAX);
        let received = queue.receive(station.timeline.now(), most);
        if received.is_empty() {
            queue.arrived().await;
            continue;
        }
        let batch = hold_back(&station, source, &queue, received);
        if !batch.is_empty() {
            hand_out(&station, &queue, batch).await;
        }
    }
}

/// Puts some of the records back for a while: they come late, and after younger ones.
fn hold_back(
    station: &Station,
    source: RecordSource,
    queue: &RecordQueue,
    received: Vec<Received>,
) -> Vec<Received> {
    let odds = station.weather.odds();
    let most = u64::try_from(odds.delayed_for.as_millis()).unwrap_or(1);
    let missing = station.weather.missing().filter(|missing| missing.to == station.region);
    let missing = missing.filter(|missing| missing.until > station.timeline.now());
    let missing = missing.filter(|_| source == RecordSource::Live);
    let mut batch = Vec::with_capacity(received.len());
    for record in received {
        let now = station.timeline.now();
        if let Some(missing) = missing.as_ref().filter(|missing| misses(missing, &record)) {
            station.weather.count("topic without a subscriber");
            queue.release(record.receipt, now, missing.until.since(now));
        } else if station.weather.strikes("delayed record", odds.delayed) {
            queue.release(record.receipt, now, station.chance.millis(1, most));
        } else {
            // In no particular order.
            batch.insert(station.chance.below(batch.len() + 1), record);
        }
    }
    batch
}

/// Whether a record came by the subscription since it is missing.
fn misses(missing: &MissingSubscription, record: &Received) -> bool {
    let topics = format!(r#""TopicArn" : "arn:aws:sns:{}:"#, missing.from);
    record.queued_at >= missing.since && record.record.body.contains(&topics)
}

async fn hand_out(station: &Arc<Station>, queue: &RecordQueue, batch: Vec<Received>) {
    let odds = station.weather.odds();
    if station.weather.strikes("lost batch", odds.lost_batch) {
        return;
    }
    if station.weather.strikes("visibility expired", odds.overlapping) {
        let rest = station.chance.millis(0, 20_000);
        let (one, other) = (batch.clone(), batch);
        let later = async {
            station.timeline.sleep(rest).await;
            invoke(station, queue, other).await;
        };
        join(invoke(station, queue, one), later).await;
    } else {
        invoke(station, queue, batch).await;
    }
}

async fn invoke(station: &Arc<Station>, queue: &RecordQueue, batch: Vec<Received>) {
    let records: Vec<Record> = batch.iter().map(|received| as_written(station, &received.record)).collect();
    station.trace.note_with(|| handed_out(station, &records));
    let first = records.first().map(|record| record.id.clone()).unwrap_or_default();
    let limit = time_for(station);
    let report =
        station.invoke(Lambda::Deliver, &first, limit, move |station, ports, invocation| async move {
            let deadline = station.clock.now().plus(limit);
            deliver(&records, ports.for_deliver(&*station.clock), invocation.site(), deadline).await
        });
    if let Some(report) = report.await {
        answer_for(station, queue, batch, &report);
    }
}

/// What a Lambda has before it is ended; little, where it was slow to begin.
fn time_for(station: &Station) -> Duration {
    if station.weather.strikes("deadline reached", station.weather.odds().short_of_time) {
        return station.chance.millis(500, 12_000);
    }
    DELIVER_MAX
}

fn handed_out(station: &Station, records: &[Record]) -> String {
    let ids: Vec<_> = records.iter().map(|record| record.id.as_str()).collect();
    let bodies: Vec<_> = records.iter().map(|record| messages_in(&record.body)).collect();
    format!("{} deliver gets {}: {}", station.region, ids.join(" "), bodies.join(" "))
}

fn answer_for(station: &Station, queue: &RecordQueue, batch: Vec<Received>, report: &Report) {
    let now = station.timeline.now();
    for Received { record, receipt, receive_count, .. } in batch {
        if report.failed.contains(&record.id) {
            station.trace.note(format_args!("{} {} failed", station.region, record.id));
            queue.release(receipt, now, retry_delay(receive_count));
        } else if station.weather.strikes("redelivered record", station.weather.odds().redelivered) {
            queue.release(receipt, now, station.chance.millis(1_000, REDELIVERED_WITHIN_MS));
        } else {
            queue.delete(receipt);
        }
    }
}

/// The record, with what a newer version added where it was written.
fn as_written(station: &Station, record: &Record) -> Record {
    let newer = &station.weather.odds().newer;
    if newer.is_empty() {
        return record.clone();
    }
    upgrade::as_written(record.clone(), &station.region, |region| newer.contains(&region))
}
