//! What the tests of this package share: a stage to test against, and the ends of its wires.
//!
//! Everything goes by address, so that the same tests run against `sorl dev` and against a deployed stage.
//! What is not as it should be ends the test with a text that says what came instead.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test stops at the first thing that is not as it should be"
)]

pub mod aws;
pub mod deployed;
pub mod frame;
pub mod http;
pub mod marks;
pub mod names;
pub mod over;
pub mod program;
pub mod provider;
pub mod server;
pub mod sns;
pub mod socket;
pub mod stage;

use std::time::{Duration, Instant};

/// How long a test waits for what must come: far above what it takes, so that only a fault runs into it.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// Looks again and again until `look` finds something.
///
/// # Panics
/// After [`DEADLINE`], with `what` was waited for.
pub async fn eventually<T>(what: &str, look: impl AsyncFnMut() -> Option<T>) -> T {
    within(DEADLINE, what, look).await
}

/// Looks again and again until `look` finds something, for as long as `deadline`.
///
/// # Panics
/// After `deadline`, with `what` was waited for.
pub async fn within<T>(deadline: Duration, what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(started.elapsed() < deadline, "waited {deadline:?} in vain: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
