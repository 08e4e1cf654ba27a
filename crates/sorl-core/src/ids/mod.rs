//! Identifiers: parsed at the edge, impossible to hold when malformed.

mod connection_id;
mod message_id;
mod tail;

pub use connection_id::{ConnectionId, ConnectionIdError};
pub use message_id::{MessageId, MessageIdError};
pub use tail::{Key, KeyError, Tail};
