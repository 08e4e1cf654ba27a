//! The disk under `--data`: full, without room, read-only, and well again.
//!
//! Meanwhile nothing is acknowledged, the service lives on and reads go on, its log says what is wrong; and it comes
//! back by itself. What was acknowledged before, and after, is lost to nobody, and outlives a kill.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use sorl_tests::names::{room, unique};
use sorl_tests::server::{Folder, Launch, Server};

use crate::audience::Audience;
use crate::ledger::Ledger;
use crate::publishers::Desk;
use crate::report::Outcome;
use crate::scale::Scale;
use crate::{gate, histories, namespace};

const PACE: Duration = Duration::from_millis(10);
/// How long a disk may take to fill, and the service to come back.
const PATIENCE: Duration = Duration::from_secs(60);

/// No file may grow any further: what a quota does.
pub(crate) async fn full(_: Scale) -> Outcome {
    let data = Folder::new("data");
    let launch = Launch::plain().data(&data).port(gate::free_port());
    let server = launch.clone().file_kilobytes(4 * 1024).start().await;
    trouble(server, &launch, |_| {}, Server::widen).await
}

/// A file system without a free block, of which room is made.
pub(crate) async fn without_room(_: Scale) -> Outcome {
    if let Some(why) = namespace::missing() {
        return Outcome::not_run(&format!("no file system of its own: {why}"));
    }
    let data = Folder::new("data");
    let launch = namespace::launch(&data, 24).port(gate::free_port());
    let server = launch.clone().start().await;
    let ballast = namespace::inside(&server, &data).join("ballast");
    let fill = |_: &Server| {
        // As much as there is, so that it fails in the end, which is the point.
        std::fs::write(&ballast, vec![1; 64 * 1024 * 1024]).ok();
    };
    let free = |_: &Server| std::fs::remove_file(&ballast).expect("the ballast goes");
    // The file system goes with the process, so what outlives a kill is not asked here.
    trouble_without_kill(&server, fill, free).await
}

/// A file system that becomes read-only, as one does after a fault of its disk.
pub(crate) async fn read_only(_: Scale) -> Outcome {
    if let Some(why) = namespace::missing() {
        return Outcome::not_run(&format!("no file system of its own: {why}"));
    }
    let data = Folder::new("data");
    let refused = namespace::refused(&data);
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    let server = namespace::launch(&data, 64).port(gate::free_port()).start().await;
    let break_it = |server: &Server| namespace::remount(server, &data, "ro");
    let mend_it = |server: &Server| namespace::remount(server, &data, "rw");
    let mut outcome = trouble_without_kill(&server, break_it, mend_it).await;
    let is_told = refused.status.code() == Some(1) && told.contains("Read-only file system");
    outcome.must(is_told, format!("a folder that cannot be written to is refused at the start with: {told}"));
    outcome
}

/// The trouble, and then a kill: what was acknowledged must be there again.
async fn trouble(
    mut server: Server,
    launch: &Launch,
    break_it: impl Fn(&Server),
    mend_it: impl Fn(&Server),
) -> Outcome {
    let load = Load::begin(&server).await;
    let (mut outcome, ledger, channel) = load.endure(&server, break_it, mend_it).await;
    server.signal("KILL");
    server.ended().await;
    let server = launch.clone().start().await;
    histories::judge(&server.stage, &channel, &ledger, &mut outcome).await;
    outcome
}

async fn trouble_without_kill(
    server: &Server,
    break_it: impl Fn(&Server),
    mend_it: impl Fn(&Server),
) -> Outcome {
    let load = Load::begin(server).await;
    let (mut outcome, ledger, channel) = load.endure(server, break_it, mend_it).await;
    histories::judge(&server.stage, &channel, &ledger, &mut outcome).await;
    outcome
}

/// Publishers who go on all the while, and those who listen.
struct Load {
    desk: Desk,
    publishers: tokio::task::JoinSet<()>,
    audience: Audience,
}

impl Load {
    async fn begin(server: &Server) -> Self {
        let stage = &server.stage;
        let (token, channel) = (stage.token(&unique("user")).await, room());
        let endpoints: Vec<_> = stage.regions.iter().map(|at| (at.region.clone(), at.url.clone())).collect();
        let audience = Audience::gather(&endpoints, &token, &channel, 2).await;
        let ledger = Arc::new(Ledger::default());
        let desk = Desk { stage: stage.clone(), token, channel, ledger, pace: PACE };
        let publishers = desk.staff(2, 1);
        desk.ledger.grows(0, 100).await;
        Self { desk, publishers, audience }
    }

    async fn endure(
        self,
        server: &Server,
        break_it: impl Fn(&Server),
        mend_it: impl Fn(&Server),
    ) -> (Outcome, Arc<Ledger>, String) {
        let Self { desk, publishers, audience } = self;
        let (stage, ledger) = (&desk.stage, &desk.ledger);
        let mut outcome = Outcome { attempts: 1, ..Outcome::default() };
        break_it(server);
        let filler = filler(stage, &desk.channel).await;
        sorl_tests::within(PATIENCE, "publishes are refused", async || (ledger.refused() > 20).then_some(()))
            .await;
        let (before, refused) = (ledger.count(), ledger.refused());
        reads_go_on(server, &desk.channel).await;
        sorl_tests::within(PATIENCE, "they still are", async || {
            (ledger.refused() > refused + 50).then_some(())
        })
        .await;
        let meanwhile = ledger.count() - before;
        outcome.note(format!("refused {}, acknowledged meanwhile {meanwhile}", ledger.refused()));
        outcome.must(server.log().contains("is it full, or read-only?"), "the log says nothing of it");
        filler.abort();

        mend_it(server);
        let mended = Instant::now();
        let before = ledger.count();
        ledger.grows(before, 100).await;
        outcome.recovery = vec![mended.elapsed()];
        ledger.end();
        publishers.join_all().await;
        audience.judge(ledger, &mut outcome).await;
        outcome.must(
            server.log().contains("takes what is to be kept again"),
            "the log does not say that it is over",
        );
        (outcome, Arc::clone(ledger), desk.channel)
    }
}

/// Somebody whose messages are large, in another channel, so that the disk fills.
async fn filler(stage: &sorl_tests::stage::Stage, channel: &str) -> tokio::task::JoinHandle<()> {
    let mut socket = stage.somebody(stage.three()[0]).await;
    let publish =
        json!({"action": "publish", "channel": format!("{channel}:large"), "data": "x".repeat(30_000)});
    tokio::spawn(async move {
        loop {
            socket.ask(publish.clone()).await;
        }
    })
}

/// A new client is let in, and everything that only reads works.
async fn reads_go_on(server: &Server, channel: &str) {
    for region in server.stage.three() {
        let mut reader = server.stage.somebody(region).await;
        reader.lives().await;
        for action in ["history", "presence", "subscribe"] {
            // For the moment in which the file is looked at anew, reads are refused too, as temporary.
            sorl_tests::eventually(&format!("{action} in {region}"), async || {
                let answer = reader.ask(json!({"action": action, "channel": channel})).await;
                assert!(answer["type"] == "reply" || answer["error"]["temporary"] == true, "{answer}");
                (answer["type"] == "reply").then_some(())
            })
            .await;
        }
    }
}
