//! Somebody's messages taken out of a log on request, over the embedded log.
//!
//! Not the command, nor whose messages it means: `e2e/operating.rs`.

use std::time::Duration;

use serde_json::json;
use sorl_core::ids::{MessageId, Tail};
use sorl_core::message::Message;
use sorl_core::names::{ChannelName, UserName};
use sorl_core::ports::{Clock, Log, LogEntry, LogQuery, Order};
use sorl_core::region::Region;

use crate::stage::{HOME, Stage, wait};

/// More than the embedded log reads at once.
const MESSAGES: u64 = 1_201;

fn channel(name: &str) -> ChannelName {
    ChannelName::parse(name).unwrap()
}

/// Logs as many messages in the channel, of bob and of alice in turn.
fn fill(stage: &Stage, name: &str) {
    let region = Region::parse(HOME).unwrap();
    let entry = |n: u64| {
        let id = MessageId::new(stage.told.now().plus(Duration::from_millis(n)), 0, Tail::from_bits(n));
        let user = UserName::parse(if n.is_multiple_of(2) { "bob" } else { "alice" }).unwrap();
        let data = serde_json::value::to_raw_value(&json!(n)).unwrap();
        let message = Message::new(id, channel(name), data, Some((user, true)), region.clone());
        LogEntry { message, expires_at: stage.told.now().plus(Duration::from_hours(1)) }
    };
    let entries: Vec<_> = (0..MESSAGES).map(entry).collect();
    wait(stage.place(HOME).log.append(&entries)).unwrap();
}

/// How many messages of bob's, and of others, are left in the channel.
fn left(stage: &Stage, name: &str) -> (usize, usize) {
    let query = |after| LogQuery {
        channel: channel(name),
        after,
        before: None,
        order: Order::Ascending,
        limit: 1_000,
    };
    let (mut bobs, mut others, mut after) = (0, 0, None);
    loop {
        let page = wait(stage.place(HOME).log.range(&query(after))).unwrap();
        let (his, not_his): (Vec<_>, Vec<_>) = page.entries.iter().partition(|entry| is_bobs(&entry.message));
        (bobs, others) = (bobs + his.len(), others + not_his.len());
        after = page.entries.last().map(|entry| entry.message.id);
        if !page.more {
            return (bobs, others);
        }
    }
}

fn is_bobs(message: &Message) -> bool {
    message.user.as_ref().is_some_and(|user| user.as_str() == "bob")
}

#[test]
fn all_that_is_meant_is_erased_to_the_last_page_and_nothing_else_is() {
    let stage = Stage::new();
    let erase = |channels: Option<&[ChannelName]>, erase| {
        wait(stage.place(HOME).log.erase(channels, &is_bobs, erase)).unwrap()
    };
    ["room:1", "room:2", "room:3"].into_iter().for_each(|name| fill(&stage, name));
    assert_eq!(erase(Some(&[channel("room:1")]), false), 601);
    assert_eq!(left(&stage, "room:1"), (601, 600), "they were only counted");
    assert_eq!(erase(Some(&[channel("room:1")]), true), 601);
    assert_eq!([left(&stage, "room:1"), left(&stage, "room:2")], [(0, 600), (601, 600)]);
    assert_eq!(erase(None, true), 2 * 601);
    assert_eq!(["room:2", "room:3"].map(|name| left(&stage, name)), [(0, 600); 2]);
    assert_eq!(erase(None, false), 0);
}
