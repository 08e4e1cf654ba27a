//! A region's gateway gone and back.
//!
//! Its clients go on in another region and recover what they missed; what `deliver` could not post meanwhile is tried
//! again until it can, or until the client is known to be gone; and nothing of it ends as a dead letter.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use sorl_tests::names::unique;
use sorl_tests::stage::Stage;
use tokio::task::JoinSet;

use super::chat::{Desk, Listener, outside};
use super::queues::{attribute, see_again_after};
use crate::shared::stage;

/// Between two messages of a publisher.
const PACE: Duration = Duration::from_millis(200);
/// What could not be posted comes again after so many seconds.
const VISIBILITY: &str = "5";
/// How long a client may take to find another region, and all to be shown everything.
const PATIENCE: Duration = Duration::from_secs(90);
/// How many messages a client is shown through another region before its own comes back.
const MEANWHILE: usize = 20;

#[tokio::test(flavor = "multi_thread")]
async fn a_region_whose_gateway_is_gone_and_comes_back_loses_nothing() {
    let stage = stage().await;
    let [lost, here, there] = stage.three();
    let channel = unique("calm:outage");
    let kept = attribute(&stage, lost, "live", "VisibilityTimeout").await;
    see_again_after(&stage, VISIBILITY).await;
    let mut listeners = Vec::new();
    for region in stage.three() {
        listeners.push(Listener::begin(&stage, region, &channel).await);
    }
    // It has no way around, so that its row stands and what is for it is owed until it is known to be gone.
    let stranded = stage.member(lost, &channel).await;
    let desk = Desk::open(&stage, &channel, PACE);
    let mut publishers = JoinSet::new();
    for region in [lost, here, there] {
        publishers.spawn(outside(desk.clone(), region.to_owned()));
    }
    shows_more(&listeners[0], "before", 3).await;

    let outage = Outage::of(&stage, lost);
    let cut = Instant::now();
    sorl_tests::within(PATIENCE, "a member again", async || (listeners[0].memberships() > 1).then_some(()))
        .await;
    let elsewhere = cut.elapsed().as_millis();
    shows_more(&listeners[0], "through another region", MEANWHILE).await;
    outage.end();
    let back = Instant::now();
    is_taken_up_again(&stage, lost, &channel).await;
    let again = back.elapsed().as_millis();

    desk.close();
    publishers.join_all().await;
    let acknowledged = desk.acknowledged();
    for listener in &listeners {
        listener.has_all(&acknowledged, PATIENCE).await;
    }
    is_drained(&stage, lost).await;
    let drained = back.elapsed().as_millis();
    drop(stranded);
    let count = acknowledged.len();
    println!("outage: {count} messages acknowledged, shown to all, once");
    println!("outage: ms from the cut until its client was a member elsewhere: {elsewhere}");
    println!("outage: ms from the return to a newcomer's first message: {again}, to empty queues: {drained}");
    desk.has_no_dead_letter().await;
    see_again_after(&stage, &kept).await;
}

async fn shows_more(listener: &Listener, how: &str, more: usize) {
    let before = listener.count();
    let enough = async || (listener.count() >= before + more).then_some(());
    sorl_tests::within(PATIENCE, how, enough).await;
}

/// Somebody who comes now is let in, and gets what is published.
async fn is_taken_up_again(stage: &Stage, region: &str, channel: &str) {
    let mut newcomer = stage.member(region, channel).await;
    newcomer.live_until(channel, |messages| !messages.is_empty()).await;
    newcomer.close().await;
}

/// What is owed to whom nobody can reach any more keeps no record in a queue.
async fn is_drained(stage: &Stage, region: &str) {
    sorl_tests::within(PATIENCE, "the region's queues are empty", async || {
        for queue in ["live", "bulk"] {
            for kind in ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"] {
                if attribute(stage, region, queue, kind).await != "0" {
                    return None;
                }
            }
        }
        Some(())
    })
    .await;
}

/// The gateway of a region is gone as long as the emulator reads its API's id in this file.
struct Outage {
    file: PathBuf,
}

impl Outage {
    fn of(stage: &Stage, region: &str) -> Self {
        let file = PathBuf::from(std::env::var("SORL_EMULATOR_GONE").expect("run `make deployed`"));
        // `ws://HOST/_aws/execute-api/API/STAGE`
        let api = stage.region(region).url.rsplit('/').nth(1).expect("an API's id").to_owned();
        std::fs::write(&file, api).expect("a file that the emulator reads");
        Self { file }
    }

    fn end(self) {
        drop(self);
    }
}

impl Drop for Outage {
    fn drop(&mut self) {
        // Also when the test fails: what runs after it needs the region.
        std::fs::remove_file(&self.file).unwrap_or_default();
    }
}
