//! What AWS would put on its bill for what happens here: units of tables, requests of topics and queues, minutes.
//!
//! Counted by AWS's rules from the rows and texts that really pass, for whoever wants to recount a forecast
//! (`sorl cost`). Not prices, and not what costs AWS nothing. The invariant: counting changes nothing; every call goes
//! through as it is and is answered as it was.

mod ports;
mod rows;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use sorl_core::ports::RecordSource;
use sorl_core::region::Region;

pub use ports::Metered;

/// Bytes of a request as SNS and SQS meter it.
const REQUEST_BYTES: usize = 65_536;
/// Bytes of a message as API Gateway meters it.
const MESSAGE_BYTES: usize = 32_768;
/// Entries of one request to a queue.
const BATCH: usize = sorl_core::limits::BATCH_MAX;

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct In {
    region: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Units {
    region: String,
    table: &'static str,
    kind: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Of {
    region: String,
    queue: &'static str,
}

/// An eventually consistent read costs half a unit.
type Fractions = Counter<f64, AtomicU64>;

/// The counters of all regions.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    units: Family<Units, Fractions>,
    topic_requests: Family<In, Counter>,
    queue_requests: Family<Of, Counter>,
    queue_records: Family<Of, Counter>,
    queue_bytes: Family<Of, Counter>,
    batches: Family<Of, Counter>,
    reply_messages: Family<In, Counter>,
    reply_bytes: Family<In, Counter>,
    connection_seconds: Family<In, Fractions>,
}

impl Counters {
    /// Registers them.
    pub(crate) fn new(r: &mut Registry) -> Self {
        let counters = Self::default();
        let Self { units, topic_requests, queue_requests, .. } = &counters;
        r.register(
            "table_units",
            "Request units of a table, its index included, replicas not",
            units.clone(),
        );
        r.register("topic_requests", "Publishes as SNS meters them, 64 KB each", topic_requests.clone());
        r.register("queue_requests", "Requests as SQS meters them, 64 KB each", queue_requests.clone());
        r.register("queue_records", "Records received for the first time", counters.queue_records.clone());
        r.register("queue_bytes", "Bytes of them", counters.queue_bytes.clone());
        r.register("batches", "Invocations of deliver", counters.batches.clone());
        r.register("reply_messages", "Replies, 32 KB each", counters.reply_messages.clone());
        r.register("reply_bytes", "Bytes in them", counters.reply_bytes.clone());
        r.register(
            "connection_seconds",
            "How long connections that ended were open",
            counters.connection_seconds.clone(),
        );
        counters
    }

    /// Those of one region, looked up once.
    pub(crate) fn of(&self, region: &Region) -> Arc<Tab> {
        let region = region.as_str();
        let within = In { region: region.to_owned() };
        let units =
            |table, kind| self.units.get_or_create(&Units { region: region.to_owned(), table, kind }).clone();
        let lane = |family: &Family<Of, Counter>| {
            let of = |queue| family.get_or_create(&Of { region: region.to_owned(), queue }).clone();
            Lanes { live: of("live"), bulk: of("bulk") }
        };
        Arc::new(Tab {
            member_reads: units("connections", "read"),
            member_writes: units("connections", "write"),
            log_reads: units("messages", "read"),
            log_writes: units("messages", "write"),
            topic_requests: self.topic_requests.get_or_create(&within).clone(),
            queue_requests: lane(&self.queue_requests),
            queue_records: lane(&self.queue_records),
            queue_bytes: lane(&self.queue_bytes),
            batches: lane(&self.batches),
            reply_messages: self.reply_messages.get_or_create(&within).clone(),
            reply_bytes: self.reply_bytes.get_or_create(&within).clone(),
            connection_seconds: self.connection_seconds.get_or_create(&within).clone(),
        })
    }
}

/// One of a thing for each queue.
#[derive(Debug)]
struct Lanes {
    live: Counter,
    bulk: Counter,
}

impl Lanes {
    const fn of(&self, source: RecordSource) -> &Counter {
        match source {
            RecordSource::Live => &self.live,
            RecordSource::Bulk => &self.bulk,
        }
    }
}

/// What one region has used.
#[derive(Debug)]
pub struct Tab {
    member_reads: Fractions,
    member_writes: Fractions,
    log_reads: Fractions,
    log_writes: Fractions,
    topic_requests: Counter,
    queue_requests: Lanes,
    queue_records: Lanes,
    queue_bytes: Lanes,
    batches: Lanes,
    reply_messages: Counter,
    reply_bytes: Counter,
    connection_seconds: Fractions,
}

impl Tab {
    /// Texts were published together.
    pub(crate) fn published(&self, bytes: usize) {
        self.topic_requests.inc_by(metered(bytes, REQUEST_BYTES));
    }

    /// A batch was received for an invocation of `deliver`: so many bytes, and those of each record that came for
    /// the first time, which somebody had sent.
    pub(crate) fn received(&self, source: RecordSource, bytes: usize, sent: impl Iterator<Item = usize>) {
        self.batches.of(source).inc();
        self.queue_requests.of(source).inc_by(metered(bytes, REQUEST_BYTES));
        for bytes in sent {
            self.queue_requests.of(source).inc_by(metered(bytes, REQUEST_BYTES));
            self.queue_records.of(source).inc();
            self.queue_bytes.of(source).inc_by(count(bytes));
        }
    }

    /// So many records of a batch were deleted.
    pub(crate) fn deleted(&self, source: RecordSource, records: usize) {
        self.queue_requests.of(source).inc_by(count(records.div_ceil(BATCH)));
    }

    /// A frame was answered.
    pub(crate) fn replied(&self, bytes: usize) {
        self.reply_messages.inc_by(metered(bytes, MESSAGE_BYTES));
        self.reply_bytes.inc_by(count(bytes));
    }

    /// A connection ended.
    pub(crate) fn ended(&self, open: Duration) {
        self.connection_seconds.inc_by(open.as_secs_f64());
    }
}

/// What is begun is metered whole, and nothing is metered as something.
fn metered(bytes: usize, unit: usize) -> u64 {
    count(bytes.div_ceil(unit).max(1))
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tab() -> Arc<Tab> {
        Counters::default().of(&Region::parse("eu-north-1").unwrap())
    }

    #[test]
    fn requests_are_metered_by_64_kilobytes() {
        let tab = tab();
        tab.published(1);
        tab.published(65_537);
        assert_eq!(tab.topic_requests.get(), 3);
    }

    #[test]
    fn a_batch_is_sent_record_by_record_and_received_and_deleted_as_one() {
        let tab = tab();
        tab.received(RecordSource::Live, 3_000, [1_000, 1_000, 1_000].into_iter());
        tab.deleted(RecordSource::Live, 3);
        assert_eq!(tab.queue_requests.live.get(), 3 + 1 + 1);
        assert_eq!((tab.batches.live.get(), tab.batches.bulk.get()), (1, 0));
        tab.deleted(RecordSource::Live, 0);
        assert_eq!(tab.queue_requests.live.get(), 5, "nothing to delete, no request");
    }

    #[test]
    fn a_reply_is_metered_by_32_kilobytes() {
        let tab = tab();
        tab.replied(100);
        tab.replied(100_000);
        assert_eq!((tab.reply_messages.get(), tab.reply_bytes.get()), (1 + 4, 100_100));
    }
}
