//! The canary: a client that tries a region as users do, and tells whether it got through and how long it took.
//!
//! Not when it flies nor whom it tells (`services/canary`), and no measurement of latency under load (`sorl probe`).
//! The invariant: it succeeds only if its very message came back over its own WebSocket, within its time.

mod round;
mod token;

pub use round::{Failed, Step, round};
pub use token::{USER, sign};
