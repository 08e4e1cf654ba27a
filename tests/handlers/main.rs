//! The handlers over the embedded adapters, one thread, a clock that is told: what the end-to-end tests cannot
//! provoke (403, 413, a queue that takes nothing, a deadline) and the simulation does not name.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test stops at the first thing that is not as it should be"
)]

mod bounds;
mod broken;
mod command;
mod control;
mod deliver;
mod gateway;
mod mass;
mod meanwhile;
mod metrics;
mod order;
mod presence;
mod slices;
mod stage;
