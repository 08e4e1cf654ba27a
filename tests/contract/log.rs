//! What a log promises.

use std::time::Duration;

use sorl_core::ids::{MessageId, Tail};
use sorl_core::names::ChannelName;
use sorl_core::ports::{LateMark, Log, LogEntry, LogQuery, Order};

use crate::arm::{Arm, channel, entry, fresh_channel, in_time, message};
use crate::run;

/// `count` entries of a channel, a second apart, the oldest first.
fn entries(arm: &dyn Arm, room: &ChannelName, count: u64) -> Vec<LogEntry> {
    let now = arm.now();
    let at = |n| now.plus(Duration::from_secs(n));
    (0..count).map(|n| entry(message(room, at(n), n))).collect()
}

fn ids(entries: &[LogEntry]) -> Vec<MessageId> {
    entries.iter().map(|entry| entry.message.id).collect()
}

fn query(room: &ChannelName, order: Order, limit: usize) -> LogQuery {
    LogQuery { channel: room.clone(), after: None, before: None, order, limit }
}

/// The whole range, page by page.
async fn all(log: &dyn Log, mut query: LogQuery) -> Vec<LogEntry> {
    let mut entries = Vec::new();
    loop {
        let page = log.range(&query).await.unwrap();
        assert!(page.entries.len() <= query.limit);
        let last = page.entries.last().map(|entry| entry.message.id);
        entries.extend(page.entries);
        if !page.more {
            return entries;
        }
        let last = last.expect("a page that says more has an entry");
        match query.order {
            Order::Ascending => query.after = Some(last),
            Order::Descending => query.before = Some(last),
        }
    }
}

pub(crate) async fn written_is_read(arm: &dyn Arm) {
    let (log, room) = (arm.log(), fresh_channel());
    let written = entries(arm, &room, 2);
    log.append(&written).await.unwrap();
    let wanted: Vec<_> = ids(&written).into_iter().rev().chain([unknown_id(arm)]).collect();
    let read = log.read(&room, &wanted).await.unwrap();
    assert_eq!(ids(&read), ids(&written), "ascending, and only what stands");
    let texts = |entries: &[LogEntry]| -> Vec<_> {
        entries.iter().map(|entry| (entry.message.to_json(), entry.expires_at)).collect()
    };
    assert_eq!(texts(&read), texts(&written));
    assert_eq!(ids(&all(&*log, query(&room, Order::Ascending, 10)).await), ids(&written));
    marks_are_read(arm, &*log, &room, &ids(&written)).await;
}

fn unknown_id(arm: &dyn Arm) -> MessageId {
    MessageId::new(arm.now(), 1, Tail::from_bits(4_711))
}

async fn marks_are_read(arm: &dyn Arm, log: &dyn Log, room: &ChannelName, ids: &[MessageId]) {
    let now = arm.now();
    let at = |seconds| now.plus(Duration::from_secs(seconds));
    let unknown = unknown_id(arm);
    let mark = |written, named: &[MessageId], expires| LateMark {
        channel: room.clone(),
        at: at(written),
        ids: named.to_vec(),
        expires_at: at(expires),
    };
    let (early, late) = (mark(10, &ids[..1], 100), mark(20, ids, 200));
    // Two marks of one moment both stand; one written twice is one.
    let same_moment = mark(20, &[unknown], 200);
    for mark in [&early, &late, &same_moment, &late] {
        log.mark(mark).await.unwrap();
    }
    let mut all_ids = ids.to_vec();
    all_ids.push(unknown);
    all_ids.sort();
    let marks = log.marks(room, at(9), at(0), 10).await.unwrap();
    assert_eq!((marks.ids, marks.truncated), (all_ids.clone(), false));
    let marks = log.marks(room, at(20), at(0), 10).await.unwrap();
    assert_eq!(marks.ids, [], "only those stamped later");
    let marks = log.marks(room, at(0), at(150), 10).await.unwrap();
    assert_eq!(marks.ids, all_ids, "the early mark expired, the late one names its id as well");
    assert_eq!(log.marks(room, at(0), at(200), 10).await.unwrap().ids, []);
    assert!(log.marks(room, at(0), at(0), 2).await.unwrap().truncated);
    assert_eq!(log.marks(&fresh_channel(), at(0), at(0), 10).await.unwrap().ids, []);
}

pub(crate) async fn entries_sort_by_id(arm: &dyn Arm) {
    let (log, room) = (arm.log(), fresh_channel());
    let written = entries(arm, &room, 10);
    // Channels whose names lie next to this one's.
    for neighbour in [format!("{room}0"), format!("{room}:"), format!("{room}-")] {
        log.append(&entries(arm, &channel(&neighbour), 3)).await.unwrap();
    }
    for n in [7, 2, 9, 0, 5, 1, 8, 3, 6, 4] {
        log.append(&written[n..=n]).await.unwrap();
    }
    assert_eq!(ids(&all(&*log, query(&room, Order::Ascending, 100)).await), ids(&written));
    let mut reversed = ids(&written);
    reversed.reverse();
    assert_eq!(ids(&all(&*log, query(&room, Order::Descending, 100)).await), reversed);
}

pub(crate) async fn appending_twice_is_appending_once(arm: &dyn Arm) {
    let (log, room) = (arm.log(), fresh_channel());
    let written = entries(arm, &room, 3);
    for _ in 0..3 {
        log.append(&written).await.unwrap();
    }
    log.append(&[written.clone(), written.clone()].concat()).await.unwrap();
    assert_eq!(ids(&all(&*log, query(&room, Order::Ascending, 100)).await), ids(&written));
}

pub(crate) async fn failures_are_told_apart(arm: &dyn Arm) {
    let (log, room) = (arm.log(), fresh_channel());
    let written = entries(arm, &room, 60);
    arm.disturb(true);
    let mut acknowledged = Vec::new();
    let mut failures = 0;
    for batch in written.chunks(6) {
        let failed = match log.append(batch).await {
            Ok(()) => Vec::new(),
            Err(partial) => partial.failed,
        };
        failures += failed.len();
        assert!(failed.is_sorted() && failed.iter().all(|index| *index < batch.len()));
        let done = batch.iter().enumerate().filter(|(index, _)| !failed.contains(index));
        acknowledged.extend(done.map(|(_, entry)| entry.message.id));
    }
    arm.disturb(false);
    assert!(failures > 0, "the disturbance was felt");
    let standing = ids(&all(&*log, query(&room, Order::Ascending, 100)).await);
    assert!(acknowledged.iter().all(|id| standing.contains(id)));
}

pub(crate) async fn pages_lead_to_the_end(arm: &dyn Arm) {
    let (log, room) = (arm.log(), fresh_channel());
    let written = entries(arm, &room, 11);
    log.append(&written).await.unwrap();
    let written = ids(&written);
    let within =
        LogQuery { after: Some(written[1]), before: Some(written[9]), ..query(&room, Order::Ascending, 100) };
    for limit in [1, 2, 3, 4, 7, 8, 100] {
        let found = all(&*log, LogQuery { limit, ..within.clone() }).await;
        assert_eq!(ids(&found), written[2..9], "limit {limit}");
        let backwards = LogQuery { limit, order: Order::Descending, ..within.clone() };
        let mut found = ids(&all(&*log, backwards).await);
        found.reverse();
        assert_eq!(found, written[2..9], "limit {limit}, backwards");
    }
    let nothing = LogQuery { after: Some(written[5]), before: Some(written[6]), ..within.clone() };
    assert_eq!(ids(&all(&*log, nothing).await), []);
    let inverted = LogQuery { after: Some(written[9]), before: Some(written[1]), ..within };
    assert_eq!(ids(&all(&*log, inverted).await), []);
}

pub(crate) async fn answers_in_time(arm: &dyn Arm) {
    let (log, room) = (arm.log(), fresh_channel());
    let written = entries(arm, &room, 2);
    let mark = LateMark { channel: room.clone(), at: arm.now(), ids: ids(&written), expires_at: arm.now() };
    arm.disturb(true);
    for _ in 0..4 {
        drop(in_time(log.append(&written)).await);
        drop(in_time(log.mark(&mark)).await);
        drop(in_time(log.marks(&room, arm.now(), arm.now(), 10)).await);
        drop(in_time(log.read(&room, &mark.ids)).await);
        drop(in_time(log.range(&query(&room, Order::Ascending, 1))).await);
        drop(in_time(log.epochs("room")).await);
    }
}

run!(memory: crate::local::memory() => written_is_read, entries_sort_by_id, appending_twice_is_appending_once,
    failures_are_told_apart, pages_lead_to_the_end, answers_in_time);
run!(disk: crate::local::disk() => written_is_read, entries_sort_by_id, appending_twice_is_appending_once,
    failures_are_told_apart, pages_lead_to_the_end, answers_in_time);
run!(emulator: crate::aws::tables() => written_is_read, entries_sort_by_id, appending_twice_is_appending_once,
    failures_are_told_apart, pages_lead_to_the_end, answers_in_time);
