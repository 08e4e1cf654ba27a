//! The wire protocol (PROTOCOL.md) as a client writes and reads it.
//!
//! Not its meaning (`session`). Whatever the service sends, reading it yields a frame or nothing: a frame
//! that cannot be read is ignored, as one of an unknown type is.

mod incoming;
mod outgoing;

pub use incoming::{Frame, Member, Page, Presence, Published, Subscribed};
pub(crate) use incoming::{Pong, read_result};
pub(crate) use outgoing::Request;
