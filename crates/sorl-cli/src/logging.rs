//! Logs: one structured line per outcome, on stderr, so that stdout holds results only.
//!
//! Invariant: a library never says more than `info`, whatever is asked for, because below it they print what they send
//! and receive, tokens and messages included.

use std::io::IsTerminal as _;

use clap::Args;
use tracing::{Level, Metadata};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::fmt::Subscriber;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::exit::Misuse;

/// What is logged, and how.
#[derive(Debug, Args)]
pub(crate) struct Flags {
    /// What to log, such as `debug` or `sorl_local=trace,warn`
    #[arg(long, global = true, env = "RUST_LOG", hide_env_values = true, value_name = "FILTER")]
    log: Option<String>,
    /// Log JSON, one object a line
    #[arg(long, global = true)]
    log_json: bool,
}

/// Starts logging. A service tells what it does; a command only what goes wrong.
pub(crate) fn start(flags: &Flags, service: bool) -> anyhow::Result<()> {
    let usual = if service { "info" } else { "warn" };
    let filter = flags.log.as_deref().filter(|filter| !filter.is_empty()).unwrap_or(usual);
    let filter = EnvFilter::try_new(filter)
        .map_err(|fault| Misuse(format!("--log {filter}: {fault}; write a level such as info or debug")))?;
    let logs = Subscriber::builder()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        // A line that standard error does not take is lost; told there, the failure would be a panic of who logged.
        .log_internal_errors(false)
        .with_ansi(std::io::stderr().is_terminal());
    if flags.log_json {
        logs.json().flatten_event(true).finish().with(filter_fn(is_told)).try_init()?;
    } else {
        logs.finish().with(filter_fn(is_told)).try_init()?;
    }
    Ok(())
}

fn is_told(what: &Metadata<'_>) -> bool {
    let is_ours =
        what.target() == "sorl" || what.target().starts_with("sorl::") || what.target().starts_with("sorl_");
    is_ours || *what.level() <= Level::INFO
}
