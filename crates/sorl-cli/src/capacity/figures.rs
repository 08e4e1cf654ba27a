//! Service times: what a piece of work costs `deliver`, and how long AWS takes to answer.
//!
//! The first part was measured, on one core of a 2-core machine; `make bench` prints today's figures. The second part
//! AWS does not publish: these are assumptions, marked as such wherever they are printed.

/// Where the measured ones come from.
pub(crate) const MEASURED: &str = "measured: `make bench ONLY=\"fan_out growth mass_channel cold_start\"`, one core of an AMD EPYC, with TLS";
/// Where the measured ones of the embedded service come from.
pub(crate) const MEASURED_EMBEDDED: &str = "measured: `make bench ONLY=\"saturation growth_embedded\"`";
/// What nobody has measured or published.
pub(crate) const ASSUMED: &str = "assumption";

/// CPU of one post: signing, encrypting, writing, reading the answer.
pub(crate) const POST_CPU_S: f64 = 25e-6;
/// CPU of one row of an audience page.
pub(crate) const ROW_CPU_S: f64 = 1.5e-6;
/// CPU of one record: parsing, its row of the log, its frame, the query of its channel.
pub(crate) const RECORD_CPU_S: f64 = 170e-6;
/// CPU of one connection of a slice, written by one invocation or read by the next.
pub(crate) const SLICE_CPU_S: f64 = 2e-6;
/// From the start of a new Lambda environment's process to its first poll.
pub(crate) const INIT_S: f64 = 0.003;

/// CPU of one post over a socket of the embedded service, everything of it.
pub(crate) const EMBEDDED_POST_CPU_S: f64 = 9e-6;
/// CPU of one row of an audience in memory.
pub(crate) const EMBEDDED_ROW_CPU_S: f64 = 0.5e-6;
/// CPU of one record of the embedded service, the client's publish included.
pub(crate) const EMBEDDED_RECORD_CPU_S: f64 = 45e-6;

/// From SNS's acknowledgement until the record can be received from the queue.
pub(crate) const ACCEPT_S: f64 = 0.030;
/// From a slice's acknowledgement until it can be received.
pub(crate) const SEND_S: f64 = 0.010;
/// One receive of an event source mapping, and the invocation of a Lambda that is warm.
pub(crate) const POLL_S: f64 = 0.015;
/// What Lambda adds to [`INIT_S`] before a new environment runs.
pub(crate) const ENVIRONMENT_S: f64 = 0.100;
/// One write of up to 25 rows of the log.
pub(crate) const LOG_S: f64 = 0.008;
/// A query's first byte.
pub(crate) const QUERY_S: f64 = 0.006;
/// What a full page of 1 MB takes beyond that.
pub(crate) const PAGE_S: f64 = 0.020;
/// Median of a post's latency.
pub(crate) const POST_LATENCY_S: f64 = 0.020;
/// Its spread, the sigma of a lognormal: 0.5 puts the 99th percentile at 3.2 medians.
pub(crate) const POST_LATENCY_SIGMA: f64 = 0.5;
/// A row of the registry: 100,000 of them cost 4,700 read units.
pub(crate) const ROW_BYTES: f64 = 192.0;
/// How long another Lambda takes for a frame or a handshake of a client.
pub(crate) const COMMAND_S: f64 = 0.020;
/// What a message adds as a record: SNS's notification around it.
pub(crate) const NOTIFICATION_BYTES: u64 = 1_200;
/// A connection named in a slice.
pub(crate) const SLICE_CONNECTION_BYTES: u64 = 180;
