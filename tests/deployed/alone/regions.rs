//! The stage's regions change while others chat: one comes, and one goes, by the commands that operators use.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;
use sorl_tests::names::unique;
use sorl_tests::server::{Folder, repository};
use sorl_tests::socket::Socket;
use sorl_tests::stage::{RegionAddress, Stage};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::shared::stage;

/// The region that comes and goes.
const NEW: &str = "eu-west-1";
/// What a function that is replaced had in its hands comes again after this; the least that 30 s of work allow.
const VISIBILITY: &str = "visibility=31";

/// Twice, because a test before may have left it with settings of its own.
#[tokio::test]
async fn the_state_deployed_again_changes_nothing() {
    let stage = stage().await;
    for RegionAddress { region, .. } in stage.regions.iter().filter(|address| address.region != NEW) {
        let once = || {
            told(
                "../node_modules/osls/bin/serverless.js",
                "infra",
                &["deploy", "--stage", "e2e", "--region", region],
            )
        };
        once();
        let again = once();
        assert!(again.contains("did not include any changes"), "{region}: {again}");
    }
}

#[tokio::test]
async fn a_region_comes_and_goes_while_the_others_chat() {
    let narrow = stage().await;
    let [here, there, _] = narrow.three();
    let channel = unique("calm:regions");
    let chat = Chat::begin(&narrow, &channel, here, there).await;
    let folder = Folder::new("regions");

    let listed: Vec<_> = narrow.three().into_iter().chain([NEW]).collect();
    let four = config(&folder, "four.toml", &listed);
    deploy(&folder, &four).await;
    let wide = stage().await;
    assert_eq!(wide.regions.len(), 4);
    let mut newcomer = wide.member(NEW, &channel).await;
    newcomer.publish(&channel, "from the new region").await;
    newcomer.message(&channel, "from the new region").await;
    newcomer
        .live_until(&channel, |messages| messages.iter().any(|message| message["data"].is_number()))
        .await;
    is_told_what_the_new_region_lacks(&wide, &channel, here).await;

    let three = config(&folder, "three.toml", &narrow.three());
    remove(&three).await;
    assert_eq!(stage().await.three(), narrow.three(), "its address is told no more");
    let (sent, mut listener) = chat.end().await;
    let heard = |messages: &[serde_json::Value]| {
        let heard = |data: &serde_json::Value| messages.iter().any(|message| message["data"] == *data);
        (0..sent).all(|number| heard(&json!(number))) && heard(&json!("from the new region"))
    };
    let messages = listener.live_until(&channel, heard).await;
    println!("regions: {sent} messages while a region came and went, {} received", messages.len());
}

/// A cursor from before the region was there: what it may miss is said.
async fn is_told_what_the_new_region_lacks(wide: &Stage, channel: &str, here: &str) {
    let mut old = wide.somebody(here).await;
    let first = old.result(json!({ "action": "history", "channel": channel, "limit": 1 })).await;
    let mut elsewhere = wide.somebody(NEW).await;
    let since =
        json!({ "action": "subscribe", "channel": channel, "since": first["cursor"], "region": here });
    assert_eq!(elsewhere.result(since).await["recovered"], false);
}

/// Somebody who publishes numbers, one after the other, and somebody in another region who listens.
struct Chat {
    stop: oneshot::Sender<()>,
    publishing: JoinHandle<u64>,
    listener: Socket,
}

impl Chat {
    async fn begin(stage: &Stage, channel: &str, here: &str, there: &str) -> Self {
        let listener = stage.member(there, channel).await;
        let mut sender = stage.somebody(here).await;
        let (stop, mut stopped) = oneshot::channel();
        let channel = channel.to_owned();
        let publishing = tokio::spawn(async move {
            let mut number = 0;
            while stopped.try_recv() == Err(oneshot::error::TryRecvError::Empty) {
                sender.publish(&channel, number).await;
                number += 1;
                // A pace, not a wait: the deployment has the same cores.
                tokio::time::sleep(std::time::Duration::from_millis(300)).await;
            }
            number
        });
        Self { stop, publishing, listener }
    }

    /// How many messages were accepted, and who should have them.
    async fn end(self) -> (u64, Socket) {
        self.stop.send(()).expect("it still publishes");
        (self.publishing.await.expect("every publish was accepted"), self.listener)
    }
}

/// The stage's configuration with other regions.
fn config(folder: &Folder, name: &str, regions: &[&str]) -> PathBuf {
    let rest = std::fs::read_to_string(repository().join("tests/e2e/sorl.toml")).expect("the configuration");
    let path = folder.path().join(name);
    std::fs::write(&path, format!("regions = {}\n{rest}", json!(regions))).expect("a file of the test's own");
    path
}

async fn deploy(folder: &Folder, config: &Path) {
    let artifacts = folder.path().join("lambda");
    let artifacts = artifacts.strip_prefix(repository()).expect("below the repository").display().to_string();
    let config = config.display().to_string();
    node("infra/package.mjs", &["--config", &config, "--out", &artifacts]).await;
    let params = format!("artifacts={artifacts} {VISIBILITY}");
    node("infra/deploy.mjs", &["--stage", "e2e", "--config", &config, "--params", &params]).await;
}

async fn remove(config: &Path) {
    let config = config.display().to_string();
    let which = ["--stage", "e2e", "--config", &config, "--regions", NEW, "--confirm", "e2e"];
    node("infra/remove.mjs", &[&which[..], &["--params", VISIBILITY]].concat()).await;
}

/// Runs a script of the deploy tool, as an operator would, and prints what it says.
pub(super) async fn node(script: &'static str, args: &[&str]) {
    let args: Vec<_> = args.iter().map(ToString::to_string).collect();
    let run = move || told(script, ".", &args.iter().map(String::as_str).collect::<Vec<_>>());
    println!("{}", tokio::task::spawn_blocking(run).await.expect("a thread"));
}

/// What a script of the deploy tool says; it must succeed.
fn told(script: &str, folder: &str, args: &[&str]) -> String {
    let mut command = Command::new("node");
    command.arg("--no-warnings").arg(script).args(args).current_dir(repository().join(folder));
    command
        .env("SORL_CONFIG", repository().join("tests/e2e/sorl.toml"))
        .env("SLS_AWS_MONITORING_FREQUENCY", "300");
    // What cargo tells this test is not what an operator's shell tells: build scripts that ask for it would run anew.
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("CARGO")) {
        command.env_remove(name);
    }
    let output = command.output().expect("node");
    let said =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(output.status.success(), "{script}: {said}");
    said
}
