//! Frames from the service, read with forbearance: unknown fields and types are passed over, and a message
//! that cannot be read does not take its neighbours with it.

use std::borrow::Cow;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use sorl_core::envelope::PresenceChange;
use sorl_core::error::{ErrorCode, Refusal};
use sorl_core::ids::MessageId;
use sorl_core::message::Message;
use sorl_core::names::{ChannelName, UserName};
use sorl_core::region::Region;
use sorl_core::time::Timestamp;

/// A frame from the service.
#[derive(Debug)]
pub enum Frame<'a> {
    /// The result of a request, to be read by whoever knows what was asked.
    Reply {
        /// The request's.
        id: u64,
        /// As it came.
        result: &'a RawValue,
    },
    /// A request was refused; without an id, a frame that was none.
    Error {
        /// The request's.
        id: Option<u64>,
        /// Why.
        refusal: Refusal,
    },
    /// Live messages.
    Messages(Vec<Message>),
    /// An operator took a channel away.
    Unsubscribed(ChannelName),
    /// Joins and leaves.
    Presence(PresenceChange),
    /// The service is about to close the connection.
    Bye {
        /// Why: `expired`, `kicked`, `slow` or `shutdown`.
        code: String,
        /// Whether to come back.
        reconnect: bool,
    },
}

/// Every field that some frame has.
#[derive(Deserialize)]
struct Loose<'a> {
    #[serde(borrow)]
    r#type: Option<Cow<'a, str>>,
    id: Option<u64>,
    #[serde(borrow)]
    result: Option<&'a RawValue>,
    error: Option<LooseError>,
    #[serde(borrow)]
    messages: Option<Vec<&'a RawValue>>,
    #[serde(borrow)]
    channel: Option<&'a RawValue>,
    #[serde(borrow)]
    code: Option<Cow<'a, str>>,
    reconnect: Option<bool>,
}

#[derive(Deserialize)]
struct LooseError {
    code: String,
    #[serde(default)]
    message: String,
    #[serde(default)]
    temporary: bool,
}

impl<'a> Frame<'a> {
    /// Reads a frame; `None` if there is nothing to be done about it.
    #[must_use]
    pub fn read(text: &'a str) -> Option<Self> {
        let loose: Loose<'a> = serde_json::from_str(text).ok()?;
        match loose.r#type.as_deref()? {
            "reply" => Some(Self::Reply { id: loose.id?, result: loose.result? }),
            "error" => Some(Self::Error { id: loose.id, refusal: loose.error?.into() }),
            "messages" => Some(Self::Messages(readable(loose.messages?))),
            "unsubscribed" => serde_json::from_str(loose.channel?.get()).ok().map(Self::Unsubscribed),
            "presence" => serde_json::from_str(text).ok().map(Self::Presence),
            "bye" => Some(Self::Bye { code: loose.code?.into_owned(), reconnect: loose.reconnect? }),
            _ => None,
        }
    }
}

impl From<LooseError> for Refusal {
    fn from(error: LooseError) -> Self {
        // A code of a later version counts as a fault of the service's own; what it says of `temporary` holds.
        let code = ErrorCode::ALL.into_iter().find(|code| code.as_str() == error.code);
        Self { code: code.unwrap_or(ErrorCode::Internal), message: error.message, temporary: error.temporary }
    }
}

fn readable(messages: Vec<&RawValue>) -> Vec<Message> {
    messages.into_iter().filter_map(|raw| serde_json::from_str(raw.get()).ok()).collect()
}

fn readable_messages<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Message>, D::Error> {
    Vec::<&'de RawValue>::deserialize(deserializer).map(readable)
}

/// The answer to `subscribe`.
#[derive(Debug, Deserialize)]
pub struct Subscribed {
    /// What was missed, or rewound.
    #[serde(deserialize_with = "readable_messages")]
    pub messages: Vec<Message>,
    /// Whether nothing is missing.
    pub recovered: bool,
    /// Whether `history` with `since: cursor` has the rest.
    pub more: bool,
    /// Where to resume from.
    pub cursor: MessageId,
    /// The region that answered.
    pub region: Region,
}

/// The answer to `history`: one page, ascending by id.
#[derive(Debug, Deserialize)]
pub struct Page {
    /// The messages.
    #[serde(deserialize_with = "readable_messages")]
    pub messages: Vec<Message>,
    /// Whether further ones lie in the direction asked.
    pub more: bool,
    /// The last id, or the first for `before`.
    pub cursor: MessageId,
}

/// The answer to `publish`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Published {
    /// The same in every region.
    pub message_id: MessageId,
    /// When it was accepted.
    pub at: Timestamp,
}

/// The answer to `presence`, over all regions.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Presence {
    /// Distinct users.
    pub count: u64,
    /// Who is there.
    pub members: Vec<Member>,
    /// Whether there are more than listed.
    pub truncated: bool,
}

/// A user in a channel.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Member {
    /// Who.
    pub user: UserName,
    /// With how many connections.
    pub connections: u64,
    /// Where.
    pub regions: Vec<Region>,
}

/// The answer to `ping`.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(crate) struct Pong {
    /// The service's time.
    pub(crate) at: Timestamp,
}

/// Reads a result as what was asked for; one that is something else counts as a fault of the service's own.
pub(crate) fn read_result<T: DeserializeOwned>(result: &RawValue) -> Result<T, Refusal> {
    serde_json::from_str(result.get())
        .map_err(|fault| Refusal::new(ErrorCode::Internal, format!("the reply could not be read: {fault}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_without_a_type_or_of_an_unknown_one_are_nothing() {
        for text in ["", "7", "[]", "{}", r#"{"message":"Internal server error"}"#, r#"{"type":"dance"}"#] {
            assert!(Frame::read(text).is_none(), "{text}");
        }
        assert!(Frame::read(r#"{"type":"reply","id":"7","result":{}}"#).is_none());
    }

    #[test]
    fn a_message_that_cannot_be_read_leaves_its_neighbours() {
        let good =
            r#"{"id":"019ab2c3-d400-7000-8000-000000000001","channel":"c","data":{"n": 1.0},"region":"r"}"#;
        let text = format!(r#"{{"type":"messages","messages":[{{"id":7}},{good}]}}"#);
        let Some(Frame::Messages(messages)) = Frame::read(&text) else { panic!("no messages") };
        assert_eq!(messages.len(), 1);
        assert_eq!(messages[0].data.get(), r#"{"n": 1.0}"#);
    }

    #[test]
    fn an_error_code_of_a_later_version_keeps_its_temporary() {
        let text = r#"{"type":"error","id":null,"error":{"code":"new","message":"m","temporary":true}}"#;
        let Some(Frame::Error { id: None, refusal }) = Frame::read(text) else { panic!("no error") };
        assert_eq!((refusal.code, refusal.temporary), (ErrorCode::Internal, true));
    }
}
