//! The functions' processes killed at random while messages are published.
//!
//! Whatever a process had in its hands comes again: what was acknowledged, by SNS or by a reply, is shown to everybody,
//! once, and nothing of it ends as a dead letter. `SORL_FIRE_MINUTES` makes it longer.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use sorl_tests::names::unique;
use sorl_tests::socket::{Incoming, Socket};
use sorl_tests::stage::Stage;
use tokio::task::JoinSet;

use super::chat::{Desk, Listener, outside};
use super::process;
use super::queues::{attribute, see_again_after};
use crate::shared::stage;

/// `deliver` twice, because it has messages in its hands.
const FUNCTIONS: [&str; 6] = ["deliver", "command", "deliver", "connect", "disconnect", "authorize"];
/// Between two kills.
const INTERVAL: Duration = Duration::from_millis(400);
/// Between two messages of a publisher.
const PACE: Duration = Duration::from_millis(100);
/// After that a publish without an answer is tried again: a function of it may have been killed.
const ANSWER: Duration = Duration::from_secs(3);
/// What was in the hands of a killed function comes again after so many seconds.
const VISIBILITY: &str = "5";
/// How long everybody may take to be shown everything: redeliveries of redeliveries.
const PATIENCE: Duration = Duration::from_secs(90);

#[tokio::test(flavor = "multi_thread")]
async fn functions_killed_at_random_lose_nothing_that_was_acknowledged() {
    let stage = stage().await;
    let channel = unique("calm:kills");
    let kept = attribute(&stage, stage.three()[0], "live", "VisibilityTimeout").await;
    see_again_after(&stage, VISIBILITY).await;
    let mut listeners = Vec::new();
    for region in stage.three() {
        listeners.push(Listener::begin(&stage, region, &channel).await);
    }
    let desk = Desk::open(&stage, &channel, PACE);
    let mut publishers = JoinSet::new();
    for region in stage.three() {
        publishers.spawn(outside(Arc::clone(&desk), region.to_owned()));
        publishers.spawn(from_a_client(Arc::clone(&desk), region.to_owned()));
    }
    let killed = kill_for_a_while(&stage).await;
    desk.close();
    publishers.join_all().await;

    let ended = Instant::now();
    let acknowledged = desk.acknowledged();
    for listener in &listeners {
        listener.has_all(&acknowledged, PATIENCE).await;
    }
    let (count, waited) = (acknowledged.len(), ended.elapsed().as_millis());
    println!("kills: {killed:?}; {count} messages acknowledged, shown to all {waited} ms after the last");
    assert!(killed.values().sum::<usize>() > 0 && count > 0);
    desk.has_no_dead_letter().await;
    see_again_after(&stage, &kept).await;
}

/// How many processes of each function were killed.
async fn kill_for_a_while(stage: &Stage) -> BTreeMap<&'static str, usize> {
    let minutes = std::env::var("SORL_FIRE_MINUTES").ok();
    let minutes = minutes.map(|minutes| minutes.parse().expect("SORL_FIRE_MINUTES is a number"));
    let time = minutes.map_or(Duration::from_secs(15), |minutes: u64| Duration::from_secs(minutes * 60));
    let (started, mut killed) = (Instant::now(), BTreeMap::new());
    while started.elapsed() < time {
        let chance = usize::try_from(RandomState::new().hash_one(0) % 1_000_000).expect("it is small");
        let function = FUNCTIONS[chance % FUNCTIONS.len()];
        let region = stage.three()[chance / FUNCTIONS.len() % 3];
        for pid in process::of(stage, region, function) {
            // One that has just ended by itself is nobody's kill.
            let is_killed = Command::new("kill").args(["-KILL", &pid]).status().expect("kill").success();
            *killed.entry(function).or_default() += usize::from(is_killed);
        }
        // A pace, not a wait.
        tokio::time::sleep(INTERVAL).await;
    }
    killed
}

/// Publishes over a new connection each time, under a key until there is an answer: what it is that was killed on the
/// way, the authorizer, the connect or the command, it does not know.
async fn from_a_client(desk: Arc<Desk>, region: String) {
    let user = unique("user");
    while desk.is_open() {
        let (data, asked) = (unique("client"), Instant::now());
        while !tokio::time::timeout(ANSWER, is_published(&desk, &region, &user, &data)).await.unwrap_or(false)
        {
        }
        desk.acknowledge(data, asked).await;
    }
}

async fn is_published(desk: &Desk, region: &str, user: &str, data: &str) -> bool {
    let token = desk.stage.token(user).await;
    let url = &desk.stage.region(region).url;
    let Ok(mut socket) = Socket::try_open(user, url, &token, None).await else { return false };
    let publish = json!({"action": "publish", "id": 1, "channel": desk.channel, "data": data, "key": data});
    if socket.send_raw(publish.to_string().into()).await.is_err() {
        return false;
    }
    loop {
        match socket.next().await {
            Incoming::Frame(frame) if frame["id"] == 1 => return frame["type"] == "reply",
            // The emulator tells of a function that failed, as API Gateway does, in a frame that is no answer.
            Incoming::Frame(_) => {}
            Incoming::Closed(_) => return false,
        }
    }
}
