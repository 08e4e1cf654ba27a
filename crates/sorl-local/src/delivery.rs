//! The loops that run `deliver` over each region's queues, and the one that moves what is due.
//!
//! Not the queues (`queue`) and not the delivery (`sorl_core::deliver`). Invariant: every record that was
//! received is either deleted, because its invocation reported it done, or released.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::FutureExt;
use sorl_core::deliver::{Counts, Record, Report, deliver};
use sorl_core::envelope::Slice;
use sorl_core::limits::{BATCH_MAX, DELIVER_MAX};
use sorl_core::ports::{DeadLetter, Partial, Queue, Unavailable};
use sorl_host::pace::{Pace, Paced};
use sorl_host::witness::message_ids;
use sorl_metrics::outcomes;
use tokio::sync::Mutex;

use crate::queue::{Received, RecordQueue, retry_delay};
use crate::stage::{Stage, Station};
use crate::witness::Watch;

/// Invocations of `deliver` side by side for a region's live queue: one that waits for a slow client must not
/// hold up the others, and more than a few only share the same cores.
const LIVE_INVOCATIONS: usize = 4;
/// The same for slices: less, so that mass traffic leaves room for live traffic.
const BULK_INVOCATIONS: usize = 2;
/// Slices in one invocation. Each is a thousand posts already; ten of them would be read and sorted in one go, on a
/// thread that live traffic waits for.
const BULK_BATCH_MAX: usize = 1;
/// How long a batch that is not full keeps the next one of its queue from beginning, so that records gather
/// instead of starting an invocation each; a full one never does.
const GATHER_MAX: Duration = Duration::from_millis(5);
/// What an invocation has beyond its deadline before it counts as dead, as a Lambda would be.
const OVERTIME: Duration = Duration::from_secs(5);
/// The longest sleep of the loop that moves what is due.
const TICK_MAX: Duration = Duration::from_millis(500);

/// What the loops of one queue of a region share.
#[derive(Clone)]
struct Source {
    queue: RecordQueue,
    /// Records an invocation is given.
    batch_max: usize,
    /// Who receives next, so that records gather instead of starting one invocation each; slices are batches already.
    turn: Option<Arc<Mutex<()>>>,
    /// How fast slices are posted.
    pace: Option<Arc<Pace>>,
}

/// Starts all loops; they end once the stage stops.
pub(crate) fn start(stage: &Arc<Stage>) {
    for station in stage.stations.values() {
        let pace = Pace::per_second(station.site().config.delivery.bulk_rate());
        let live = Source {
            queue: station.place.live.clone(),
            batch_max: BATCH_MAX,
            turn: Some(Arc::default()),
            pace: None,
        };
        let bulk = Source {
            queue: station.place.bulk.clone(),
            batch_max: BULK_BATCH_MAX,
            turn: None,
            pace: Some(Arc::new(pace)),
        };
        for (source, invocations) in [(live, LIVE_INVOCATIONS), (bulk, BULK_INVOCATIONS)] {
            for _ in 0..invocations {
                stage.tasks.deliveries.spawn(receive(Arc::clone(station), source.clone()));
            }
        }
    }
    // Not among the deliveries: what is due must move until the last of them is done.
    stage.tasks.ticking.spawn(tick(Arc::clone(stage)));
}

/// Moves what is due, when it is due.
async fn tick(stage: Arc<Stage>) {
    loop {
        let now = stage.clock.now();
        stage.world.tick(now);
        let rest = stage.world.next_due().map_or(TICK_MAX, |due| due.since(now).min(TICK_MAX));
        tokio::select! {
            () = tokio::time::sleep(rest) => {}
            () = stage.world.rescheduled() => {}
            () = stage.tasks.stopped.cancelled() => return,
        }
    }
}

/// Receives batch after batch, in turn with the others of the queue, and has each delivered.
async fn receive(station: Arc<Station>, source: Source) {
    let Source { queue, batch_max, turn, pace } = source;
    while !station.tasks.stopping.is_cancelled() {
        let turn = match &turn {
            Some(turn) => Some(turn.lock().await),
            None => None,
        };
        let batch = queue.receive(station.clock.now(), batch_max);
        if batch.is_empty() {
            tokio::select! {
                () = queue.arrived() => {}
                () = station.tasks.stopping.cancelled() => {}
            }
            continue;
        }
        let turn = turn.filter(|_| batch.len() < batch_max);
        let mut invocation = std::pin::pin!(invoke(&station, &queue, batch, pace.as_deref()));
        if tokio::time::timeout(GATHER_MAX, &mut invocation).await.is_err() {
            drop(turn);
            invocation.await;
        }
    }
}

async fn invoke(station: &Station, queue: &RecordQueue, batch: Vec<Received>, pace: Option<&Pace>) {
    let records: Vec<_> = batch.iter().map(|received| received.record.clone()).collect();
    tell_received(station, &batch);
    let watch = Watch::of(station, &batch);
    let report = run(station, &records, pace, watch.as_ref()).await;
    if let Some(watch) = watch {
        watch.tell(&records, &report);
    }
    let now = station.clock.now();
    for Received { record, receipt, receive_count, .. } in batch {
        if report.failed.contains(&record.id) {
            queue.release(receipt, now, retry_delay(receive_count));
        } else {
            queue.delete(receipt);
        }
    }
    station.metrics.take(&station.site().region, &outcomes::deliver(&report, now));
    if let Some(record) = records.first() {
        let done = records.len().saturating_sub(report.failed.len());
        station.metered.tab.deleted(record.source, done);
    }
    tell(station, &records, &report);
}

/// One line an invocation that did anything: a region without members says nothing.
fn tell(station: &Station, records: &[Record], report: &Report) {
    let (site, counts, failed) = (station.site(), &report.counts, report.failed.len());
    let region = &site.region;
    if failed > 0 {
        let which = records.iter().filter(|record| report.failed.contains(&record.id));
        let message_ids = message_ids(which, &site.config.stage);
        tracing::warn!(outcome = "failed", %region, records = records.len(), failed, message_ids, ?counts, "delivery");
    } else if *counts != (Counts { messages: counts.messages, ..Counts::default() }) {
        let Counts { messages, posts, deliveries, gone, throttled, slices, .. } = *counts;
        tracing::info!(
            outcome = "delivered",
            %region,
            records = records.len(),
            messages,
            posts,
            deliveries,
            gone,
            throttled,
            slices,
            "delivery"
        );
    }
}

/// One invocation. Dying, or taking too long, fails every record.
async fn run(
    station: &Station,
    records: &[Record],
    pace: Option<&Pace>,
    watch: Option<&Watch<'_>>,
) -> Report {
    let queue = Yielding(&station.place.queue);
    let deadline = station.clock.now().plus(DELIVER_MAX);
    let mut ports = station.deliver_ports(&queue);
    if let Some(watch) = watch {
        ports.gateway = watch.gateway();
    }
    let paced = pace.map(|pace| Paced { pace, gateway: ports.gateway });
    if let Some(paced) = &paced {
        ports.gateway = paced;
    }
    let handler = deliver(records, ports, station.site(), deadline);
    let outcome =
        tokio::time::timeout(DELIVER_MAX + OVERTIME, AssertUnwindSafe(handler).catch_unwind()).await;
    let died = match outcome {
        Ok(Ok(report)) => return report,
        Ok(Err(_panic)) => "panicked",
        Err(_elapsed) => "timed_out",
    };
    tracing::error!(outcome = died, region = %station.site().region, "delivery");
    Report { failed: records.iter().map(|record| record.id.clone()).collect(), ..Report::default() }
}

/// Counts what SQS meters of a batch: each record as sent when it first comes, and all of them as received.
fn tell_received(station: &Station, batch: &[Received]) {
    let Some(first) = batch.first() else { return };
    let bytes = batch.iter().map(|received| received.record.body.len()).sum();
    let new = batch.iter().filter(|received| received.receive_count == 1);
    station.metered.tab.received(first.record.source, bytes, new.map(|received| received.record.body.len()));
}

/// The region's queue, with others let in after each send.
struct Yielding<'a>(&'a dyn Queue);

#[async_trait]
impl Queue for Yielding<'_> {
    async fn send(&self, slices: &[Slice]) -> Result<(), Partial> {
        let sent = self.0.send(slices).await;
        // In one process nothing of this waits, so a mass audience would be cut page after page in one go, on a
        // thread that live traffic waits for.
        tokio::task::yield_now().await;
        sent
    }

    async fn bury(&self, letter: &DeadLetter) -> Result<(), Unavailable> {
        self.0.bury(letter).await
    }
}
