//! Core's bus over SNS: the `relay` topic of the own region.
//!
//! Not the subscriptions that carry it to every region's queue: those are the template's. The invariant: an item is
//! acknowledged only if SNS named it as successful. The SDK retries a call that failed; an entry that failed in a
//! batch that did not is the caller's to retry.

use async_trait::async_trait;
use aws_sdk_sns::error::DisplayErrorContext;
use aws_sdk_sns::operation::publish_batch::PublishBatchOutput;
use aws_sdk_sns::types::{MessageAttributeValue, PublishBatchRequestEntry};
use sorl_core::batch::Batches;
use sorl_core::envelope::Relayed;
use sorl_core::limits::SNS_BYTES_MAX;
use sorl_core::ports::{Bus, Partial};

use crate::batch::{Outcome, send_all, sendable};

const PORT: &str = "bus";
/// Names what travels. An attribute is always there: to SNS's filters, a message without any is one that matches
/// nothing, not even the absence of an attribute.
const ATTRIBUTE: &str = "kind";
/// Bytes that SNS counts beside an item's own: the attribute's name, type and value.
const OVERHEAD: usize = 64;

/// The port over the topic.
#[derive(Debug, Clone)]
pub struct AwsBus {
    client: aws_sdk_sns::Client,
    topic_arn: String,
}

impl AwsBus {
    /// The bus that publishes to the topic `topic_arn`, in the client's region.
    #[must_use]
    pub const fn new(client: aws_sdk_sns::Client, topic_arn: String) -> Self {
        Self { client, topic_arn }
    }

    async fn publish_batch(&self, batch: Vec<(usize, String)>, items: &[Relayed]) -> Outcome {
        let entries: Result<Vec<_>, _> =
            batch.into_iter().map(|(index, text)| entry(index, text, items.get(index))).collect();
        let entries = match entries {
            Ok(entries) => entries,
            Err(fault) => return Outcome::failed(fault),
        };
        let call = self.client.publish_batch().topic_arn(&self.topic_arn);
        match call.set_publish_batch_request_entries(Some(entries)).send().await {
            Ok(output) => outcome(&output),
            Err(fault) => Outcome::failed(DisplayErrorContext(fault).to_string()),
        }
    }
}

#[async_trait]
impl Bus for AwsBus {
    async fn publish(&self, items: &[Relayed]) -> Result<(), Partial> {
        let texts = items.iter().map(|item| sendable(item.to_json()));
        let batches = Batches::of(texts, OVERHEAD, SNS_BYTES_MAX);
        send_all(PORT, batches, |batch| self.publish_batch(batch, items)).await
    }
}

fn entry(
    index: usize,
    text: String,
    item: Option<&Relayed>,
) -> Result<PublishBatchRequestEntry, aws_sdk_sns::error::BuildError> {
    let kind = match item {
        Some(Relayed::Presence(_)) => "presence",
        _ => "message",
    };
    let kind = MessageAttributeValue::builder().data_type("String").string_value(kind).build()?;
    PublishBatchRequestEntry::builder()
        .id(index.to_string())
        .message(text)
        .message_attributes(ATTRIBUTE, kind)
        .build()
}

fn outcome(output: &PublishBatchOutput) -> Outcome {
    let done = output.successful().iter().filter_map(|entry| entry.id()).map(str::to_owned).collect();
    let fault = output.failed().first();
    let fault =
        fault.map(|fault| format!("{}: {}", fault.code(), fault.message().unwrap_or_default()).into());
    Outcome { done, fault }
}
