//! The Rust client of Sorl.
//!
//! - [`session`]: what a client knows and what it says, as a state machine without I/O, clock or chance.
//!   The simulator drives it step by step.
//!
//! Below it: [`wire`] (frames as this side writes and reads them) and [`backoff`].

pub mod backoff;
pub mod session;
pub mod wire;
