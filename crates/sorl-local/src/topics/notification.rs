//! A notice as SNS wraps it for a queue (raw delivery off), to the letter and in SNS's own order and layout.

use std::collections::BTreeMap;

use sorl_core::envelope::TopicArn;
use sorl_core::time::Timestamp;

use crate::clock::iso8601;

/// A message to a topic.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Notice {
    /// SNS's id of it, the same in every queue.
    pub message_id: String,
    /// What it says.
    pub message: String,
    /// Its subject, if it has one.
    pub subject: Option<String>,
    /// Its attributes, by name.
    pub attributes: BTreeMap<String, NoticeAttribute>,
}

/// An attribute of a notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticeAttribute {
    /// `String`, `Number`, `Binary` or `String.Array`.
    pub kind: String,
    /// The text, or base64 of the bytes.
    pub value: String,
}

/// Nothing verifies it; a text must stand there.
const SIGNATURE: &str = "bm90IHNpZ25lZDogdGhpcyBpcyBhIGxvY2FsIHN0YWdl";

impl Notice {
    /// The body of the queue's record.
    #[must_use]
    pub fn body(&self, arn: &TopicArn, at: Timestamp) -> String {
        let region = &arn.region;
        let mut fields = vec![
            ("Type", text("Notification")),
            ("MessageId", text(&self.message_id)),
            ("TopicArn", text(&arn.to_string())),
        ];
        fields.extend(self.subject.as_deref().map(|subject| ("Subject", text(subject))));
        fields.extend([
            ("Message", text(&self.message)),
            ("Timestamp", text(&iso8601(at))),
            ("SignatureVersion", text("1")),
            ("Signature", text(SIGNATURE)),
            (
                "SigningCertURL",
                text(&format!("https://sns.{region}.amazonaws.com/SimpleNotificationService-local.pem")),
            ),
            (
                "UnsubscribeURL",
                text(&format!(
                    "https://sns.{region}.amazonaws.com/?Action=Unsubscribe&SubscriptionArn={arn}:00000000-0000-4000-8000-000000000000"
                )),
            ),
        ]);
        if !self.attributes.is_empty() {
            fields.push(("MessageAttributes", self.attributes_json()));
        }
        let fields: Vec<_> = fields.iter().map(|(name, value)| format!("  \"{name}\" : {value}")).collect();
        format!("{{\n{}\n}}", fields.join(",\n"))
    }

    fn attributes_json(&self) -> String {
        let attributes = self.attributes.iter().map(|(name, NoticeAttribute { kind, value })| {
            format!("    {} : {{\"Type\":{},\"Value\":{}}}", text(name), text(kind), text(value))
        });
        let attributes: Vec<_> = attributes.collect();
        format!("{{\n{}\n  }}", attributes.join(",\n"))
    }
}

fn text(text: &str) -> String {
    // A text always serializes.
    serde_json::to_string(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use sorl_core::envelope::Notification;

    use super::*;

    fn arn() -> TopicArn {
        TopicArn::parse("arn:aws:sns:eu-north-1:000000000000:sorl-dev-messages").unwrap()
    }

    fn notice() -> Notice {
        Notice { message_id: "m-1".into(), message: "\"hej\"\n\u{1f600}".into(), ..Notice::default() }
    }

    #[test]
    fn core_reads_what_is_written_here() {
        let at = Timestamp::from_millis(1_764_000_000_123);
        let channel = NoticeAttribute { kind: "String".into(), value: "room:1".into() };
        let notice = Notice { attributes: BTreeMap::from([("channel".into(), channel)]), ..notice() };
        let read = Notification::parse(&notice.body(&arn(), at), "dev").unwrap();
        assert_eq!((read.message_id, read.message, read.at), (notice.message_id, notice.message, at));
        assert_eq!((read.topic, read.channel.as_deref()), (arn(), Some("room:1")));
    }

    #[test]
    fn the_body_has_the_fields_of_sns_in_its_order() {
        let body = notice().body(&arn(), Timestamp::ZERO);
        let fields: Vec<_> = body
            .lines()
            .filter_map(|line| line.strip_prefix("  \"")?.split_once('"'))
            .map(|(name, _)| name)
            .collect();
        assert_eq!(
            fields,
            [
                "Type",
                "MessageId",
                "TopicArn",
                "Message",
                "Timestamp",
                "SignatureVersion",
                "Signature",
                "SigningCertURL",
                "UnsubscribeURL"
            ]
        );
    }
}
