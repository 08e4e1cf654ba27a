//! `deliver`: a batch of records becomes posts to the audience in this region.

use crate::config::Site;
use crate::ports::{Bus, Clock, Gateway, Log, Queue, RecordSource, Registry};
use crate::time::Timestamp;

/// What `deliver` may touch.
#[derive(Clone, Copy)]
pub struct Ports<'a> {
    /// query, put (blocks), delete.
    pub registry: &'a dyn Registry,
    /// put.
    pub log: &'a dyn Log,
    /// publish to `relay` (leaves).
    pub bus: &'a dyn Bus,
    /// send to `bulk` and to the dead letters.
    pub queue: &'a dyn Queue,
    /// POST and DELETE.
    pub gateway: &'a dyn Gateway,
    /// The time.
    pub clock: &'a dyn Clock,
}

/// One record of a queue, as it was handed out.
#[derive(Debug, Clone)]
pub struct Record {
    /// By which the queue knows it: SQS's message id.
    pub id: String,
    /// Which queue.
    pub source: RecordSource,
    /// An SNS notification (`live`) or a slice (`bulk`).
    pub body: String,
}

/// What came of a batch.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Ids of the records that the queue must hand out again; all others are done with.
    pub failed: Vec<String>,
    /// What was done, for metrics and the log line.
    pub counts: Counts,
}

/// What one invocation did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Messages taken from the batch (not presence, not control).
    pub messages: u64,
    /// Posts that were answered 2xx.
    pub posts: u64,
    /// Messages in them, each counted for each connection.
    pub deliveries: u64,
    /// Bytes in them.
    pub bytes: u64,
    /// Connections found gone.
    pub gone: u64,
    /// Posts answered 429.
    pub throttled: u64,
    /// Posts that failed otherwise.
    pub unanswered: u64,
    /// Slices sent.
    pub slices: u64,
    /// Late marks written.
    pub marks: u64,
    /// Connections closed because they do not read.
    pub closed_slow: u64,
    /// Dead letters.
    pub dead_letters: u64,
}

/// Delivers a batch. `deadline` is when the invocation must have answered.
pub async fn deliver(_records: &[Record], _ports: Ports<'_>, _site: &Site, _deadline: Timestamp) -> Report {
    Report::default()
}
