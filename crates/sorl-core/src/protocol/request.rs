//! A frame from a client, taken apart field by field so that a fault in one field still knows the request's id.

use std::collections::HashMap;
use std::ops::RangeInclusive;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::error::{ErrorCode, Refusal};
use crate::ids::MessageId;
use crate::limits::REQUEST_ID_MAX;
use crate::names::ChannelName;
use crate::region::Region;

/// The verbs of the protocol, one file each in `command`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Become a member.
    Subscribe,
    /// Be one no more.
    Unsubscribe,
    /// Send a message.
    Publish,
    /// Read the past.
    History,
    /// List the members.
    Presence,
    /// Show that one is there.
    Ping,
}

impl Action {
    /// All verbs.
    pub const ALL: [Self; 6] =
        [Self::Subscribe, Self::Unsubscribe, Self::Publish, Self::History, Self::Presence, Self::Ping];

    /// The verb on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Subscribe => "subscribe",
            Self::Unsubscribe => "unsubscribe",
            Self::Publish => "publish",
            Self::History => "history",
            Self::Presence => "presence",
            Self::Ping => "ping",
        }
    }

    /// Whether its answer tells what is in a channel.
    #[must_use]
    pub const fn reads(self) -> bool {
        matches!(self, Self::Subscribe | Self::History | Self::Presence)
    }
}

/// A request whose id is known; its other fields are read when they are needed.
#[derive(Debug)]
pub struct Request {
    /// The client's own number for it.
    pub id: u64,
    /// Everything in the frame.
    pub fields: Fields,
}

/// Why a frame is no request at all; it is answered with `"id": null`.
pub type RequestFault = Refusal;

impl Request {
    /// Reads a frame as far as its id.
    ///
    /// # Errors
    /// A `bad_request` if it is no JSON object or has no usable id.
    pub fn parse(frame: &str) -> Result<Self, RequestFault> {
        let fields: HashMap<String, Box<RawValue>> = serde_json::from_str(frame)
            .map_err(|_fault| Refusal::bad_request("a frame is one JSON object"))?;
        let fields = Fields(fields);
        let id = fields
            .read::<u64>("id")
            .ok()
            .flatten()
            .filter(|id| *id <= REQUEST_ID_MAX)
            .ok_or_else(|| Refusal::bad_request("id is an integer from 0 to 2^53 - 1"))?;
        Ok(Self { id, fields })
    }

    /// The verb.
    ///
    /// # Errors
    /// `bad_request` without one, `unknown_action` if there is none of that name.
    pub fn action(&self) -> Result<Action, Refusal> {
        let name: String = self.fields.required("action", "a string")?;
        Action::ALL
            .into_iter()
            .find(|action| action.as_str() == name)
            .ok_or_else(|| Refusal::new(ErrorCode::UnknownAction, "no such action"))
    }
}

/// The fields of a request. `null` counts as absent, except for `data`.
#[derive(Debug)]
pub struct Fields(HashMap<String, Box<RawValue>>);

impl Fields {
    /// The channel.
    ///
    /// # Errors
    /// `bad_request` if it is absent or no name of a channel.
    pub fn channel(&self) -> Result<ChannelName, Refusal> {
        let name: String = self.required("channel", "a string")?;
        ChannelName::parse(&name).map_err(|fault| Refusal::bad_request(fault.to_string()))
    }

    /// A cursor.
    ///
    /// # Errors
    /// `bad_request` if it is there and no cursor.
    pub fn cursor(&self, name: &str) -> Result<Option<MessageId>, Refusal> {
        let text: Option<String> = self.optional(name, "a cursor")?;
        text.map(|text| MessageId::parse(&text))
            .transpose()
            .map_err(|fault| Refusal::bad_request(format!("{name}: {fault}")))
    }

    /// A region.
    ///
    /// # Errors
    /// `bad_request` if it is there and no name of a region.
    pub fn region(&self, name: &str) -> Result<Option<Region>, Refusal> {
        let text: Option<String> = self.optional(name, "a string")?;
        text.map(|text| Region::parse(&text))
            .transpose()
            .map_err(|fault| Refusal::bad_request(format!("{name}: {fault}")))
    }

    /// A number within bounds.
    ///
    /// # Errors
    /// `bad_request` if it is there and no integer within `bounds`.
    pub fn count(&self, name: &str, bounds: RangeInclusive<u32>) -> Result<Option<u32>, Refusal> {
        let expected = format!("an integer from {} to {}", bounds.start(), bounds.end());
        match self.optional::<u32>(name, &expected)? {
            Some(count) if !bounds.contains(&count) => Err(wrong(name, &expected)),
            count => Ok(count),
        }
    }

    /// Any JSON, untouched.
    ///
    /// # Errors
    /// `bad_request` if it is absent.
    pub fn raw(&self, name: &str) -> Result<Box<RawValue>, Refusal> {
        self.0.get(name).cloned().ok_or_else(|| Refusal::bad_request(format!("{name} is missing")))
    }

    /// An optional field.
    ///
    /// # Errors
    /// `bad_request` if it is there and of another type.
    pub fn optional<T: DeserializeOwned>(&self, name: &str, expected: &str) -> Result<Option<T>, Refusal> {
        self.read(name).map_err(|_fault| wrong(name, expected))
    }

    /// A required field.
    ///
    /// # Errors
    /// `bad_request` if it is absent or of another type.
    pub fn required<T: DeserializeOwned>(&self, name: &str, expected: &str) -> Result<T, Refusal> {
        self.optional(name, expected)?.ok_or_else(|| Refusal::bad_request(format!("{name} is missing")))
    }

    fn read<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, serde_json::Error> {
        match self.0.get(name) {
            Some(raw) => Option::<T>::deserialize(&mut serde_json::Deserializer::from_str(raw.get())),
            None => Ok(None),
        }
    }
}

fn wrong(name: &str, expected: &str) -> Refusal {
    Refusal::bad_request(format!("{name} is {expected}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_without_a_usable_id_is_no_request() {
        for frame in [
            "",
            "null",
            "[]",
            "{",
            "\"text\"",
            "{}",
            r#"{"id":-1}"#,
            r#"{"id":1.5}"#,
            r#"{"id":"1"}"#,
            r#"{"id":null}"#,
            r#"{"id":9007199254740992}"#,
        ] {
            assert_eq!(Request::parse(frame).unwrap_err().code, ErrorCode::BadRequest, "{frame}");
        }
        assert_eq!(Request::parse(r#"{"id":9007199254740991}"#).unwrap().id, REQUEST_ID_MAX);
    }

    #[test]
    fn a_fault_in_a_field_still_knows_the_id() {
        let request = Request::parse(r#"{"id":7,"action":"subscribe","channel":[1],"limit":0}"#).unwrap();
        assert_eq!((request.id, request.action().unwrap()), (7, Action::Subscribe));
        assert!(request.fields.channel().is_err());
        assert!(request.fields.count("limit", 1..=500).is_err());
    }

    #[test]
    fn null_is_absent_except_for_data() {
        let request = Request::parse(r#"{"id":7,"since":null,"data":null}"#).unwrap();
        assert_eq!(request.fields.cursor("since").unwrap(), None);
        assert_eq!(request.fields.raw("data").unwrap().get(), "null");
    }

    #[test]
    fn an_action_is_known_unknown_or_wrong() {
        let code = |frame| Request::parse(frame).unwrap().action().unwrap_err().code;
        assert_eq!(code(r#"{"id":7,"action":"dance"}"#), ErrorCode::UnknownAction);
        assert_eq!(code(r#"{"id":7,"action":7}"#), ErrorCode::BadRequest);
        assert_eq!(code(r#"{"id":7}"#), ErrorCode::BadRequest);
    }

    #[test]
    fn three_verbs_show_what_is_in_a_channel() {
        let showing: Vec<_> = Action::ALL.into_iter().filter(|action| action.reads()).collect();
        assert_eq!(showing, [Action::Subscribe, Action::History, Action::Presence]);
    }
}
