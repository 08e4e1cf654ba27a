//! A message: what members receive, in the one form that it has on the wire, in the log and in slices.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::ids::MessageId;
use crate::names::{ChannelName, UserName};
use crate::region::Region;
use crate::time::Timestamp;

/// What members of a channel receive. `at` on the wire is the id's time; `data` passes byte for byte.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(from = "WireMessage")]
pub struct Message {
    /// The same in every region.
    pub id: MessageId,
    /// Where it was published.
    pub channel: ChannelName,
    /// Any JSON, untouched.
    pub data: Box<RawValue>,
    /// The sender, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<UserName>,
    /// `true` if a token proved the sender, `false` if an external publisher said so; absent without a sender.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verified: Option<bool>,
    /// When it was accepted: the id's time.
    at: Timestamp,
    /// Where it was accepted.
    pub region: Region,
}

/// The form in which messages are read: `at` is not believed, the id says it.
#[derive(Deserialize)]
struct WireMessage {
    id: MessageId,
    channel: ChannelName,
    data: Box<RawValue>,
    user: Option<UserName>,
    verified: Option<bool>,
    region: Region,
}

impl From<WireMessage> for Message {
    fn from(wire: WireMessage) -> Self {
        let sender = wire.user.zip(wire.verified);
        Self::new(wire.id, wire.channel, wire.data, sender, wire.region)
    }
}

impl Message {
    /// A message from `sender` (who, and whether a token proved it).
    #[must_use]
    pub fn new(
        id: MessageId,
        channel: ChannelName,
        data: Box<RawValue>,
        sender: Option<(UserName, bool)>,
        region: Region,
    ) -> Self {
        let (user, verified) = sender.unzip();
        Self { id, channel, data, user, verified, at: id.time(), region }
    }

    /// When it was accepted.
    #[must_use]
    pub const fn at(&self) -> Timestamp {
        self.at
    }

    /// The message as it stands in frames.
    #[must_use]
    pub fn to_json(&self) -> String {
        // A struct of strings, numbers and raw JSON always serializes; an empty text would fail every reader.
        serde_json::to_string(self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_passes_byte_for_byte_and_at_is_the_ids_time() {
        let text = r#"{"id":"019ab2c3-d400-7000-8000-000000000001","channel":"room:1","data":{"n": 1.0,"n": 12345678901234567890 , "s":"\ud83d\ude00"},"user":"alice","verified":true,"at":0,"region":"eu-north-1"}"#;
        let message: Message = serde_json::from_str(text).unwrap();
        let id = message.id;
        let expected = text.replace("\"at\":0", &format!("\"at\":{}", id.time().as_millis()));
        assert_eq!(message.to_json(), expected);
    }

    #[test]
    fn a_message_without_a_sender_has_neither_user_nor_verified() {
        let text = r#"{"id":"019ab2c3-d400-7000-8000-000000000001","channel":"c","data":null,"region":"r"}"#;
        let message: Message = serde_json::from_str(text).unwrap();
        assert!(!message.to_json().contains("user") && !message.to_json().contains("verified"));
    }
}
