//! Frames as they came: what a test asks of their JSON.

use std::collections::BTreeSet;

use serde_json::Value;

/// Whether a frame answers a request.
#[must_use]
pub fn is_answer(frame: &Value) -> bool {
    frame["type"] == "reply" || frame["type"] == "error"
}

/// The code of an error frame, whose form is checked.
///
/// # Panics
/// If it has not the form that the protocol says.
#[must_use]
pub fn code_of(frame: &Value) -> String {
    let error = frame["error"].as_object().unwrap_or_else(|| panic!("no error: {frame}"));
    let fields: BTreeSet<_> = error.keys().map(String::as_str).collect();
    assert_eq!(fields, BTreeSet::from(["code", "message", "temporary"]), "{frame}");
    let code = text(&error["code"]);
    let temporary = ["rate_limited", "unavailable", "internal"].contains(&code.as_str());
    assert_eq!(error["temporary"], temporary, "{frame}");
    assert!(!text(&error["message"]).is_empty(), "{frame}");
    code
}

/// The messages in a frame; none if it is another kind of frame.
pub fn messages_of(frame: &Value) -> impl Iterator<Item = &Value> {
    let is_live = frame["type"] == "messages";
    frame["messages"].as_array().filter(|_| is_live).into_iter().flatten()
}

/// Whether there is a message of this channel in a frame.
#[must_use]
pub fn has_message_of(frame: &Value, channel: &str) -> bool {
    messages_of(frame).any(|message| message["channel"] == channel)
}

/// The different ids of messages.
#[must_use]
pub fn ids(messages: &[Value]) -> BTreeSet<String> {
    messages.iter().map(|message| text(&message["id"])).collect()
}

/// A JSON string.
///
/// # Panics
/// If it is none.
#[must_use]
pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no string")).to_owned()
}
