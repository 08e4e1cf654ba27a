//! What `load` and `probe` have in common: who listens, who publishes, which files they may open, and Ctrl-C.
//!
//! Not what is counted, nor how it is drawn (`picture`). The invariant: publish and arrival of a message are read
//! from one clock, this process's own, so no latency depends on two machines agreeing on the time.

mod mark;
mod member;
mod open_files;
mod speaker;
mod stop;

use std::time::Duration;

pub(crate) use mark::{Mark, run_name};
pub(crate) use member::Member;
pub(crate) use open_files::allow as allow_open_files;
pub(crate) use speaker::{Speaker, Via};
pub(crate) use stop::Stop;

/// Microseconds, as they are kept in atomics and histograms.
pub(crate) fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}
