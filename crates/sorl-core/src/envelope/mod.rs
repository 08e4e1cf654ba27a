//! What travels through SNS and SQS: envelopes, and how a queue's record becomes one of them.
//!
//! Not the WebSocket protocol. Every form written here carries a version, is read with unknown fields
//! ignored, and has a frozen fixture, because old and new code run side by side while a stage is upgraded.

mod arn;
mod control;
mod external;
mod notification;
mod relayed;
mod slice;

pub use arn::{Topic, TopicArn};
pub use control::{Control, Departing, PutOut, Shutdown};
pub use external::read_external;
pub use notification::{Notification, attribute_text};
pub use relayed::{PresenceChange, PresenceEvent, PresenceKind, Relayed};
pub use slice::{Owed, Recipient, Rest, Slice};

/// Why a record can never succeed: the reason of its dead letter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Poison(pub String);

impl Poison {
    /// A reason.
    pub fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }

    /// A text is not `what` it should be. Reasons are logged, so what stands in the text is cut from the
    /// parser's words: only what was expected, and where, is said.
    #[must_use]
    pub fn unreadable(what: &str, fault: &serde_json::Error) -> Self {
        let words = fault.to_string();
        let quotes = words.starts_with("invalid ") || words.starts_with("unknown ");
        let told = match words.rfind(", expected ") {
            Some(at) if quotes => words.get(at + 2..).unwrap_or_default(),
            None if quotes => "a value that does not belong there",
            _ => &words,
        };
        Self(format!("{what}: {told}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_says_what_was_expected_and_never_what_was_there() {
        #[derive(serde::Deserialize)]
        #[expect(dead_code, reason = "only its reading matters")]
        struct Wire {
            ephemeral: bool,
        }
        let reason = |text| match serde_json::from_str::<Wire>(text) {
            Ok(_) => panic!("{text} was read"),
            Err(fault) => Poison::unreadable("not it", &fault).0,
        };
        let told = reason(r#"{"ephemeral":"a secret, expected or not"}"#);
        assert_eq!(told, "not it: expected a boolean at line 1 column 40");
        assert!(reason("{}").starts_with("not it: missing field `ephemeral`"));
        assert!(!reason(r#"{"ephemeral": secret}"#).contains("secret"));
    }
}
