//! What Sorl's own Lambdas publish to `relay`: messages of verified senders, and presence changes.

use serde::{Deserialize, Serialize};

use super::{Poison, PoisonClass};
use crate::message::Message;
use crate::names::{ChannelName, UserName};
use crate::region::Region;

/// An item on the `relay` topic.
#[derive(Debug, Clone)]
pub enum Relayed {
    /// A message that `command` accepted.
    Message {
        /// With its id, time and verified sender.
        message: Message,
        /// Whether it is kept out of the log.
        ephemeral: bool,
    },
    /// Somebody joined or left.
    Presence(PresenceChange),
}

/// Joins and leaves of one channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PresenceChange {
    /// Where.
    pub channel: ChannelName,
    /// Who did what.
    pub events: Vec<PresenceEvent>,
}

/// One connection's join or leave, as clients see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PresenceEvent {
    /// `join` or `leave`.
    pub event: PresenceKind,
    /// Whose connection.
    pub user: UserName,
    /// Where it is.
    pub region: Region,
}

/// What a connection did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PresenceKind {
    /// It became a member.
    Join,
    /// It is a member no more.
    Leave,
}

/// The form on the wire. Exactly one of `message` and `presence` is there; readers ignore what they do not know.
#[derive(Serialize, Deserialize)]
struct Wire {
    v: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Message>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    ephemeral: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    presence: Option<PresenceChange>,
}

const VERSION: u32 = 1;

impl Relayed {
    /// The text to publish.
    #[must_use]
    pub fn to_json(&self) -> String {
        let wire = match self.clone() {
            Self::Message { message, ephemeral } => {
                Wire { v: VERSION, message: Some(message), ephemeral, presence: None }
            }
            Self::Presence(change) => {
                Wire { v: VERSION, message: None, ephemeral: false, presence: Some(change) }
            }
        };
        // Structs of strings, numbers and raw JSON always serialize.
        serde_json::to_string(&wire).unwrap_or_default()
    }

    /// Reads what [`Self::to_json`] wrote, in this version or any that only added to it.
    ///
    /// # Errors
    /// [`Poison`] if it is neither a message nor a presence change.
    pub fn parse(text: &str) -> Result<Self, Poison> {
        let wire: Wire = serde_json::from_str(text)
            .map_err(|fault| Poison::unreadable(PoisonClass::Relay, "relay: not an envelope", &fault))?;
        match (wire.message, wire.presence) {
            (Some(message), None) => Ok(Self::Message { message, ephemeral: wire.ephemeral }),
            (None, Some(change)) => Ok(Self::Presence(change)),
            _ => Err(Poison::new(PoisonClass::Relay, "relay: an envelope of an unknown kind")),
        }
    }
}
