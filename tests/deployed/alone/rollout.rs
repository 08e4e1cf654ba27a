//! Another version takes over and gives back while people chat: by a deployment, by hand, and by degrees, with the calls of
//! an alias by which a gradual rollout does it on AWS.
//!
//! Not what decides there (`CodeDeploy`), which the emulator has not. Whoever is connected stays, whoever comes is let
//! in, and what was acknowledged is shown to everybody, once.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde_json::json;
use sorl_client::{Client, Event, Events, Start, Status};
use sorl_tests::names::{now, unique};
use sorl_tests::server::{Folder, repository};
use sorl_tests::stage::Stage;
use tokio::sync::watch::Receiver;
use tokio::task::JoinSet;

use super::regions::node;
use super::versions::{Answered, FUNCTIONS, Versions};
use crate::rust_client;
use crate::shared::stage;

/// The part of the calls that a new version gets at first, as in `Canary10Percent10Minutes`.
const PART: f64 = 0.1;
/// Between two messages of a publisher: the emulator has the same cores.
const PACE: Duration = Duration::from_millis(300);
/// One call in ten is waited for, of a function that is called a few times a second.
const PATIENCE: Duration = Duration::from_secs(120);

#[tokio::test(flavor = "multi_thread")]
async fn versions_take_over_and_give_back_while_everybody_stays_and_misses_nothing() {
    let stage = stage().await;
    let chat = Chat::begin(&stage).await;
    let former = Versions::live(&stage).await;
    chat.sees("as it was", &[&former]).await;
    let begun = Instant::now();

    let folder = Folder::new("rollout");
    deploy_longer_history(&folder).await;
    let next = Versions::live(&stage).await;
    assert!(next.all_differ(&former), "{next:?} after {former:?}");
    chat.sees("deployed, at once", &[&next]).await;

    former.serve(&stage, None).await;
    chat.sees("back, by hand", &[&former]).await;
    former.serve(&stage, Some((&next, PART))).await;
    chat.sees("a part", &[&former, &next]).await;
    // Where the template has them: no deployment after this finds another.
    next.serve(&stage, None).await;
    chat.sees("whole", &[&next]).await;
    chat.end(begun).await;
}

/// Deploys another configuration, at once: one namespace keeps its history longer.
async fn deploy_longer_history(folder: &Folder) {
    let config = folder.path().join("sorl.toml");
    let text = std::fs::read_to_string(repository().join("tests/e2e/sorl.toml")).expect("the configuration");
    let longer = text.replace("history = \"10m\"", "history = \"20m\"");
    assert_ne!(longer, text);
    std::fs::write(&config, longer).expect("a file of the test's own");
    let (config, artifacts) = (config.display().to_string(), folder.path().join("lambda"));
    let artifacts = artifacts.strip_prefix(repository()).expect("below the repository").display().to_string();
    node("infra/package.mjs", &["--config", &config, "--out", &artifacts]).await;
    let params = format!("artifacts={artifacts}");
    node("infra/deploy.mjs", &["--stage", "e2e", "--config", &config, "--params", &params]).await;
}

/// Everybody who is there meanwhile: in each region two who listen, one who stays and publishes, one who comes, publishes
/// and goes, and a publisher outside.
struct Chat {
    desk: Arc<Desk>,
    listeners: Vec<Listener>,
    publishers: JoinSet<()>,
}

impl Chat {
    async fn begin(stage: &Stage) -> Self {
        let (channel, is_over) = (unique("calm:rollout"), AtomicBool::default());
        let (acknowledged, slowest) = (Mutex::default(), Mutex::default());
        let desk = Arc::new(Desk { stage: stage.clone(), channel, acknowledged, slowest, is_over });
        let (mut listeners, mut publishers) = (Vec::new(), JoinSet::new());
        for region in stage.three() {
            for _ in 0..2 {
                listeners.push(Listener::begin(stage, region, &desk.channel).await);
            }
        }
        // Only now, so that everybody is there to be shown everything.
        for region in stage.three() {
            publishers.spawn(stays(Arc::clone(&desk), region.to_owned()));
            publishers.spawn(comes_and_goes(Arc::clone(&desk), region.to_owned()));
            publishers.spawn(outside(Arc::clone(&desk), region.to_owned()));
        }
        Self { desk, listeners, publishers }
    }

    /// Chats on until each of these versions has answered calls of each function, and no other does any more.
    async fn sees(&self, phase: &str, expected: &[&Versions]) {
        let (begun, before) = (Instant::now(), self.desk.acknowledged.lock().len());
        *self.desk.slowest.lock() = Duration::ZERO;
        let mut since = now();
        let told = sorl_tests::within(PATIENCE, phase, async || {
            tokio::time::sleep(PACE).await;
            let answered = Answered::since(&self.desk.stage, since).await;
            let by = |function| expected.iter().map(move |versions| (*versions, function));
            let others = FUNCTIONS.iter().any(|function| {
                let known: usize = by(*function).map(|(versions, of)| answered.by(versions, of)).sum();
                known < answered.all(function)
            });
            if others {
                since = now();
                return None;
            }
            let mut parts = FUNCTIONS.iter().flat_map(|function| by(*function));
            parts.all(|(versions, of)| answered.by(versions, of) > 0).then_some(answered)
        })
        .await;
        let count = self.desk.acknowledged.lock().len() - before;
        let slowest = self.desk.slowest.lock().as_millis();
        let took = begun.elapsed().as_millis();
        println!("rollout: {phase}: {took} ms, {count} acknowledged, the slowest after {slowest} ms");
        for function in FUNCTIONS {
            let parts: Vec<_> = expected.iter().map(|versions| told.by(versions, function)).collect();
            println!("rollout: {phase}: {function} answered {parts:?}");
        }
    }

    /// Everybody has everything, and was there all the time since it began.
    async fn end(self, begun: Instant) {
        self.desk.is_over.store(true, Ordering::Relaxed);
        self.publishers.join_all().await;
        let acknowledged = self.desk.acknowledged.lock().clone();
        for listener in &self.listeners {
            listener.has_all(&acknowledged).await;
            listener.stayed_since(begun);
        }
        println!(
            "rollout: {} acknowledged, shown to all {}: 0 lost, 0 twice, 0 cut off",
            acknowledged.len(),
            self.listeners.len()
        );
        let letters = self.desk.stage.dead_letters().await;
        assert!(letters.iter().all(|letter| !letter.to_string().contains(&self.desk.channel)), "{letters:?}");
    }
}

/// What publishers share.
struct Desk {
    stage: Stage,
    channel: String,
    acknowledged: Mutex<Vec<String>>,
    slowest: Mutex<Duration>,
    is_over: AtomicBool,
}

impl Desk {
    fn is_open(&self) -> bool {
        !self.is_over.load(Ordering::Relaxed)
    }

    async fn acknowledge(&self, data: String, asked: Instant) {
        self.acknowledged.lock().push(data);
        let took = asked.elapsed();
        let slowest = (*self.slowest.lock()).max(took);
        *self.slowest.lock() = slowest;
        tokio::time::sleep(PACE).await;
    }
}

/// Publishes over one connection.
async fn stays(desk: Arc<Desk>, region: String) {
    let (client, _events) = rust_client::client(&desk.stage, &unique("user"), &region, 3600);
    let channel = rust_client::channel(&desk.channel);
    while desk.is_open() {
        let (data, asked) = (unique("stays"), Instant::now());
        client.publish(&channel, &data).await.expect("it gets through");
        desk.acknowledge(data, asked).await;
    }
    client.close().await;
}

/// Publishes over a new connection each time.
async fn comes_and_goes(desk: Arc<Desk>, region: String) {
    let channel = rust_client::channel(&desk.channel);
    while desk.is_open() {
        let (data, asked) = (unique("comes"), Instant::now());
        let (client, _events) = rust_client::client(&desk.stage, &unique("user"), &region, 3600);
        client.publish(&channel, &data).await.expect("it gets through");
        client.close().await;
        desk.acknowledge(data, asked).await;
    }
}

/// Publishes to SNS.
async fn outside(desk: Arc<Desk>, region: String) {
    while desk.is_open() {
        let (data, asked) = (unique("outside"), Instant::now());
        desk.stage.publish(&region, &json!({"channel": desk.channel, "data": data})).await;
        desk.acknowledge(data, asked).await;
    }
}

/// A client that remembers what it was shown.
struct Listener {
    /// It lives as long as this.
    _client: Client,
    shown: Arc<Mutex<Shown>>,
}

#[derive(Default)]
struct Shown {
    data: HashSet<String>,
    /// Of each connection, when it became a member.
    memberships: Vec<Instant>,
    /// What was shown twice, gaps, and lost connections.
    faults: Vec<String>,
}

impl Listener {
    async fn begin(stage: &Stage, region: &str, channel: &str) -> Self {
        let (client, events) = rust_client::client(stage, &unique("listener"), region, 3600);
        client.subscribe(&rust_client::channel(channel), Start::Now).await.expect("a member");
        let shown = Arc::new(Mutex::default());
        tokio::spawn(listen(events, Arc::clone(&shown)));
        tokio::spawn(watch(client.status(), Arc::clone(&shown)));
        Self { _client: client, shown }
    }

    async fn has_all(&self, acknowledged: &[String]) {
        sorl_tests::within(PATIENCE, "everything acknowledged is shown", async || {
            let shown = self.shown.lock();
            acknowledged.iter().all(|data| shown.data.contains(data)).then_some(())
        })
        .await;
        assert_eq!(self.shown.lock().faults, [""; 0]);
    }

    fn stayed_since(&self, begun: Instant) {
        let memberships = &self.shown.lock().memberships;
        assert!(memberships.iter().all(|at| *at < begun), "a member again after {begun:?}: {memberships:?}");
    }
}

async fn listen(mut events: Events, shown: Arc<Mutex<Shown>>) {
    while let Some(event) = events.next().await {
        let mut shown = shown.lock();
        match event {
            Event::Message { message, .. } => {
                let data: String = serde_json::from_str(message.data.get()).expect("a text");
                if !shown.data.insert(data.clone()) {
                    shown.faults.push(format!("{data} was shown twice"));
                }
            }
            Event::Subscribed { .. } => shown.memberships.push(Instant::now()),
            Event::Gap { channel } => shown.faults.push(format!("a gap in {channel}")),
            Event::Bye { code, .. } => shown.faults.push(format!("bye: {code}")),
            _ => {}
        }
    }
}

async fn watch(mut status: Receiver<Status>, shown: Arc<Mutex<Shown>>) {
    while status.changed().await.is_ok() {
        if let Some(lost) = status.borrow_and_update().lost() {
            shown.lock().faults.push(format!("{lost:?}"));
        }
    }
}
