//! What a bus promises.

use std::collections::BTreeSet;

use sorl_core::envelope::{Notification, Relayed, Topic};
use sorl_core::ids::MessageId;
use sorl_core::ports::RecordSource;
use sorl_core::region::Region;

use crate::arm::{Arm, fresh_channel, in_time, message};
use crate::run;

fn items(arm: &dyn Arm, count: u64) -> Vec<Relayed> {
    let room = fresh_channel();
    let item = |n| Relayed::Message { message: message(&room, arm.now(), n), ephemeral: false };
    (0..count).map(item).collect()
}

fn id(item: &Relayed) -> MessageId {
    match item {
        Relayed::Message { message, .. } => message.id,
        Relayed::Presence(_) => panic!("only messages are sent here"),
    }
}

fn ids(items: &[Relayed]) -> BTreeSet<MessageId> {
    items.iter().map(id).collect()
}

/// What reaches a region's live queue from the relay topic of `origin`.
async fn arrived(arm: &dyn Arm, at: &Region, origin: &Region) -> BTreeSet<MessageId> {
    let bodies = arm.take(at, RecordSource::Live).await;
    let notifications = bodies.iter().map(|body| Notification::parse(body, "dev").unwrap());
    let relayed = notifications.filter(|notice| notice.topic.topic == Topic::Relay);
    let of_origin = relayed.filter(|notice| notice.topic.region == *origin);
    of_origin.map(|notice| id(&Relayed::parse(&notice.message).unwrap())).collect()
}

pub(crate) async fn accepted_reaches_every_region(arm: &dyn Arm) {
    let (here, there) = (arm.here(), arm.there());
    let sent = items(arm, 25);
    arm.bus(&here).publish(&sent).await.unwrap();
    arm.settle().await;
    assert_eq!(arrived(arm, &here, &here).await, ids(&sent));
    assert_eq!(arrived(arm, &there, &here).await, ids(&sent));
}

/// Not a clause of its own: `accepted_reaches_every_region` for one that is cut off now.
pub(crate) async fn accepted_reaches_a_region_that_was_cut_off(arm: &dyn Arm) {
    let (here, there) = (arm.here(), arm.there());
    let (from_here, from_there) = (items(arm, 3), items(arm, 3));
    arm.cut(Some(&there)).await;
    arm.bus(&here).publish(&from_here).await.unwrap();
    arm.bus(&there).publish(&from_there).await.unwrap();
    assert_eq!(arrived(arm, &there, &here).await, BTreeSet::new());
    assert_eq!(arrived(arm, &here, &here).await, ids(&from_here), "others go on");
    arm.bus(&there).publish(&from_there).await.unwrap();
    assert_eq!(arrived(arm, &there, &there).await, ids(&from_there), "it reaches itself");
    arm.cut(None).await;
    arm.settle().await;
    assert_eq!(arrived(arm, &there, &here).await, ids(&from_here));
    assert_eq!(arrived(arm, &here, &there).await, ids(&from_there));
}

pub(crate) async fn failures_are_told_apart(arm: &dyn Arm) {
    let (here, there) = (arm.here(), arm.there());
    let mut acknowledged = BTreeSet::new();
    arm.disturb(true);
    for _ in 0..10 {
        let sent = items(arm, 25);
        let failed = match arm.bus(&here).publish(&sent).await {
            Ok(()) => Vec::new(),
            Err(partial) => partial.failed,
        };
        assert!(failed.is_sorted() && failed.iter().all(|index| *index < sent.len()));
        let done = sent.iter().enumerate().filter(|(index, _)| !failed.contains(index));
        acknowledged.extend(done.map(|(_, item)| id(item)));
    }
    arm.disturb(false);
    arm.settle().await;
    for region in [&here, &there] {
        assert!(arrived(arm, region, &here).await.is_superset(&acknowledged));
    }
}

pub(crate) async fn answers_in_time(arm: &dyn Arm) {
    arm.disturb(true);
    for _ in 0..4 {
        drop(in_time(arm.bus(&arm.here()).publish(&items(arm, 1))).await);
    }
}

run!(memory: crate::local::memory() => accepted_reaches_every_region,
    accepted_reaches_a_region_that_was_cut_off, failures_are_told_apart, answers_in_time);
run!(disk: crate::local::disk() => accepted_reaches_every_region, accepted_reaches_a_region_that_was_cut_off,
    failures_are_told_apart, answers_in_time);
run!(emulator: crate::aws::queues() => accepted_reaches_every_region, failures_are_told_apart, answers_in_time);
