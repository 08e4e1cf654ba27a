//! A dead letter: what it says, why it is dead, where it goes back to.
//!
//! The invariant: `body` is the record as it was, to the last byte, whatever SQS made of it on the way; or the letter
//! says that it is damaged.

use std::fmt::Write as _;

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sorl_core::region::Region;
use sorl_core::time::Timestamp;

use crate::clock;

/// The queue that a record came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Source {
    /// What the topics bring.
    Live,
    /// Slices.
    Bulk,
}

impl Source {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Bulk => "bulk",
        }
    }
}

/// A dead letter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Letter {
    /// The queue's id of it.
    pub(super) id: String,
    /// Where it lies.
    pub(super) region: Region,
    /// Where it came from, and goes back to.
    pub(super) queue: Source,
    /// Why it could not be handled; absent: nobody could say.
    pub(super) reason: Option<String>,
    /// When it was dead-lettered.
    pub(super) at: Timestamp,
    /// The record.
    pub(super) body: String,
    /// SNS could not hand it to the queue of some region: the subscription that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) undelivered: Option<String>,
    /// Why the record cannot be had back from what lies in the queue, if so: then it can only be purged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) damaged: Option<String>,
}

/// A letter in the hand: nobody else sees it for a while.
#[derive(Debug, Clone)]
pub(super) struct Held {
    pub(super) letter: Letter,
    /// SQS's receipt; none where letters are not held.
    pub(super) receipt: Option<String>,
}

/// What SQS tells of a dead letter besides its body.
#[derive(Debug, Default)]
pub(super) struct Attributes<'a> {
    pub(super) reason: Option<&'a str>,
    pub(super) source: Option<&'a str>,
    pub(super) encoding: Option<&'a str>,
    /// SNS's words, where SNS put it here.
    pub(super) error: Option<&'a str>,
    /// The queue whose redrive put it here.
    pub(super) moved_from: Option<&'a str>,
}

impl Letter {
    /// Why it is dead, in words.
    pub(super) fn why(&self) -> &str {
        self.reason.as_deref().unwrap_or("none told: deliver died on it, again and again")
    }

    /// The letter for people.
    pub(super) fn told(&self) -> String {
        let mut text = String::new();
        let at = clock::date_and_time(self.at);
        let rows = [
            ("id", self.id.as_str()),
            ("region", self.region.as_str()),
            ("queue", self.queue.as_str()),
            ("since", &at),
            ("reason", self.why()),
        ];
        for (name, value) in rows {
            // Writing to a string does not fail.
            writeln!(text, "{name:<8}{value}").ok();
        }
        write!(text, "\n{}", readable(&self.body)).ok();
        text
    }
}

/// The text that was dead-lettered: base64 undone, where SQS would not have taken it as it was.
pub(super) fn decoded(body: &str, encoding: Option<&str>) -> anyhow::Result<String> {
    match encoding {
        None => Ok(body.to_owned()),
        Some("base64") => {
            let bytes = STANDARD.decode(body.trim()).context("its body is no base64, though it says so")?;
            String::from_utf8(bytes).context("its body is no text once decoded")
        }
        Some(other) => anyhow::bail!("its body is encoded as {other}, which this version does not know"),
    }
}

/// The queue that the record came from, as far as anything tells; records of topics are all in `live`.
pub(super) fn came_from(attributes: &Attributes<'_>, body: &str) -> Source {
    let is_bulk = match (attributes.source, attributes.moved_from) {
        (Some(source), _) => source == "bulk",
        (None, Some(queue)) => queue.ends_with("-bulk"),
        (None, None) => sorl_core::envelope::Slice::parse(body).is_ok(),
    };
    if is_bulk { Source::Bulk } else { Source::Live }
}

/// The reason, in Sorl's words or SNS's.
pub(super) fn reason(attributes: &Attributes<'_>) -> Option<String> {
    let undelivered =
        || attributes.error.map(|error| format!("SNS could not deliver it to a region's queue: {error}"));
    attributes.reason.map(str::to_owned).or_else(undelivered)
}

/// The subscription that SNS could not serve, from the one place in a notification that names it.
pub(super) fn undelivered(attributes: &Attributes<'_>, body: &str) -> Option<String> {
    attributes.error.filter(|_| attributes.reason.is_none())?;
    let notification: Value = serde_json::from_str(body).ok()?;
    let (_, subscription) = notification.get("UnsubscribeURL")?.as_str()?.split_once("SubscriptionArn=")?;
    subscription.split('&').next().map(|arn| arn.replace("%3A", ":"))
}

/// JSON with its message unfolded, or the text as it is.
fn readable(body: &str) -> String {
    let Ok(mut value) = serde_json::from_str::<Value>(body) else { return body.to_owned() };
    if let Some(message) = value.get_mut("Message")
        && let Some(unfolded) = message.as_str().and_then(|text| serde_json::from_str(text).ok())
    {
        *message = unfolded;
    }
    serde_json::to_string_pretty(&value).unwrap_or_else(|_fault| body.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_sqs_would_not_take_is_decoded_to_the_last_byte() {
        assert_eq!(decoded("plain", None).unwrap(), "plain");
        assert_eq!(decoded(&STANDARD.encode("a\u{0}b"), Some("base64")).unwrap(), "a\u{0}b");
        // As empty as SQS can have it.
        assert_eq!(decoded(" ", Some("base64")).unwrap(), "");
        assert!(decoded("x", Some("rot13")).unwrap_err().to_string().contains("rot13"));
        assert!(decoded("!", Some("base64")).is_err());
    }

    #[test]
    fn the_queue_it_came_from_is_told_or_found() {
        let told = |source| Attributes { source: Some(source), ..Attributes::default() };
        assert_eq!(came_from(&told("bulk"), ""), Source::Bulk);
        assert_eq!(came_from(&told("live"), ""), Source::Live);
        let moved = Attributes { moved_from: Some("arn:aws:sqs:r:0:sorl-dev-bulk"), ..Attributes::default() };
        assert_eq!(came_from(&moved, ""), Source::Bulk);
        assert_eq!(came_from(&Attributes::default(), "{\"Type\":\"Notification\"}"), Source::Live);
    }

    #[test]
    fn what_sns_could_not_deliver_names_its_subscription() {
        let body = r#"{"UnsubscribeURL":"https://sns.eu-north-1.amazonaws.com/?Action=Unsubscribe&SubscriptionArn=arn:aws:sns:eu-north-1:1:sorl-dev-messages:5f"}"#;
        let sns = Attributes { error: Some("no such queue"), ..Attributes::default() };
        assert_eq!(undelivered(&sns, body).as_deref(), Some("arn:aws:sns:eu-north-1:1:sorl-dev-messages:5f"));
        assert!(reason(&sns).unwrap().contains("no such queue"));
        assert_eq!(undelivered(&Attributes::default(), body), None);
    }
}
