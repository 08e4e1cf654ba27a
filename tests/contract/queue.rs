//! What a queue promises.

use std::time::Duration;

use sorl_core::envelope::{Owed, Rest, Slice};
use sorl_core::ports::{DeadLetter, RecordSource};

use crate::arm::{Arm, fresh_channel, in_time, message};
use crate::run;

/// A slice that is told from others by its depth.
fn slice(arm: &dyn Arm, depth: u32, delay: Duration) -> Slice {
    let owed = Owed { message: message(&fresh_channel(), arm.now(), 1), ephemeral: false };
    let rest = Rest { channel: owed.message.channel.clone(), shard: 0, after: None };
    let mut slice = Slice::reading(vec![owed], rest, arm.now());
    slice.depth = depth;
    slice.delay = delay;
    slice
}

fn depths(bodies: &[String]) -> Vec<u32> {
    let mut depths: Vec<_> = bodies.iter().map(|body| Slice::parse(body).unwrap().depth).collect();
    depths.sort_unstable();
    depths
}

async fn take(arm: &dyn Arm) -> Vec<u32> {
    depths(&arm.take(&arm.here(), RecordSource::Bulk).await)
}

pub(crate) async fn sent_is_delivered(arm: &dyn Arm) {
    let now: Vec<_> = (0..25).map(|depth| slice(arm, depth, Duration::ZERO)).collect();
    arm.queue().send(&now).await.unwrap();
    let lost = arm.lose(&arm.here(), RecordSource::Bulk).await;
    assert!(!lost.is_empty());
    assert_eq!(take(arm).await, (0..25).collect::<Vec<_>>(), "what nobody answered for comes again");

    // Far apart, for arms whose time passes by itself.
    let later = [slice(arm, 100, Duration::from_secs(20)), slice(arm, 101, Duration::from_secs(60))];
    arm.queue().send(&later).await.unwrap();
    arm.pass(Duration::from_secs(4)).await;
    assert_eq!(take(arm).await, [0; 0], "not before its delay");
    arm.pass(Duration::from_secs(16)).await;
    assert_eq!(take(arm).await, [100]);
    arm.pass(Duration::from_secs(40)).await;
    assert_eq!(take(arm).await, [101]);
}

pub(crate) async fn failures_are_told_apart(arm: &dyn Arm) {
    let mut acknowledged = Vec::new();
    arm.disturb(true);
    for batch in 0..10 {
        let slices: Vec<_> = (0..6).map(|n| slice(arm, batch * 6 + n, Duration::ZERO)).collect();
        let failed = match arm.queue().send(&slices).await {
            Ok(()) => Vec::new(),
            Err(partial) => partial.failed,
        };
        assert!(failed.is_sorted() && failed.iter().all(|index| *index < slices.len()));
        let done = slices.iter().enumerate().filter(|(index, _)| !failed.contains(index));
        acknowledged.extend(done.map(|(_, slice)| slice.depth));
    }
    arm.disturb(false);
    let arrived = take(arm).await;
    assert!(acknowledged.iter().all(|depth| arrived.contains(depth)));
}

/// Of a batch with one that no queue takes, only that one fails.
pub(crate) async fn an_oversize_slice_fails_alone(arm: &dyn Arm) {
    let mut large = slice(arm, 2, Duration::ZERO);
    let owed = large.messages[0].clone();
    large.messages = vec![owed; 6_000];
    let slices = [slice(arm, 1, Duration::ZERO), large, slice(arm, 3, Duration::ZERO)];
    let partial = arm.queue().send(&slices).await.unwrap_err();
    assert_eq!(partial.failed, [1]);
    assert_eq!(take(arm).await, [1, 3]);
}

pub(crate) async fn buried_is_kept(arm: &dyn Arm) {
    let room = fresh_channel();
    let letter = |source, body: &str| DeadLetter {
        source,
        body: body.to_owned(),
        reason: format!("because of {source:?} in {room} \u{1f600}"),
    };
    let letters =
        [letter(RecordSource::Live, "\u{0} not \"JSON\" \u{1f600}"), letter(RecordSource::Bulk, "{}")];
    for letter in &letters {
        arm.queue().bury(letter).await.unwrap();
    }
    arm.pass(Duration::from_hours(13 * 24)).await;
    let buried = arm.buried().await;
    assert!(letters.iter().all(|letter| buried.contains(letter)), "{buried:?}");
}

pub(crate) async fn answers_in_time(arm: &dyn Arm) {
    let letter = DeadLetter { source: RecordSource::Live, body: String::new(), reason: String::new() };
    arm.disturb(true);
    for _ in 0..4 {
        drop(in_time(arm.queue().send(&[slice(arm, 0, Duration::ZERO)])).await);
        drop(in_time(arm.queue().bury(&letter)).await);
    }
}

run!(memory: crate::local::memory() => sent_is_delivered, failures_are_told_apart,
    an_oversize_slice_fails_alone, buried_is_kept, answers_in_time);
run!(disk: crate::local::disk() => sent_is_delivered, failures_are_told_apart, an_oversize_slice_fails_alone,
    buried_is_kept, answers_in_time);
run!(emulator: crate::aws::queues() => sent_is_delivered, failures_are_told_apart, an_oversize_slice_fails_alone,
    buried_is_kept, answers_in_time);
