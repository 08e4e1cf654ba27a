//! The queues' event sources: batches handed to `deliver`, sometimes late, out of order, or to two at once.
//!
//! Not the queues. The invariant is SQS's: a record is deleted only after an invocation reported it done, and
//! what was neither deleted nor released comes again.

use std::sync::Arc;

use futures::future::join;
use sorl_core::deliver::{Record, Report, deliver};
use sorl_core::limits::{BATCH_MAX, DELIVER_MAX};
use sorl_core::ports::{Clock, RecordSource};
use sorl_local::queue::{Received, RecordQueue, retry_delay};

use crate::station::Station;
use crate::trace::messages_in;
use crate::upgrade;
use crate::wiring::Lambda;

/// Invocations side by side for a queue of a region.
const INVOCATIONS: usize = 2;

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
        let batch = hold_back(&station, &queue, received);
        if !batch.is_empty() {
            hand_out(&station, &queue, batch).await;
        }
    }
}

/// Puts some of the records back for a while: they come late, and after younger ones.
fn hold_back(station: &Station, queue: &RecordQueue, received: Vec<Received>) -> Vec<Received> {
    let odds = station.weather.odds();
    let most = u64::try_from(odds.delayed_for.as_millis()).unwrap_or(1);
    let mut batch = Vec::with_capacity(received.len());
    for record in received {
        if station.weather.strikes("delayed record", odds.delayed) {
            queue.release(record.receipt, station.timeline.now(), station.chance.millis(1, most));
        } else {
            // In no particular order.
            batch.insert(station.chance.below(batch.len() + 1), record);
        }
    }
    batch
}

async fn hand_out(station: &Arc<Station>, queue: &RecordQueue, batch: Vec<Received>) {
    if station.weather.strikes("batch handed out twice", station.weather.odds().twice) {
        let (one, other) = (batch.clone(), batch);
        join(invoke(station, queue, one), invoke(station, queue, other)).await;
    } else {
        invoke(station, queue, batch).await;
    }
}

async fn invoke(station: &Arc<Station>, queue: &RecordQueue, batch: Vec<Received>) {
    let records: Vec<Record> = batch.iter().map(|received| as_written(station, &received.record)).collect();
    let about: Vec<_> = records.iter().map(|record| record.id.as_str()).collect();
    let bodies: Vec<_> = records.iter().map(|record| messages_in(&record.body)).collect();
    station.trace.note(format!(
        "{} deliver gets {}: {}",
        station.site.region,
        about.join(" "),
        bodies.join(" ")
    ));
    let name = about.first().map(|id| (*id).to_owned()).unwrap_or_default();
    let report = station.invoke(Lambda::Deliver, &name, DELIVER_MAX, |station, ports, _| async move {
        let deadline = station.clock.now().plus(DELIVER_MAX);
        deliver(&records, ports.for_deliver(&*station.clock), &station.site, deadline).await
    });
    if let Some(report) = report.await {
        answer_for(station, queue, batch, &report);
    }
}

fn answer_for(station: &Station, queue: &RecordQueue, batch: Vec<Received>, report: &Report) {
    for Received { record, receipt, receive_count, .. } in batch {
        if report.failed.contains(&record.id) {
            station.trace.note(format!("{} {} failed", station.site.region, record.id));
            queue.release(receipt, station.timeline.now(), retry_delay(receive_count));
        } else {
            queue.delete(receipt);
        }
    }
}

/// The record, with what a newer version added where it was written.
fn as_written(station: &Station, record: &Record) -> Record {
    let newer = &station.weather.odds().newer;
    upgrade::as_written(record.clone(), &station.site.region, |region| newer.contains(&region))
}
