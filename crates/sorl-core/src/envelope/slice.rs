//! A slice: part of a delivery that goes to the `bulk` queue as an explicit list of connections and messages.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Poison;
use crate::ids::ConnectionId;
use crate::message::Message;
use crate::names::UserName;
use crate::time::Timestamp;

/// Connections that are all still owed the same messages.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Slice {
    v: u32,
    /// What is owed, in id order, of one or more channels.
    pub messages: Vec<Owed>,
    /// To whom.
    pub connections: Vec<SliceConnection>,
    /// When the audience was read; who joined later is not in `connections`.
    pub read_at: Timestamp,
    /// How often a post to these connections failed by their own fault.
    pub attempts: u32,
    /// How many turns through the queue led here; the slice's own bound against loops.
    pub depth: u32,
    /// How long the queue holds it back; not part of what travels.
    #[serde(skip)]
    pub delay: Duration,
}

/// A message that is owed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Owed {
    /// The message.
    pub message: Message,
    /// Whether it is kept out of the log, so that nothing can recover it.
    #[serde(default)]
    pub ephemeral: bool,
}

/// A connection in a slice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SliceConnection {
    /// Which.
    pub connection: ConnectionId,
    /// Whose: his newer connections are looked for when the slice is late.
    pub user: UserName,
    /// When it joined.
    pub since: Timestamp,
    /// From then on it gets nothing.
    pub expires_at: Timestamp,
}

impl Slice {
    const VERSION: u32 = 1;

    /// A slice on its first turn.
    #[must_use]
    pub const fn new(messages: Vec<Owed>, connections: Vec<SliceConnection>, read_at: Timestamp) -> Self {
        Self {
            v: Self::VERSION,
            messages,
            connections,
            read_at,
            attempts: 0,
            depth: 0,
            delay: Duration::ZERO,
        }
    }

    /// The body to send.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Structs of strings, numbers and raw JSON always serialize.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads a record's body.
    ///
    /// # Errors
    /// [`Poison`] if it is no slice.
    pub fn parse(body: &str) -> Result<Self, Poison> {
        serde_json::from_str(body).map_err(|fault| Poison::new(format!("not a slice: {fault}")))
    }
}
