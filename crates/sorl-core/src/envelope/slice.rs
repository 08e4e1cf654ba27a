//! A slice: part of a delivery that goes to the `bulk` queue, as an explicit list of connections and messages.
//!
//! Not who is in a channel (`registry`). Where an audience could not be read to its end, a slice names where to go on
//! instead: it holds no connections then, and an older version, which knows nothing of that, refuses it rather than
//! take it for done.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Poison, PoisonClass};
use crate::ids::ConnectionId;
use crate::member::Member;
use crate::message::Message;
use crate::names::{ChannelName, UserName};
use crate::time::Timestamp;

/// Connections that are all still owed the same messages.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Slice {
    v: u32,
    /// What is owed, in id order, of one or more channels.
    pub messages: Vec<Owed>,
    /// To whom.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub connections: Vec<Recipient>,
    /// The part of the audience that is still to be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rest: Option<Rest>,
    /// When the audience was read; who joined later is not in `connections`.
    pub read_at: Timestamp,
    /// How many turns through the queue led here; the slice's own bound against loops.
    pub depth: u32,
    /// How long the queue holds it back; not part of what travels.
    #[serde(skip)]
    pub delay: Duration,
}

/// The members of a shard behind a connection: what of an audience is still to be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rest {
    /// Whose members; every message of the slice is of this channel.
    pub channel: ChannelName,
    /// Which of its shards.
    pub shard: u16,
    /// The last connection that was read; none if the shard was not begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<ConnectionId>,
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

/// A connection that is owed something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipient {
    /// Which.
    pub connection: ConnectionId,
    /// Whose: his newer connections are looked for when the slice is late.
    pub user: UserName,
    /// When it joined.
    pub since: Timestamp,
    /// From then on it gets nothing.
    pub expires_at: Timestamp,
    /// How often a post to it failed by its own fault.
    pub attempts: u32,
}

impl From<&Member> for Recipient {
    fn from(member: &Member) -> Self {
        Self {
            connection: member.connection().clone(),
            user: member.user.clone(),
            since: member.since,
            expires_at: member.expires_at,
            attempts: 0,
        }
    }
}

impl Slice {
    const VERSION: u32 = 1;

    /// A slice on its first turn.
    #[must_use]
    pub const fn new(messages: Vec<Owed>, connections: Vec<Recipient>, read_at: Timestamp) -> Self {
        Self { v: Self::VERSION, messages, connections, rest: None, read_at, depth: 0, delay: Duration::ZERO }
    }

    /// A slice that goes on reading an audience.
    #[must_use]
    pub fn reading(messages: Vec<Owed>, rest: Rest, read_at: Timestamp) -> Self {
        Self { rest: Some(rest), ..Self::new(messages, Vec::new(), read_at) }
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
        let slice: Self = serde_json::from_str(body)
            .map_err(|fault| Poison::unreadable(PoisonClass::NotASlice, "not a slice", &fault))?;
        if slice.connections.is_empty() && slice.rest.is_none() {
            return Err(Poison::new(PoisonClass::NotASlice, "not a slice: it names nobody"));
        }
        Ok(slice)
    }
}
