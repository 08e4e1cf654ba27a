//! Core's queue over SQS: `bulk` and the dead letters of the own region.
//!
//! Not the receiving, which is Lambda's. The invariant: a slice is acknowledged only if SQS named it as successful,
//! and a dead letter's body is the record's to the last byte: as it is, or, where SQS would refuse it, in base64,
//! which the attribute `encoding` says.

use std::borrow::Cow;

use async_trait::async_trait;
use aws_sdk_sqs::error::{BuildError, DisplayErrorContext};
use aws_sdk_sqs::operation::send_message_batch::SendMessageBatchOutput;
use aws_sdk_sqs::types::{MessageAttributeValue, SendMessageBatchRequestEntry};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sorl_core::batch::Batches;
use sorl_core::envelope::Slice;
use sorl_core::limits::{SQS_BYTES_MAX, SQS_DELAY_MAX};
use sorl_core::ports::{DeadLetter, Partial, Queue, RecordSource, Unavailable};

use crate::batch::{Outcome, send_all, sendable};

const PORT: &str = "queue";
/// Bytes of the attribute `reason`: enough for words, and small beside any body.
const REASON_MAX: usize = 1_024;
/// What the attribute `encoding` says of a body that is not as the record was.
const BASE64: &str = "base64";

/// The port over the two queues.
#[derive(Debug, Clone)]
pub struct AwsQueue {
    client: aws_sdk_sqs::Client,
    bulk_url: String,
    dead_letters_url: String,
}

impl AwsQueue {
    /// The queue that sends to `bulk_url` and buries at `dead_letters_url`.
    #[must_use]
    pub const fn new(client: aws_sdk_sqs::Client, bulk_url: String, dead_letters_url: String) -> Self {
        Self { client, bulk_url, dead_letters_url }
    }

    async fn send_batch(&self, batch: Vec<(usize, String)>, slices: &[Slice]) -> Outcome {
        let entries: Result<Vec<_>, _> =
            batch.into_iter().map(|(index, body)| entry(index, body, slices.get(index))).collect();
        let entries = match entries {
            Ok(entries) => entries,
            Err(fault) => return Outcome::failed(fault),
        };
        let call = self.client.send_message_batch().queue_url(&self.bulk_url);
        match call.set_entries(Some(entries)).send().await {
            Ok(output) => outcome(&output),
            Err(fault) => Outcome::failed(DisplayErrorContext(fault).to_string()),
        }
    }
}

#[async_trait]
impl Queue for AwsQueue {
    async fn send(&self, slices: &[Slice]) -> Result<(), Partial> {
        let bodies = slices.iter().map(|slice| sendable(slice.to_json()));
        let batches = Batches::of(bodies, 0, SQS_BYTES_MAX);
        send_all(PORT, batches, |batch| self.send_batch(batch, slices)).await
    }

    async fn bury(&self, letter: &DeadLetter) -> Result<(), Unavailable> {
        let (body, encoded) = keepable(&letter.body);
        let mut call = self
            .client
            .send_message()
            .queue_url(&self.dead_letters_url)
            .message_attributes("reason", attribute(&reason(&letter.reason))?)
            .message_attributes("source", attribute(source(letter.source))?);
        if encoded {
            call = call.message_attributes("encoding", attribute(BASE64)?);
        }
        call.message_body(body)
            .send()
            .await
            .map(|_sent| ())
            .map_err(|fault| Unavailable::new(PORT, DisplayErrorContext(fault).to_string()))
    }
}

fn entry(
    index: usize,
    body: String,
    slice: Option<&Slice>,
) -> Result<SendMessageBatchRequestEntry, BuildError> {
    let delay = slice.map(|slice| slice.delay).unwrap_or_default().min(SQS_DELAY_MAX);
    // Rounded up: not before its delay.
    let seconds = delay.as_millis().div_ceil(1_000);
    SendMessageBatchRequestEntry::builder()
        .id(index.to_string())
        .message_body(body)
        .delay_seconds(i32::try_from(seconds).unwrap_or(i32::MAX))
        .build()
}

fn outcome(output: &SendMessageBatchOutput) -> Outcome {
    let done = output.successful().iter().map(|entry| entry.id().to_owned()).collect();
    let fault = output.failed().first();
    let fault =
        fault.map(|fault| format!("{}: {}", fault.code(), fault.message().unwrap_or_default()).into());
    Outcome { done, fault }
}

/// The body as SQS takes it, and whether it had to be encoded for that: SQS refuses empty ones and some characters.
fn keepable(body: &str) -> (Cow<'_, str>, bool) {
    if !body.is_empty() && body.chars().all(is_taken) {
        return (Cow::Borrowed(body), false);
    }
    let encoded = STANDARD.encode(body);
    // Nothing encodes to nothing; a space is as empty as SQS can have it, and decodes to nothing once trimmed.
    (Cow::Owned(if encoded.is_empty() { " ".to_owned() } else { encoded }), true)
}

/// Whether SQS takes the character, in bodies and attributes alike.
const fn is_taken(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

/// The reason as an attribute may be: one or more characters that SQS takes, at most [`REASON_MAX`] bytes.
fn reason(text: &str) -> String {
    let mut reason = String::new();
    for character in text.chars().map(|character| if is_taken(character) { character } else { '\u{fffd}' }) {
        if reason.len() + character.len_utf8() > REASON_MAX {
            break;
        }
        reason.push(character);
    }
    if reason.is_empty() { "unknown".to_owned() } else { reason }
}

const fn source(source: RecordSource) -> &'static str {
    match source {
        RecordSource::Live => "live",
        RecordSource::Bulk => "bulk",
    }
}

fn attribute(value: &str) -> Result<MessageAttributeValue, Unavailable> {
    let attribute = MessageAttributeValue::builder().data_type("String").string_value(value).build();
    attribute.map_err(|fault| Unavailable::new(PORT, fault))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_that_sqs_takes_is_kept_untouched_and_any_other_can_be_decoded() {
        let plain = "{\"a\":\"é\u{10ffff}\t\"}";
        assert_eq!(keepable(plain), (Cow::Borrowed(plain), false));
        for odd in ["", "a\u{0}b", "\u{1b}", "\u{ffff}"] {
            let (body, encoded) = keepable(odd);
            assert!(encoded && !body.is_empty());
            assert_eq!(STANDARD.decode(body.trim()).unwrap(), odd.as_bytes());
        }
    }

    #[test]
    fn a_reason_is_bounded_and_has_only_characters_that_sqs_takes() {
        assert_eq!(reason("not a slice: \u{0}x"), "not a slice: \u{fffd}x");
        assert_eq!(reason(""), "unknown");
        let long = reason(&"é".repeat(2_000));
        assert!(long.len() <= REASON_MAX && long.len() > REASON_MAX - 4);
    }
}
