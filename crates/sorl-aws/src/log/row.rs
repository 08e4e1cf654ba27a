//! A message's row: channel and id are its key, the message is one text, as it stands in frames.

use sorl_core::message::Message;
use sorl_core::ports::{LogEntry, LogQuery};

use crate::table::{Item, ItemBuilder, Row};

/// Sorts before every id, which are hexadecimal digits and hyphens.
const FIRST: &str = "0";
/// Sorts after every id.
const LAST: &str = "g";

pub(super) fn write(entry: &LogEntry) -> Item {
    let message = &entry.message;
    ItemBuilder::keyed(message.channel.as_str(), message.id.to_string())
        .text("message", message.to_json())
        .expiring(entry.expires_at)
        .build()
}

/// The entry, unless another version wrote something that this one does not understand: then that message is left
/// out, since a page that failed for it would fail for ever.
pub(super) fn read(row: &Row) -> Option<LogEntry> {
    let entry = row.text("message").zip(row.expires_at()).and_then(|(text, expires_at)| {
        let message: Message = serde_json::from_str(text).ok()?;
        Some(LogEntry { message, expires_at })
    });
    if entry.is_none() {
        tracing::warn!(pk = row.partition_key(), sk = row.sort_key(), "a message's row cannot be read");
    }
    entry
}

/// The first and last sort key of a range; none for a range with nothing in it, which DynamoDB takes for a mistake.
pub(super) fn bounds(query: &LogQuery) -> Option<(String, String)> {
    // The least text greater than an id is longer than it: no id lies between the two.
    let from = query.after.map_or_else(|| FIRST.to_owned(), |after| format!("{after}+"));
    let to = query.before.map_or_else(|| LAST.to_owned(), |before| before.predecessor().to_string());
    (from < to).then_some((from, to))
}
