//! Publishing from outside: SNS's query protocol, as every AWS SDK speaks it.
//!
//! The stock clients have tests of their own; this is the publisher that costs no process.

use serde_json::Value;

use crate::aws::Aws;
use crate::http::Answer;
use crate::stage::Stage;

/// One entry of a batch: its id, its message, its attribute `channel`.
pub type Entry<'a> = (&'a str, String, Option<&'a str>);

impl Stage {
    /// Publishes JSON to the region's `messages` topic; returns SNS's message id.
    ///
    /// # Panics
    /// If SNS refuses.
    pub async fn publish(&self, region: &str, message: &Value) -> String {
        let topic = self.region(region).topic.clone();
        accepted(&self.publish_to(&topic, &message.to_string(), None).await)
    }

    /// Publishes a text with the attribute `channel`; returns SNS's message id.
    ///
    /// # Panics
    /// If SNS refuses.
    pub async fn publish_text(&self, region: &str, channel: &str, text: &str) -> String {
        let topic = self.region(region).topic.clone();
        accepted(&self.publish_to(&topic, text, Some(channel)).await)
    }

    /// Gives an order on the region's `control` topic.
    ///
    /// # Panics
    /// If SNS refuses.
    pub async fn control(&self, region: &str, order: &Value) {
        let topic = self.sibling(region, "control");
        accepted(&self.publish_to(&topic, &order.to_string(), None).await);
    }

    /// The ARN of another of the region's topics.
    ///
    /// # Panics
    /// If the ARN of the `messages` topic does not say so.
    #[must_use]
    pub fn sibling(&self, region: &str, topic: &str) -> String {
        let arn = &self.region(region).topic;
        format!("{}{topic}", arn.strip_suffix("messages").expect("the messages topic"))
    }

    /// `Publish`, whatever comes of it.
    pub async fn publish_to(&self, topic: &str, message: &str, channel: Option<&str>) -> Answer {
        let mut fields = vec![("Action", "Publish"), ("TopicArn", topic), ("Message", message)];
        if let Some(channel) = channel {
            fields.extend([
                ("MessageAttributes.entry.1.Name", "channel"),
                ("MessageAttributes.entry.1.Value.DataType", "String"),
                ("MessageAttributes.entry.1.Value.StringValue", channel),
            ]);
        }
        self.sns(&fields).await
    }

    /// `PublishBatch` to the region's `messages` topic, whatever comes of it.
    pub async fn publish_batch(&self, region: &str, entries: &[Entry<'_>]) -> Answer {
        let topic = &self.region(region).topic;
        let mut fields =
            vec![("Action".to_owned(), "PublishBatch".to_owned()), ("TopicArn".to_owned(), topic.clone())];
        for (at, (id, message, channel)) in entries.iter().enumerate() {
            let entry = format!("PublishBatchRequestEntries.member.{}", at + 1);
            fields.push((format!("{entry}.Id"), (*id).to_owned()));
            fields.push((format!("{entry}.Message"), message.clone()));
            if let Some(channel) = channel {
                let attribute = format!("{entry}.MessageAttributes.entry.1");
                fields.push((format!("{attribute}.Name"), "channel".to_owned()));
                fields.push((format!("{attribute}.Value.DataType"), "String".to_owned()));
                fields.push((format!("{attribute}.Value.StringValue"), (*channel).to_owned()));
            }
        }
        let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        self.sns(&fields).await
    }

    /// A call of SNS's query protocol, in the region of its topic.
    ///
    /// # Panics
    /// If there is no answer.
    pub async fn sns(&self, fields: &[(&str, &str)]) -> Answer {
        let topic = fields.iter().find(|(name, _)| *name == "TopicArn").map_or("", |(_, topic)| topic);
        let region = topic.split(':').nth(3).unwrap_or_default();
        let mut fields = fields.to_vec();
        fields.push(("Version", "2010-03-31"));
        Aws { endpoint: self.url.clone() }.query(region, "sns", &fields).await
    }
}

/// The message id in the answer to `Publish`.
///
/// # Panics
/// If it was refused.
pub fn accepted(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{answer:?}");
    elements(&answer.body, "MessageId").next().expect("a message id").to_owned()
}

/// The texts of all elements of this name.
pub fn elements<'x>(xml: &'x str, name: &str) -> impl Iterator<Item = &'x str> + use<'x> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let after: Vec<_> = xml.split(&open).skip(1).collect();
    after.into_iter().filter_map(move |rest| rest.split_once(&close).map(|(text, _)| text))
}
