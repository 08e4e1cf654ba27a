//! Everything that the model takes as given, with where it comes from, as it is printed.

use serde::Serialize;
use sorl_core::limits::{DELIVER_MAX, FRAME_OUT_MAX, LATE_AFTER, POSTS_IN_FLIGHT_MAX, SLICE_CONNECTIONS_MAX};

use super::figures::{self, ASSUMED, MEASURED, MEASURED_EMBEDDED};
use super::quotas::{self, source};
use super::service::Service;

const CODE: &str = "Sorl: crates/sorl-core/src/limits.rs";
const TEMPLATE: &str = "Sorl: serverless.yml, or the option of that name";

/// One thing taken as given.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Assumption {
    pub(super) what: &'static str,
    pub(super) value: f64,
    pub(super) unit: &'static str,
    pub(super) source: &'static str,
}

/// All of them, for this service.
pub(super) fn of(service: &Service) -> Vec<Assumption> {
    if service.embedded { embedded(service) } else { deployed(service) }
}

fn given(what: &'static str, value: f64, unit: &'static str, source: &'static str) -> Assumption {
    Assumption { what, value, unit, source }
}

fn deployed(service: &Service) -> Vec<Assumption> {
    [measured(service, MEASURED), answers(service), ours(service), aws(service)].concat()
}

fn embedded(service: &Service) -> Vec<Assumption> {
    let mut all = measured(service, MEASURED_EMBEDDED);
    let cores = service.post_rate * service.times.post_cpu_s;
    all.push(given("cores that the service has to itself", cores, "cores", "the option --cores"));
    all.push(given("audience posted by its own invocation", f64::from(service.inline_max), "members", CODE));
    all.push(given("connections of a slice", SLICE_CONNECTIONS_MAX as f64, "connections", CODE));
    all
}

fn measured(service: &Service, source: &'static str) -> Vec<Assumption> {
    let times = &service.times;
    vec![
        given("CPU of a post", times.post_cpu_s * 1e6, "µs", source),
        given("CPU of a row of an audience", times.row_cpu_s * 1e6, "µs", source),
        given("CPU of a record: parsing, log, frame", times.record_cpu_s * 1e6, "µs", source),
        given("CPU of a connection in a slice", times.slice_cpu_s * 1e6, "µs", source),
    ]
}

fn answers(service: &Service) -> Vec<Assumption> {
    let times = &service.times;
    vec![
        given("a post's latency, median of a lognormal", times.post_latency_s * 1e3, "ms", ASSUMED),
        given("its sigma", times.post_latency_sigma, "", ASSUMED),
        given("from SNS's acknowledgement to the queue", times.accept_s * 1e3, "ms", ASSUMED),
        given("from a slice's acknowledgement to the queue", times.send_s * 1e3, "ms", ASSUMED),
        given("a poll and the invocation of a warm Lambda", times.poll_s * 1e3, "ms", ASSUMED),
        given(
            "a new environment, with its init",
            times.cold_start_s * 1e3,
            "ms",
            "init measured: `make bench ONLY=init`; the rest an assumption",
        ),
        given("a write to the log", times.log_s * 1e3, "ms", ASSUMED),
        given("a query's first byte", times.query_s * 1e3, "ms", ASSUMED),
        given("a full page of 1 MB on top", times.page_s * 1e3, "ms", ASSUMED),
        given(
            "a row of the connections table",
            figures::ROW_BYTES,
            "bytes",
            "measured: 4,700 read units for 100,000 rows",
        ),
        given("a client's request in another Lambda", figures::COMMAND_S * 1e3, "ms", ASSUMED),
    ]
}

fn ours(service: &Service) -> Vec<Assumption> {
    let mappings = &service.mappings;
    vec![
        given(
            "CPUs of an invocation (memory / 1,769 MB)",
            service.cpus,
            "",
            "AWS: https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html",
        ),
        given("batches of live at once, at most", f64::from(mappings.live.concurrency), "", TEMPLATE),
        given("records of a batch, at most", f64::from(mappings.live.batch), "", TEMPLATE),
        given("window of live", f64::from(mappings.live.window_s), "s", TEMPLATE),
        given("batches of bulk at once, at most", f64::from(mappings.bulk.concurrency), "", TEMPLATE),
        given(
            "bulk's share of the post rate, in equal parts for its invocations",
            service.bulk_share,
            "",
            "sorl.toml, or --bulk-share",
        ),
        given("shards of a channel", f64::from(service.shards), "", "sorl.toml, or --shards"),
        given("posts in flight of an invocation", POSTS_IN_FLIGHT_MAX as f64, "", CODE),
        given("audience posted by its own invocation", f64::from(service.inline_max), "members", CODE),
        given("connections of a slice", SLICE_CONNECTIONS_MAX as f64, "", CODE),
        given("a frame", FRAME_OUT_MAX as f64, "bytes", CODE),
        given("an invocation ends after", DELIVER_MAX.as_secs_f64(), "s", CODE),
        given(
            "late slices of a batch look again for their audience after",
            LATE_AFTER.as_secs_f64(),
            "s",
            CODE,
        ),
    ]
}

fn aws(service: &Service) -> Vec<Assumption> {
    vec![
        given("requests/s of the account and region", service.post_rate, "", source::API_GATEWAY),
        given("burst on top", service.post_burst, "", source::API_GATEWAY),
        given(
            "batches at first; 300 more a minute",
            f64::from(quotas::POLLERS_AT_FIRST),
            "",
            source::EVENT_SOURCE,
        ),
        given("payload of an invocation", quotas::INVOCATION_BYTES_MAX as f64, "bytes", source::LAMBDA),
        given(
            "a poller gathers alone; its window begins when its last batch is done",
            1.0,
            "poller",
            source::BATCHING,
        ),
        given("which poller takes a record is a matter of chance", 1.0, "record", ASSUMED),
        given(
            "posts above the account's rate wait; the second that a 429 adds to some of them is left out",
            0.0,
            "s",
            ASSUMED,
        ),
        given("read units/s of a partition", quotas::PARTITION_READS_PER_SECOND, "", source::DYNAMODB),
    ]
}
