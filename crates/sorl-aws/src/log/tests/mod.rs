//! What the log makes of DynamoDB's answers, and how it asks.

mod append;
mod epochs;
mod read;

use std::time::Duration;

use serde_json::{Value, json};
use sorl_core::ids::{MessageId, Tail};
use sorl_core::message::Message;
use sorl_core::names::ChannelName;
use sorl_core::ports::LogEntry;
use sorl_core::region::Region;
use sorl_core::time::Timestamp;

use super::{AwsLog, Completeness};
use crate::table::recorded::Recorded;

const NOW: Timestamp = Timestamp::from_millis(1_764_000_000_500);
const TABLE: &str = "sorl-dev-messages";

fn log(recorded: &Recorded) -> AwsLog {
    AwsLog::new(recorded.client(), TABLE.into(), Completeness::FromStart)
}

fn room() -> ChannelName {
    ChannelName::parse("room:1").unwrap()
}

fn id(n: u64) -> MessageId {
    MessageId::new(NOW, 0, Tail::from_bits(n))
}

fn entry(n: u64) -> LogEntry {
    let data = serde_json::value::RawValue::from_string(format!("{{\"n\": {n}.0}}")).unwrap();
    let message = Message::new(id(n), room(), data, None, Region::parse("eu-north-1").unwrap());
    LogEntry { message, expires_at: NOW.plus(Duration::from_hours(1)) }
}

fn row(n: u64) -> Value {
    json!({
        "pk": {"S": "room:1"}, "sk": {"S": id(n).to_string()}, "message": {"S": entry(n).message.to_json()},
        "expires_at": {"N": "1764003601"}, "expires_ms": {"N": "1764003600500"},
    })
}

fn key(n: u64) -> Value {
    json!({"pk": {"S": "room:1"}, "sk": {"S": id(n).to_string()}})
}

fn ids(entries: &[LogEntry]) -> Vec<MessageId> {
    entries.iter().map(|entry| entry.message.id).collect()
}
