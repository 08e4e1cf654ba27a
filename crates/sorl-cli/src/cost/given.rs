//! Everything that the bill takes as given, with where it comes from, as it is printed.
//!
//! Prices tell their own sources (`prices`). The invariant: a number that is neither AWS's word nor measured is called
//! an assumption.

use serde::Serialize;

use super::actions::{LOG_ROW_BYTES, REPLY_BYTES};
use super::deliver::NOTIFICATION_BYTES;
use super::standing::{ACCESS_BYTES, DELIVER_LINE_BYTES, LINE_BYTES, POLLS_A_MINUTE, ROUND_S};
use super::usage::Settings;
use crate::capacity::figures::{ASSUMED, COMMAND_S, ROW_BYTES, SLICE_CONNECTION_BYTES};
use crate::capacity::{Lane, Service};

const PRICING: &str = "AWS: https://aws.amazon.com/api-gateway/pricing/";
const TEMPLATE: &str = "serverless.yml, or the option of that name";
const GLOBAL: &str =
    "AWS: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/V2globaltables_HowItWorks.html";
const CODE: &str = "the handlers and adapters, call by call";

/// One thing taken as given.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Given {
    pub(super) what: String,
    pub(super) source: &'static str,
}

fn given(what: impl Into<String>, source: &'static str) -> Given {
    Given { what: what.into(), source }
}

/// All of it.
pub(super) fn all(settings: Settings<'_>) -> Vec<Given> {
    [time_and_money(), gateway(), rows(), delivery(settings.service, settings), logs(settings)].concat()
}

fn time_and_money() -> Vec<Given> {
    vec![
        given(
            format!("a month has {} days; no free tier, no discount, no tax", super::MONTH_DAYS),
            "this program",
        ),
        given(
            "users and traffic are spread evenly over the hours of traffic, so nothing meets that a busy hour would bring together",
            ASSUMED,
        ),
        given("nobody is throttled, gone or slow: no retries", ASSUMED),
    ]
}

fn gateway() -> Vec<Given> {
    vec![
        given(
            "frames from clients, replies and posts to @connections are messages, each begun 32 KB one",
            PRICING,
        ),
        given("a handshake, a close and DELETE @connections are no messages", ASSUMED),
        given(
            "a client's ping is a frame and a reply, so two messages; pings of the WebSocket protocol itself are none",
            ASSUMED,
        ),
        given(
            "frames to clients are data out to the internet; what TLS and headers add is left out",
            ASSUMED,
        ),
        given(
            "a client replaces its connection after 116.25 min and pings after 9 min without a frame",
            "the clients",
        ),
        given(format!("a reply without messages has {REPLY_BYTES} bytes"), ASSUMED),
    ]
}

fn rows() -> Vec<Given> {
    vec![
        given("what each action reads, writes, publishes and invokes", CODE),
        given(
            "a write to the connections table is a write in every region, and one of the index in every region",
            GLOBAL,
        ),
        given(
            "a query that finds nothing costs one unit, half of one where it is eventually consistent",
            "AWS: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html",
        ),
        given(
            format!("a row of the connections table has {ROW_BYTES} bytes"),
            "measured: 4,700 read units for 100,000 rows",
        ),
        given(format!("a row of the log has {LOG_ROW_BYTES} bytes besides its message"), CODE),
        given(
            "when a connection ends, the index shows its other rows and no longer its first; expired rows cost nothing",
            ASSUMED,
        ),
    ]
}

fn delivery(service: &Service, settings: Settings<'_>) -> Vec<Given> {
    let (small, large) = settings.memory_gb;
    let live = &service.mappings.live;
    vec![
        given(
            format!(
                "a record has {NOTIFICATION_BYTES} bytes besides its message, a connection {SLICE_CONNECTION_BYTES} in a slice"
            ),
            "measured: sorl dev",
        ),
        given("what SNS sends to a queue is a request of that queue", ASSUMED),
        given(
            format!("{POLLS_A_MINUTE} empty polls a minute and queue, two queues, busy or not"),
            "five pollers that wait 20 s each",
        ),
        given(
            format!(
                "live: batches of {}, window {} s, {} at once; {} shards",
                live.batch, live.window_s, live.concurrency, service.shards
            ),
            TEMPLATE,
        ),
        given(
            format!("functions that clients wait for: {:.0} ms and {small} GB each", COMMAND_S * 1e3),
            ASSUMED,
        ),
        given(
            format!(
                "deliver, {large} GB: its log, its queries and its posts at {:.0}/s an invocation, of slices at {:.0}/s",
                service.lane_rate(Lane::Live),
                service.lane_rate(Lane::Bulk)
            ),
            "sorl capacity",
        ),
    ]
}

fn logs(settings: Settings<'_>) -> Vec<Given> {
    vec![
        given(
            format!(
                "log lines: {LINE_BYTES} bytes an invocation, {DELIVER_LINE_BYTES} of deliver, {ACCESS_BYTES} a frame in, \
                 handshake or close; kept for {} days, uncompressed",
                settings.log_days
            ),
            ASSUMED,
        ),
        given(
            "alarms, metrics, secret and point-in-time recovery of the log",
            "infra/*.yml; docs/metrics.md",
        ),
        given(
            if settings.canary {
                format!(
                    "a canary a region: a client a minute for {ROUND_S} s, its function, its alarm, two metrics"
                )
            } else {
                "no canary".to_owned()
            },
            TEMPLATE,
        ),
        given(
            "not counted: init of new Lambda environments, reads of the secret, late marks, Route 53, which the templates do not have",
            "this program",
        ),
    ]
}
