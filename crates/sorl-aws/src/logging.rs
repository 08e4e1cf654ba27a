//! The log of a Lambda: one JSON object a line, to standard output, each with the request it belongs to.
//!
//! Not what is told: that stands where it happens. The invariant: a library never says more than `info`, whatever
//! level is set, because below it they print what they send and receive, tokens and messages included.

use std::str::FromStr;

use tracing::Metadata;
use tracing_subscriber::filter::{LevelFilter, filter_fn};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::{SubscriberInitExt as _, TryInitError};

/// Reads a level: `error`, `warn`, `info`, `debug` or `trace`.
#[must_use]
pub fn level(name: &str) -> Option<LevelFilter> {
    LevelFilter::from_str(name).ok().filter(|level| *level != LevelFilter::OFF)
}

/// Starts the log.
///
/// # Errors
/// [`TryInitError`] if there is one already.
pub fn start(level: LevelFilter) -> Result<(), TryInitError> {
    let lines = tracing_subscriber::fmt::layer().json().flatten_event(true).with_span_list(false);
    // CloudWatch stamps every line, but a line's own time is when it happened.
    tracing_subscriber::registry().with(lines).with(filter_fn(move |what| is_told(what, level))).try_init()
}

fn is_told(what: &Metadata<'_>, level: LevelFilter) -> bool {
    // The runtime's span holds the request's id, which lines of every level need.
    what.is_span()
        || *what.level() <= if is_ours(what.target()) { level } else { level.min(LevelFilter::INFO) }
}

fn is_ours(target: &str) -> bool {
    const LAMBDAS: [&str; 6] = ["authorize", "connect", "disconnect", "command", "deliver", "canary"];
    target.starts_with("sorl_") || LAMBDAS.contains(&target)
}
