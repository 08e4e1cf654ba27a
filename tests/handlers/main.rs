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
mod counted;
mod counts;
mod deliver;
mod erase;
mod flight;
mod gateway;
mod lines;
mod mass;
mod meanwhile;
mod metrics;
mod order;
mod presence;
mod reads;
mod slices;
mod stage;
