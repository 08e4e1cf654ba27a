//! SNS's envelope around a message, as it stands in an SQS record (raw delivery off).

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Poison, PoisonClass, TopicArn};
use crate::time::Timestamp;

/// What SNS says about a message: everything but the message itself is SNS's own word.
#[derive(Debug, Clone)]
pub struct Notification {
    /// SNS's id of the message, the same in every region's copy.
    pub message_id: String,
    /// Which topic, so where it was accepted and by whose right.
    pub topic: TopicArn,
    /// When SNS accepted it.
    pub at: Timestamp,
    /// The message.
    pub message: String,
    /// The attribute `channel`, if there is one.
    pub channel: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Wire {
    #[serde(rename = "Type")]
    kind: String,
    message_id: String,
    topic_arn: String,
    message: String,
    timestamp: String,
    #[serde(default)]
    message_attributes: BTreeMap<String, Attribute>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Attribute {
    #[serde(rename = "Type")]
    kind: String,
    value: String,
}

impl Notification {
    /// Reads the body of a record of the `live` queue.
    ///
    /// # Errors
    /// [`Poison`] if it is not a notification from one of the stage's topics.
    pub fn parse(body: &str, stage: &str) -> Result<Self, Poison> {
        let wire: Wire = serde_json::from_str(body).map_err(|fault| {
            Poison::unreadable(PoisonClass::NotANotification, "not an SNS notification", &fault)
        })?;
        if wire.kind != "Notification" {
            return Err(Poison::new(
                PoisonClass::NotANotification,
                "not an SNS notification: its Type is another",
            ));
        }
        let topic =
            TopicArn::parse(&wire.topic_arn).filter(|topic| topic.stage == stage).ok_or_else(|| {
                Poison::new(
                    PoisonClass::ForeignTopic,
                    format!("{:?} is not a topic of this stage", wire.topic_arn),
                )
            })?;
        let at = parse_timestamp(&wire.timestamp).ok_or_else(|| {
            Poison::new(PoisonClass::NotANotification, "not an SNS notification: its Timestamp is no time")
        })?;
        let channel = attribute_text(wire.message_attributes.get("channel").map(|a| (&*a.kind, &*a.value)))?;
        Ok(Self { message_id: wire.message_id, topic, at, message: wire.message, channel })
    }
}

/// The text of the attribute `channel`, given as (type, value).
///
/// # Errors
/// [`Poison`] if the attribute is binary.
pub fn attribute_text(attribute: Option<(&str, &str)>) -> Result<Option<String>, Poison> {
    match attribute {
        None => Ok(None),
        Some((kind, _)) if kind.starts_with("Binary") => {
            Err(Poison::new(PoisonClass::NotAMessage, "the attribute channel is binary; it must be a String"))
        }
        Some((_, value)) => Ok(Some(value.to_owned())),
    }
}

/// Reads `2026-01-31T12:34:56.789Z`, the one form that SNS writes (the fraction may be shorter or absent).
fn parse_timestamp(text: &str) -> Option<Timestamp> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let [year, month, day] = numbers(date, '-')?;
    let (clock, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let [hour, minute, second] = numbers(clock, ':')?;
    let in_range = (1970..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second < 61;
    if !in_range || fraction.is_empty() || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let millis: u64 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
    let seconds = days_since_epoch(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second;
    Some(Timestamp::from_millis(seconds * 1_000 + millis))
}

fn numbers(text: &str, separator: char) -> Option<[u64; 3]> {
    let mut parts = text.split(separator).map(|part| part.parse::<u64>().ok());
    let numbers = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(numbers)
}

/// Days from 1970-01-01 to a date of the Gregorian calendar, years counted from March so that the leap day
/// comes last.
const fn days_since_epoch(year: u64, month: u64, day: u64) -> u64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year / 4 - year / 100 + year / 400;
    year * 365 + leap_days + (month * 153 + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sns_times_are_read_to_the_millisecond() {
        let at = |text| parse_timestamp(text).map(Timestamp::as_millis);
        assert_eq!(at("1970-01-01T00:00:00.000Z"), Some(0));
        assert_eq!(at("2000-02-29T12:00:00.5Z"), Some(951_825_600_500));
        assert_eq!(at("2025-11-24T16:00:00.000Z"), Some(1_764_000_000_000));
        assert_eq!(at("2025-11-24T16:00:00Z"), Some(1_764_000_000_000));
        for bad in [
            "",
            "2025-11-24",
            "2025-13-01T00:00:00Z",
            "2025-11-24T24:00:00Z",
            "2025-11-24T16:60:00Z",
            "2025-11-24T16:00:61Z",
            "2025-11-24T16:00:00+01:00",
            "2025-11-24T16:00:00.Z",
            "2025-11-24T16:00:00.xZ",
            "2025-11-24T16:00:00.123xZ",
        ] {
            assert_eq!(at(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_notification_of_another_stage_is_poison() {
        let body = r#"{"Type":"Notification","MessageId":"m","TopicArn":"arn:aws:sns:eu-north-1:0:sorl-prod-messages","Message":"x","Timestamp":"2025-11-24T16:00:00.000Z"}"#;
        assert!(Notification::parse(body, "prod").is_ok());
        assert!(Notification::parse(body, "dev").is_err());
    }

    #[test]
    fn an_attribute_is_text_unless_it_is_binary() {
        assert_eq!(attribute_text(None).unwrap(), None);
        for kind in ["String", "String.Array", "Number"] {
            assert_eq!(attribute_text(Some((kind, "room:1"))).unwrap().as_deref(), Some("room:1"), "{kind}");
        }
        for kind in ["Binary", "Binary.gzip"] {
            assert_eq!(attribute_text(Some((kind, "cm9vbQ=="))).unwrap_err().class, PoisonClass::NotAMessage);
        }
    }
}
