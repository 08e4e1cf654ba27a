//! A batch as the peers read it: the same messages, rows and frames as `deliver` makes of it, by core's own words.
//!
//! Not how anything is sent: that is where the peers differ.

use anyhow::Result;
use serde::Deserialize;
use serde_json::{Value, json};
use sorl_core::envelope::{Notification, read_external};
use sorl_core::message::Message;
use sorl_core::protocol::messages_frame;

/// The stage, as its topics are called.
const STAGE: &str = "dev";
/// Seconds that a row of the log is kept.
const KEPT: u64 = 24 * 3_600;

/// What the event source hands to an invocation.
#[derive(Debug, Deserialize)]
pub struct Event {
    #[serde(rename = "Records")]
    records: Vec<Record>,
}

#[derive(Debug, Deserialize)]
struct Record {
    body: String,
}

impl Event {
    /// The batch's messages.
    ///
    /// # Errors
    /// If a record is no message that an external publisher wrote.
    pub fn messages(&self) -> Result<Vec<Message>> {
        self.records.iter().map(|record| message(&record.body)).collect()
    }
}

fn message(body: &str) -> Result<Message> {
    let notification = Notification::parse(body, STAGE).map_err(|poison| anyhow::anyhow!("{poison:?}"))?;
    let (message, _ephemeral) =
        read_external(&notification).map_err(|poison| anyhow::anyhow!("{poison:?}"))?;
    Ok(message)
}

/// The frame that members get: the message alone.
#[must_use]
pub fn frame(message: &Message) -> String {
    messages_frame(&[message])
}

/// The partition in which the channel's members of one region stand.
#[must_use]
pub fn partition(message: &Message) -> String {
    format!("{}#{}#0", message.channel, message.region)
}

/// The text and the numbers of a message's row in the log, by attribute.
#[must_use]
pub fn row(message: &Message) -> [(&'static str, Value); 5] {
    let expires_ms = message.at().as_millis() + KEPT * 1_000;
    [
        ("pk", json!({ "S": message.channel.as_str() })),
        ("sk", json!({ "S": message.id.to_string() })),
        ("message", json!({ "S": message.to_json() })),
        ("expires_ms", json!({ "N": expires_ms.to_string() })),
        ("expires_at", json!({ "N": (expires_ms / 1_000).to_string() })),
    ]
}

/// What Lambda is answered: nothing failed.
pub const DONE: &str = r#"{"batchItemFailures":[]}"#;
