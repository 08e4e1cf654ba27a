//! The Rust client of Sorl, in two layers.
//!
//! - [`session`]: what a client knows and what it says, as a state machine without I/O, clock or chance.
//!   The simulator drives it step by step.
//! - [`client`]: the same over real WebSockets: it connects, reconnects and resumes by itself.
//!
//! Below both: [`wire`] (frames as this side writes and reads them) and [`backoff`].

pub mod backoff;
pub mod client;
pub mod session;
pub mod wire;

pub use client::{Client, ClientError, Endpoint, Events, Options, Outgoing, Status, Tap, TokenProvider};
pub use session::{Cursor, Event, Exit, Failure, Origin, Past, Start};
