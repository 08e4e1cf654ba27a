//! Another version takes over and gives back while people chat: by a deployment, by hand, and by degrees, with the calls of
//! an alias by which a gradual rollout does it on AWS.
//!
//! Not what decides there (`CodeDeploy`), which the emulator has not. Whoever is connected stays, whoever comes is let
//! in, and what was acknowledged is shown to everybody, once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sorl_tests::names::{now, unique};
use sorl_tests::server::{Folder, repository};
use sorl_tests::stage::Stage;
use tokio::task::JoinSet;

use super::chat::{Desk, Listener, outside};
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
    let mut chat = Chat::begin(&stage).await;
    let former = Versions::live(&stage).await;
    chat.sees("as it was", &[&former]).await;

    // Shards are read before they are written, and history is kept longer.
    let next = deploy(&stage, "shards_read = 4\n", &former).await;
    chat.sees("deployed, at once", &[&next]).await;
    former.serve(&stage, None).await;
    chat.sees("back, by hand", &[&former]).await;
    former.serve(&stage, Some((&next, PART))).await;
    chat.sees("a part", &[&former, &next]).await;
    // Where the template has them, so that the next deployment finds what it left.
    next.serve(&stage, None).await;
    chat.sees("whole", &[&next]).await;

    let last = deploy(&stage, "shards = 4\n", &next).await;
    chat.grows().await;
    chat.sees("more shards written, members in them", &[&last]).await;
    chat.end().await;
}

/// Deploys, at once, a configuration in which the chat's namespace has a line more, and another one keeps its history
/// longer. Returns the versions that serve from then on.
async fn deploy(stage: &Stage, line: &str, former: &Versions) -> Versions {
    let folder = Folder::new("rollout");
    let config = folder.path().join("sorl.toml");
    let text = std::fs::read_to_string(repository().join("tests/e2e/sorl.toml")).expect("the configuration");
    let other = text.replace("history = \"10m\"", "history = \"20m\"");
    let (before, after) = other.split_once("[namespaces.calm]").expect("the chat's namespace");
    let (comment, rest) = after.split_once('\n').expect("its lines");
    std::fs::write(&config, format!("{before}[namespaces.calm]{comment}\n{line}{rest}")).expect("a file");
    let (config, artifacts) = (config.display().to_string(), folder.path().join("lambda"));
    let artifacts = artifacts.strip_prefix(repository()).expect("below the repository").display().to_string();
    node("infra/package.mjs", &["--config", &config, "--out", &artifacts]).await;
    let params = format!("artifacts={artifacts}");
    node("infra/deploy.mjs", &["--stage", "e2e", "--config", &config, "--params", &params]).await;
    let next = Versions::live(stage).await;
    assert!(next.all_differ(former), "{next:?} after {former:?}");
    next
}

/// Everybody who is there meanwhile: in each region two who listen, one who stays and publishes, one who comes, publishes
/// and goes, and a publisher outside.
struct Chat {
    desk: Arc<Desk>,
    /// With the moment since when each was a member.
    listeners: Vec<(Listener, Instant)>,
    publishers: JoinSet<()>,
}

impl Chat {
    async fn begin(stage: &Stage) -> Self {
        let desk = Desk::open(stage, &unique("calm:rollout"), PACE);
        let mut chat = Self { desk, listeners: Vec::new(), publishers: JoinSet::new() };
        chat.grows().await;
        let Self { desk, publishers, .. } = &mut chat;
        for region in stage.three() {
            publishers.spawn(stays(Arc::clone(desk), region.to_owned()));
            publishers.spawn(comes_and_goes(Arc::clone(desk), region.to_owned()));
            publishers.spawn(outside(Arc::clone(desk), region.to_owned()));
        }
        chat
    }

    /// Two more listen in each region.
    async fn grows(&mut self) {
        for region in self.desk.stage.three().repeat(2) {
            let listener = Listener::begin(&self.desk.stage, region, &self.desk.channel).await;
            self.listeners.push((listener, Instant::now()));
        }
    }

    /// Chats on until each of these versions has answered calls of each function, and no other does any more.
    async fn sees(&self, phase: &str, expected: &[&Versions]) {
        let (begun, before) = (Instant::now(), self.desk.acknowledged().len());
        self.desk.take_slowest();
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
        let count = self.desk.acknowledged().len() - before;
        let slowest = self.desk.take_slowest().as_millis();
        let took = begun.elapsed().as_millis();
        println!("rollout: {phase}: {took} ms, {count} acknowledged, the slowest after {slowest} ms");
        for function in FUNCTIONS {
            let parts: Vec<_> = expected.iter().map(|versions| told.by(versions, function)).collect();
            println!("rollout: {phase}: {function} answered {parts:?}");
        }
    }

    /// Everybody has everything, and was there all the time.
    async fn end(self) {
        self.desk.close();
        self.publishers.join_all().await;
        let acknowledged = self.desk.acknowledged();
        for (listener, since) in &self.listeners {
            let owed = self.desk.acknowledged_since(*since);
            assert!(!owed.is_empty(), "nothing was published since it came");
            listener.has_all(&owed, PATIENCE).await;
            assert_eq!(listener.memberships(), 1, "over one connection");
        }
        println!(
            "rollout: {} acknowledged, shown to all {}: 0 lost, 0 twice, 0 cut off",
            acknowledged.len(),
            self.listeners.len()
        );
        self.desk.has_no_dead_letter().await;
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
