//! What the adapters make of answers that AWS gives and no emulator does: throttled, half done, broken off, silent.
//!
//! Not DynamoDB's, whose adapters have theirs beside them. The clients are those that are deployed, time-outs and
//! retries included.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

mod aws;
mod bus;
mod endpoint;
mod gateway;
mod keys;
mod queue;
