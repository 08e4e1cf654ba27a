//! The disk under `--data`: full, without room, closed to every write, and well again.
//!
//! Meanwhile nothing is acknowledged, the service lives on and reads go on, its log says what is wrong; and it comes
//! back by itself. What was acknowledged before, and after, is lost to nobody, and outlives a kill in the middle of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use sorl_tests::names::{room, unique};
use sorl_tests::server::{Folder, Launch, Server};
use tokio::task::JoinSet;

use crate::audience::Audience;
use crate::ledger::Ledger;
use crate::publishers::Desk;
use crate::report::Outcome;
use crate::scale::Scale;
use crate::{gate, histories, namespace};

const PACE: Duration = Duration::from_millis(10);
/// How long a disk may take to fill, and the service to come back.
const PATIENCE: Duration = Duration::from_secs(60);
/// What the file may not grow beyond: what its first minute of load needs.
const QUOTA_KILOBYTES: u64 = 4 * 1024;

/// No file may grow any further, which is what a quota does; then it may, and then the same again, and a kill.
pub(crate) async fn full(_: Scale) -> Outcome {
    let data = Folder::new("data");
    let launch = Launch::plain().data(&data).port(gate::free_port());
    let mut server = launch.clone().file_kilobytes(QUOTA_KILOBYTES).start().await;
    let mut load = Load::begin(&server).await;
    load.endure(&server, |_| {}, Server::widen).await;
    load.is_told(&server);

    server.narrow();
    load.is_refused(50).await;
    server.signal("KILL");
    server.ended().await;
    let started = Instant::now();
    let server = launch.start().await;
    load.goes_on(started).await;
    load.end(&server).await
}

/// A file system without a free block, of which room is made.
pub(crate) async fn without_room(_: Scale) -> Outcome {
    if let Some(why) = namespace::missing() {
        return Outcome::not_run(&format!("no file system of its own: {why}"));
    }
    let data = Folder::new("data");
    let server = namespace::launch(&data, 24).port(gate::free_port()).start().await;
    let ballast = namespace::inside(&server, &data).join("ballast");
    let fill = |_: &Server| {
        // As much as there is, so that it fails in the end, which is the point.
        std::fs::write(&ballast, vec![1; 64 * 1024 * 1024]).ok();
    };
    let free = |_: &Server| std::fs::remove_file(&ballast).expect("the ballast goes");
    let mut load = Load::begin(&server).await;
    load.endure(&server, fill, free).await;
    load.is_told(&server);
    // The file system goes with the process, so what outlives a kill is not asked here.
    load.end(&server).await
}

/// No byte can be written any more, to the log neither, as when a file system becomes read-only after a fault.
///
/// Not by a mount: the system makes none read-only while a file on it is open for writing. Only the start over such a
/// one can be had, and is refused.
pub(crate) async fn read_only(_: Scale) -> Outcome {
    let data = Folder::new("data");
    let server =
        Launch::plain().data(&data).port(gate::free_port()).file_kilobytes(1024 * 1024).start().await;
    let mut load = Load::begin(&server).await;
    load.endure(&server, Server::narrow, Server::widen).await;
    let mut outcome = load.end(&server).await;
    match namespace::missing() {
        Some(why) => outcome.note(format!("the start over a read-only folder was not tried: {why}")),
        None => start_is_refused(&mut outcome),
    }
    outcome
}

fn start_is_refused(outcome: &mut Outcome) {
    let refused = namespace::refused(&Folder::new("data"));
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    let is_told = refused.status.code() == Some(1) && told.contains("Read-only file system");
    outcome.must(is_told, format!("a folder that cannot be written to is refused at the start with: {told}"));
}

/// Publishers who go on all the while, those who listen, and what came of it so far.
struct Load {
    desk: Desk,
    publishers: JoinSet<()>,
    audience: Audience,
    outcome: Outcome,
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
        Self { desk, publishers, audience, outcome: Outcome::default() }
    }

    async fn endure(&mut self, server: &Server, break_it: impl Fn(&Server), mend_it: impl Fn(&Server)) {
        break_it(server);
        let filler = filler(&self.desk).await;
        self.is_refused(20).await;
        let before = self.desk.ledger.count();
        reads_go_on(server, &self.desk.channel).await;
        self.is_refused(50).await;
        let meanwhile = self.desk.ledger.count() - before;
        self.outcome.must(meanwhile == 0, format!("{meanwhile} were acknowledged meanwhile"));
        filler.abort();

        mend_it(server);
        self.goes_on(Instant::now()).await;
    }

    /// Waits until so many more publishes were refused.
    async fn is_refused(&self, more: usize) {
        let ledger = &self.desk.ledger;
        let before = ledger.refused();
        sorl_tests::within(PATIENCE, "publishes are refused", async || {
            (ledger.refused() > before + more).then_some(())
        })
        .await;
    }

    /// Waits until publishes are acknowledged again.
    async fn goes_on(&mut self, since: Instant) {
        self.desk.ledger.grows(self.desk.ledger.count(), 100).await;
        self.outcome.recovery.push(since.elapsed());
        self.outcome.attempts += 1;
    }

    /// Both of it stands in the log.
    fn is_told(&mut self, server: &Server) {
        for told in ["is it full, or read-only?", "takes what is to be kept again"] {
            self.outcome.must(server.log().contains(told), format!("the log does not say: {told}"));
        }
    }

    async fn end(self, server: &Server) -> Outcome {
        let Self { desk, publishers, audience, mut outcome } = self;
        let ledger = &desk.ledger;
        ledger.end();
        publishers.join_all().await;
        outcome.note(format!("{} publishes were refused", ledger.refused()));
        audience.judge(ledger, &mut outcome).await;
        histories::judge(&server.stage, &desk.channel, ledger, &mut outcome).await;
        outcome
    }
}

/// Somebody whose messages are large, in another channel, so that the disk fills.
async fn filler(desk: &Desk) -> tokio::task::JoinHandle<()> {
    let mut socket = desk.stage.somebody(desk.stage.three()[0]).await;
    let channel = format!("{}:large", desk.channel);
    let publish = json!({"action": "publish", "channel": channel, "data": "x".repeat(30_000)});
    tokio::spawn(async move {
        loop {
            socket.ask(publish.clone()).await;
            tokio::time::sleep(PACE).await;
        }
    })
}

/// A new client is let in, and everything that only reads works. To join where joins are told is to publish.
async fn reads_go_on(server: &Server, channel: &str) {
    for region in server.stage.three() {
        let mut reader = server.stage.somebody(region).await;
        let own = format!("@{}", reader.user);
        for (action, channel) in [("history", channel), ("presence", channel), ("subscribe", &own)] {
            reader.result(json!({"action": action, "channel": channel})).await;
        }
        let join = reader.ask(json!({"action": "subscribe", "channel": channel})).await;
        assert_eq!(join["error"]["code"], "unavailable", "{join}");
    }
}
