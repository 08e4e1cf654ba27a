//! The edge of the embedded stage over real sockets: handshakes, frames, `@connections`, SNS, and the addresses
//! of development.
//!
//! Not the promises of the whole service, which the end-to-end tests claim. Every test starts a stage of its
//! own on a free port and waits for events, never for time.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

mod addresses;
mod callbacks;
mod frames;
mod handshake;
mod publishing;
mod stage;
mod stopping;
