//! Frames to the service.

use serde::Serialize;
use serde_json::value::RawValue;
use sorl_core::ids::MessageId;
use sorl_core::names::ChannelName;
use sorl_core::protocol::Action;
use sorl_core::region::Region;

/// A request before it has an id. What is absent does not stand in the frame.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Request<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) channel: Option<&'a ChannelName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) since: Option<MessageId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) before: Option<MessageId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) region: Option<&'a Region>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rewind: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) limit: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) data: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<&'a str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) ephemeral: bool,
}

#[derive(Serialize)]
struct Numbered<'a> {
    action: &'static str,
    id: u64,
    #[serde(flatten)]
    request: &'a Request<'a>,
}

impl<'a> Request<'a> {
    /// A request about a channel.
    pub(crate) fn about(channel: &'a ChannelName) -> Self {
        Self { channel: Some(channel), ..Self::default() }
    }

    /// The frame.
    pub(crate) fn frame(&self, action: Action, id: u64) -> String {
        let numbered = Numbered { action: action.as_str(), id, request: self };
        // Strings, numbers and raw JSON always serialize; the service answers an empty frame with an error.
        serde_json::to_string(&numbered).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_has_what_is_there_and_data_byte_for_byte() {
        let channel = ChannelName::parse("room:1").unwrap();
        let data = RawValue::from_string(r#"{"n": 1.0}"#.to_owned()).unwrap();
        let request = Request { data: Some(&data), ..Request::about(&channel) };
        assert_eq!(
            request.frame(Action::Publish, 7),
            r#"{"action":"publish","id":7,"channel":"room:1","data":{"n": 1.0}}"#
        );
        assert_eq!(Request::default().frame(Action::Ping, 0), r#"{"action":"ping","id":0}"#);
    }
}
