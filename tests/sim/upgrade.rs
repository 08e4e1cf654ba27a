//! An upgrade under way: some regions run a version of tomorrow, which writes fields that nobody knows today.
//!
//! Not a version of its own: the same handlers, whose texts gain fields on the way. The invariant: nothing but
//! fields is added, and never within what a publisher sent as `data`.

use sorl_core::deliver::Record;
use sorl_core::envelope::{Topic, TopicArn};
use sorl_core::ports::RecordSource;
use sorl_core::region::Region;

/// How objects begin that Sorl writes: frames and envelopes, and what is in them.
const OURS: [&str; 7] = [
    r#"{"type":""#,
    r#"{"v":"#,
    r#"{"id":""#,
    r#"{"message":{"#,
    r#"{"connection":""#,
    r#"{"event":""#,
    r#"{"channel":""#,
];

/// What is added to each.
const MORE: &str = r#""of_tomorrow":{"level":2},"#;

/// The text as the version of tomorrow writes it.
pub(crate) fn with_more(text: &str) -> String {
    let mut written = text.to_owned();
    for start in OURS {
        let rest = start.strip_prefix('{').unwrap_or(start);
        written = written.replace(start, &format!("{{{MORE}{rest}"));
    }
    written
}

/// The record as it is handed out in `here`, if the regions that `is_newer` says run the version of tomorrow:
/// what came through a topic was written in the topic's region, a slice was written here.
pub(crate) fn as_written(record: Record, here: &Region, is_newer: impl Fn(&str) -> bool) -> Record {
    let body = match record.source {
        RecordSource::Bulk if is_newer(here.as_str()) => with_more(&record.body),
        RecordSource::Live => notification(&record.body, is_newer).unwrap_or(record.body),
        RecordSource::Bulk => record.body,
    };
    Record { body, ..record }
}

/// What a newer region relayed: SNS's own fields stay, the message that they carry has more. What publishers and
/// operators write has no version.
fn notification(body: &str, is_newer: impl Fn(&str) -> bool) -> Option<String> {
    let mut notification: serde_json::Value = serde_json::from_str(body).ok()?;
    let topic = TopicArn::parse(notification.get("TopicArn")?.as_str()?)?;
    if topic.topic != Topic::Relay || !is_newer(topic.region.as_str()) {
        return None;
    }
    let message = notification.get_mut("Message")?;
    *message = with_more(message.as_str()?).into();
    Some(notification.to_string())
}

#[test]
fn fields_are_added_and_nothing_else() {
    let frame = r#"{"type":"messages","messages":[{"id":"a","channel":"c","data":{"n": 1}}]}"#;
    let written = with_more(frame);
    assert_eq!(written.matches("of_tomorrow").count(), 2, "{written}");
    assert_eq!(written.replace(MORE, ""), frame);
}
