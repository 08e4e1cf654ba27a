//! Frames to a client, as text. Messages stand in them as they were published, byte for byte.

use serde::Serialize;

use crate::envelope::PresenceChange;
use crate::error::Refusal;
use crate::ids::MessageId;
use crate::message::Message;
use crate::names::{ChannelName, UserName};
use crate::region::Region;
use crate::time::Timestamp;

/// The answer to `subscribe`.
#[derive(Debug, Clone, Serialize)]
pub struct SubscribeResult {
    /// Which channel.
    pub channel: ChannelName,
    /// What was missed, in id order.
    pub messages: Vec<Message>,
    /// Whether nothing is missing.
    pub recovered: bool,
    /// Whether `history` with `since: cursor` has the rest.
    pub more: bool,
    /// Where to resume from.
    pub cursor: MessageId,
    /// Where the cursor was gained: this region.
    pub region: Region,
}

/// The answer to `history`.
#[derive(Debug, Clone, Serialize)]
pub struct HistoryResult {
    /// Ascending by id.
    pub messages: Vec<Message>,
    /// Whether further ones lie in the direction asked.
    pub more: bool,
    /// The last id, or the first for `before`.
    pub cursor: MessageId,
}

/// The answer to `publish`.
#[derive(Debug, Clone, Serialize)]
pub struct PublishResult {
    /// The same in every region.
    pub message_id: MessageId,
    /// When it was accepted.
    pub at: Timestamp,
}

/// The answer to `presence`.
#[derive(Debug, Clone, Serialize)]
pub struct PresenceResult {
    /// Distinct users.
    pub count: usize,
    /// Who is there, by name.
    pub members: Vec<PresenceMember>,
    /// Whether there are more than listed.
    pub truncated: bool,
}

/// A user in a channel.
#[derive(Debug, Clone, Serialize)]
pub struct PresenceMember {
    /// Who.
    pub user: UserName,
    /// With how many connections.
    pub connections: usize,
    /// Where, ascending.
    pub regions: Vec<Region>,
}

/// Why the server closes a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bye {
    /// The token expired.
    Expired,
    /// An operator said so.
    Kicked,
    /// The client does not read.
    Slow,
    /// The server stops.
    Shutdown,
}

impl Bye {
    /// The frame that precedes the close. Only a kicked client is told to stay away.
    #[must_use]
    pub const fn frame(self) -> &'static str {
        match self {
            Self::Expired => r#"{"type":"bye","code":"expired","reconnect":true}"#,
            Self::Kicked => r#"{"type":"bye","code":"kicked","reconnect":false}"#,
            Self::Slow => r#"{"type":"bye","code":"slow","reconnect":true}"#,
            Self::Shutdown => r#"{"type":"bye","code":"shutdown","reconnect":true}"#,
        }
    }
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Frame<'a, R: Serialize> {
    Reply { id: u64, result: R },
    Error { id: Option<u64>, error: &'a Refusal },
    Messages { messages: &'a [&'a Message] },
    Unsubscribed { channel: &'a ChannelName },
}

/// A frame that is no reply.
type Plain<'a> = Frame<'a, ()>;

/// The reply to request `id`.
pub fn reply_frame(id: u64, result: impl Serialize) -> String {
    to_text(&Frame::Reply { id, result })
}

/// The error that answers request `id`, or a frame that was no request.
#[must_use]
pub fn error_frame(id: Option<u64>, error: &Refusal) -> String {
    to_text(&Plain::Error { id, error })
}

/// Messages, which the caller has put in id order.
#[must_use]
pub fn messages_frame(messages: &[&Message]) -> String {
    to_text(&Plain::Messages { messages })
}

/// An operator took the channel away.
#[must_use]
pub fn unsubscribed_frame(channel: &ChannelName) -> String {
    to_text(&Plain::Unsubscribed { channel })
}

/// Joins and leaves of a channel.
#[must_use]
pub fn presence_frame(change: &PresenceChange) -> String {
    #[derive(Serialize)]
    struct Presence<'a> {
        r#type: &'static str,
        #[serde(flatten)]
        change: &'a PresenceChange,
    }
    to_text(&Presence { r#type: "presence", change })
}

fn to_text(frame: &impl Serialize) -> String {
    // Structs of strings, numbers and raw JSON always serialize; clients ignore a frame without a type.
    serde_json::to_string(frame).unwrap_or_else(|_unreachable| "{}".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorCode;

    #[test]
    fn frames_have_the_form_of_the_protocol() {
        assert_eq!(
            reply_frame(7, serde_json::json!({"at": 1})),
            r#"{"type":"reply","id":7,"result":{"at":1}}"#
        );
        assert_eq!(
            error_frame(None, &Refusal::new(ErrorCode::RateLimited, "slower")),
            r#"{"type":"error","id":null,"error":{"code":"rate_limited","message":"slower","temporary":true}}"#
        );
        let channel = ChannelName::parse("room:42").unwrap();
        assert_eq!(unsubscribed_frame(&channel), r#"{"type":"unsubscribed","channel":"room:42"}"#);
    }

    #[test]
    fn messages_keep_their_data_byte_for_byte_inside_a_frame() {
        let text =
            r#"{"id":"019ab2c3-d400-7000-8000-000000000001","channel":"c","data":{"n": 1.0},"region":"r"}"#;
        let message: Message = serde_json::from_str(text).unwrap();
        let frame = messages_frame(&[&message]);
        assert!(
            frame.starts_with(r#"{"type":"messages","messages":[{"id""#) && frame.contains(r#"{"n": 1.0}"#)
        );
    }
}
