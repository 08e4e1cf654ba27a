//! What each handler's outcome counts: the one translation, for `sorl dev` and the Lambdas alike.
//!
//! Not when to count: that is whoever runs the handler. Slices are left out of latencies: retries and remainders would
//! say how long a client did not read.

use std::time::Duration;

use sorl_core::authorize::AuthorizeError;
use sorl_core::command::Answer;
use sorl_core::connect::ConnectError;
use sorl_core::deliver::{Accepted, Counts, Report};
use sorl_core::error::ErrorCode;
use sorl_core::protocol::Action;
use sorl_core::time::Timestamp;

use crate::catalogue as metric;
use crate::samples::Samples;

/// `authorize` came to this.
#[must_use]
pub fn authorize<T>(outcome: &Result<T, AuthorizeError>) -> Samples {
    match outcome {
        Ok(_) => Samples::default(),
        Err(AuthorizeError::Unavailable(_)) => refused("unavailable"),
        Err(AuthorizeError::Unauthorized(_)) => refused("unauthorized"),
        Err(AuthorizeError::ForeignOrigin(_)) => refused("foreign_origin"),
    }
}

/// `connect` came to this.
#[must_use]
pub fn connect(outcome: &Result<(), ConnectError>) -> Samples {
    match outcome {
        Ok(()) => {
            let mut samples = Samples::default();
            samples.count(&metric::CONNECTIONS_OPENED, &[], 1);
            samples
        }
        Err(ConnectError::Blocked) => refused("blocked"),
        Err(ConnectError::Crowded) => refused("too_many_connections_of_user"),
        Err(ConnectError::Unavailable(_)) => refused("unavailable"),
    }
}

/// A handshake was refused; the reason is a class.
#[must_use]
pub fn refused(reason: &str) -> Samples {
    let mut samples = Samples::default();
    samples.count(&metric::HANDSHAKES_REFUSED, &[reason], 1);
    samples
}

/// A connection ended.
#[must_use]
pub fn disconnect(reason: &str) -> Samples {
    let mut samples = Samples::default();
    samples.count(&metric::CONNECTIONS_CLOSED, &[reason], 1);
    samples
}

/// `command` answered this.
#[must_use]
pub fn command(answer: &Answer) -> Samples {
    let mut samples = Samples::default();
    let error = answer.error.map_or("none", ErrorCode::as_str);
    samples.count(&metric::COMMANDS, &[answer.action, error], 1);
    if answer.action == Action::Publish.as_str() && answer.error.is_none() {
        samples.count(&metric::ACCEPTED, &["websocket"], 1);
    }
    samples
}

/// SNS accepted messages of an external publisher.
#[must_use]
pub fn accepted_by_sns(count: usize) -> Samples {
    let mut samples = Samples::default();
    samples.count(&metric::ACCEPTED, &["sns"], u64::try_from(count).unwrap_or(u64::MAX));
    samples
}

/// `deliver` did this with a batch, and it was over at `ended`.
#[must_use]
pub fn deliver(report: &Report, ended: Timestamp) -> Samples {
    let mut samples = counts(&report.counts);
    let failed = u64::try_from(report.failed.len()).unwrap_or(u64::MAX);
    samples.count(&metric::RECORDS_FAILED, &[], failed);
    for class in &report.buried {
        samples.count(&metric::DEAD_LETTERS, &[class.as_str()], 1);
    }
    for Accepted { origin, at } in &report.accepted {
        samples.observe(&metric::DELIVERY_SECONDS, &[origin.as_str()], ended.since(*at).as_secs_f64());
    }
    samples
}

/// A canary's round came to this: how long it took, if it got through.
#[must_use]
pub fn canary(took: Option<Duration>) -> Samples {
    let mut samples = Samples::default();
    samples.count(&metric::CANARY_OK, &[], u64::from(took.is_some()));
    if let Some(took) = took {
        samples.observe(&metric::CANARY_SECONDS, &[], took.as_secs_f64());
    }
    samples
}

fn counts(counts: &Counts) -> Samples {
    let mut samples = Samples::default();
    for (metric, count) in [
        (&metric::MESSAGES, counts.messages),
        (&metric::AUDIENCES, counts.audiences),
        (&metric::AUDIENCE_MEMBERS, counts.audience_members),
        (&metric::POSTS, counts.posts),
        (&metric::DELIVERED, counts.deliveries),
        (&metric::PRESENCE_POSTS, counts.presence_posts),
        (&metric::POSTED_BYTES, counts.bytes),
        (&metric::UNANSWERED, counts.unanswered),
        (&metric::FORBIDDEN, counts.forbidden),
        (&metric::RETRIES, counts.retries),
        (&metric::SLICES, counts.slices),
        (&metric::MARKS, counts.marks),
        (&metric::GONE, counts.gone),
        (&metric::CLOSED_SLOW, counts.closed_slow),
    ] {
        samples.count(metric, &[], count);
    }
    let own = counts.throttled.saturating_sub(counts.throttled_account);
    samples.count(&metric::THROTTLED, &["connection"], own);
    samples.count(&metric::THROTTLED, &["account"], counts.throttled_account);
    samples
}
