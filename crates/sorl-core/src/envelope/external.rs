//! The publishers' contract: what an external program may write to the `messages` topic.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Notification, Poison, PoisonClass};
use crate::ids::{Key, MessageId, Tail};
use crate::limits::MESSAGE_LEN_MAX;
use crate::message::Message;
use crate::names::{ChannelName, UserName};
use crate::protocol::json;

#[derive(Deserialize)]
struct Wire {
    channel: String,
    data: Box<RawValue>,
    user: Option<String>,
    key: Option<String>,
    ephemeral: Option<bool>,
}

/// Reads an external message: its id, computed from what SNS says, is the same in every region. Returns the
/// message and whether it is ephemeral.
///
/// # Errors
/// [`Poison`] with the reason in words for whoever published it.
pub fn read_external(notification: &Notification) -> Result<(Message, bool), Poison> {
    let wire = match &notification.channel {
        Some(channel) => from_attribute(channel, &notification.message)?,
        None => from_envelope(&notification.message)?,
    };
    let channel = ChannelName::parse(&wire.channel).map_err(|fault| poison(&fault))?;
    let user = wire.user.as_deref().map(UserName::parse).transpose().map_err(|fault| poison(&fault))?;
    let key = wire.key.as_deref().map(Key::parse).transpose().map_err(|fault| poison(&fault))?;
    json::check_depth(wire.data.get()).map_err(|fault| poison(&fault))?;

    let derived = Tail::derived(&notification.message_id);
    let tail = key.as_ref().map_or(derived, |key| Tail::keyed_external(&channel, user.as_ref(), key));
    // The spread orders nothing; it only has to be the same in every region.
    let spread = u16::try_from(derived.bits() & 0x0fff).unwrap_or(0);
    let id = MessageId::new(notification.at, spread, tail);
    let sender = user.map(|user| (user, false));
    let message = Message::new(id, channel, wire.data, sender, notification.topic.region.clone());
    let length = message.to_json().len();
    if length > MESSAGE_LEN_MAX {
        return Err(Poison::new(
            PoisonClass::TooLarge,
            format!("too large: {length} bytes as clients get it, at most {MESSAGE_LEN_MAX}"),
        ));
    }
    Ok((message, wire.ephemeral.unwrap_or(false)))
}

fn from_envelope(text: &str) -> Result<Wire, Poison> {
    json::object(text.as_bytes()).map_err(|fault| {
        let expected = "neither a JSON object with channel and data nor a text with the attribute channel";
        Poison::unreadable(PoisonClass::NotAMessage, expected, &fault)
    })
}

fn from_attribute(channel: &str, text: &str) -> Result<Wire, Poison> {
    let data = match serde_json::from_str::<Box<RawValue>>(text) {
        Ok(data) => data,
        Err(_not_json) => serde_json::value::to_raw_value(text).map_err(|fault| {
            Poison::unreadable(PoisonClass::NotAMessage, "the text cannot be written as JSON", &fault)
        })?,
    };
    Ok(Wire { channel: channel.to_owned(), data, user: None, key: None, ephemeral: None })
}

fn poison(fault: &dyn std::fmt::Display) -> Poison {
    Poison::new(PoisonClass::NotAMessage, fault.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::envelope::TopicArn;
    use crate::time::Timestamp;

    fn notification(message: &str, channel: Option<&str>) -> Notification {
        Notification {
            message_id: "6f1c2b6e-0000-5000-8000-000000000000".to_owned(),
            topic: TopicArn::parse("arn:aws:sns:eu-north-1:000000000000:sorl-dev-messages").unwrap(),
            at: Timestamp::from_millis(1_764_000_000_000),
            message: message.to_owned(),
            channel: channel.map(str::to_owned),
        }
    }

    fn read(message: &str, channel: Option<&str>) -> Result<(Message, bool), Poison> {
        read_external(&notification(message, channel))
    }

    #[test]
    fn an_envelope_becomes_an_unverified_message() {
        let (message, ephemeral) =
            read(r#"{"channel":"room:1","data":{"a":1},"user":"bot","ephemeral":true,"more":1}"#, None)
                .unwrap();
        assert_eq!(message.data.get(), r#"{"a":1}"#);
        assert_eq!((message.user.unwrap().as_str(), message.verified, ephemeral), ("bot", Some(false), true));
        assert_eq!(message.id.time().as_millis(), 1_764_000_000_000);
    }

    #[test]
    fn the_attribute_wins_and_any_text_is_data() {
        let (message, _) = read("plain text", Some("room:1")).unwrap();
        assert_eq!(message.data.get(), r#""plain text""#);
        let (message, _) = read(r#"{"channel":"room:2","data":1}"#, Some("room:1")).unwrap();
        assert_eq!(
            (message.channel.as_str(), message.data.get()),
            ("room:1", r#"{"channel":"room:2","data":1}"#)
        );
    }

    #[test]
    fn what_is_no_message_says_why() {
        for (text, channel) in [
            ("hello", None),
            (r#"["room:1",1]"#, None),
            (r#"{"channel":"room:1"}"#, None),
            (r#"{"data":1}"#, None),
            (r#"{"channel":"ro om","data":1}"#, None),
            (r#"{"channel":"room:1","data":1,"user":"no body"}"#, None),
            (r#"{"channel":"room:1","data":1,"key":5}"#, None),
            ("hello", Some("#")),
        ] {
            assert!(!read(text, channel).unwrap_err().reason.is_empty(), "{text}");
        }
        // The reason is logged: it says what was expected, never what was there.
        let told = read(r#"{"channel":"room:1","data":1,"ephemeral":"a secret"}"#, None).unwrap_err().reason;
        assert!(
            told.ends_with("expected a boolean at line 1 column 51") && !told.contains("secret"),
            "{told}"
        );
        let large = format!(r#"{{"channel":"room:1","data":"{}"}}"#, "x".repeat(MESSAGE_LEN_MAX));
        assert!(read(&large, None).unwrap_err().reason.starts_with("too large"));
    }

    #[test]
    fn a_key_decides_the_tail_and_nothing_else_does() {
        let keyed = |text: &str, sns: &str| {
            let mut notification = notification(text, None);
            notification.message_id = sns.to_owned();
            read_external(&notification).unwrap().0.id.tail()
        };
        let one = r#"{"channel":"room:1","data":1,"key":"k"}"#;
        assert_eq!(keyed(one, "a"), keyed(one, "b"));
        let none = r#"{"channel":"room:1","data":1}"#;
        assert_eq!(keyed(none, "a"), keyed(none, "a"));
        assert_ne!(keyed(none, "a"), keyed(none, "b"));
    }

    #[test]
    fn a_message_has_96_kilobytes_at_most_as_clients_get_it() {
        let of = |len: usize| read(&format!(r#"{{"channel":"room:1","data":"{}"}}"#, "x".repeat(len)), None);
        let room = MESSAGE_LEN_MAX - of(0).unwrap().0.to_json().len();
        assert!(of(room).is_ok());
        let told = of(room + 1).unwrap_err().reason;
        assert_eq!(told, "too large: 98305 bytes as clients get it, at most 98304");
    }
}
