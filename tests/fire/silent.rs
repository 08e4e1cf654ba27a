//! As many connections as the limit of descriptors allows, which connect and never read, while others chat.
//!
//! What each costs is measured, idle and with what it does not read. The others are not harmed; who is sent more than
//! fits is closed as slow; and when all have gone, a second crowd takes no more than the first.

use std::time::{Duration, Instant};

use serde_json::json;
use sorl_tests::names::{room, unique};
use sorl_tests::server::{Launch, Server};
use sorl_tests::socket::Socket;
use sorl_tests::stage::Stage;

use crate::crowd::Crowd;
use crate::memory::{descriptors, megabytes, resident};
use crate::report::{Outcome, Times};
use crate::scale::Scale;

/// Descriptors that others need: those who chat, and the service itself.
const OTHERS: usize = 150;
/// Those of the crowd who are sent more than fits.
const FLOODED_MAX: usize = 1_000;
/// What a connection may cost the service while nobody sends it anything: generous, to notice one that grows.
const BYTES_MAX: u64 = 64 * 1024;
/// How long until the last of those who do not read is closed: all attempts with their delays.
const PATIENCE: Duration = Duration::from_mins(4);

/// Two crowds, one after the other; the second is sent more than it reads.
pub(crate) async fn clients(scale: Scale) -> Outcome {
    let server = Launch::plain().start().await;
    let stage = &server.stage;
    let wanted = scale.silent().min(descriptors().saturating_sub(OTHERS));
    let mut outcome = Outcome { attempts: wanted, ..Outcome::default() };
    let lobby = room();
    let mut chat = Chat::begin(stage, &lobby).await;
    outcome.note(format!("latency of others, ms p50 / p99 / max: {} alone", chat.latency(200).await));

    let first = wave(&server, &mut chat, &lobby, wanted, &mut outcome).await;
    let quiet = resident(server.pid());
    // What nobody reads is small talk here, which the network holds for them.
    let second = wave(&server, &mut chat, &lobby, wanted, &mut outcome).await;
    outcome.bytes_per_connection = Some(first.bytes);
    outcome.must(first.bytes < BYTES_MAX, format!("{} bytes a connection", first.bytes));
    let grown = second.most > first.most + first.most / 3;
    outcome.must(
        !grown,
        format!("a second crowd took {}, the first {}", megabytes(second.most), megabytes(first.most)),
    );
    outcome.note(format!(
        "memory: {} with {} silent, {} after they went, {} with as many again",
        megabytes(first.most),
        first.count,
        megabytes(quiet),
        megabytes(second.most)
    ));
    flooded(&server, &mut chat, wanted.min(FLOODED_MAX), &mut outcome).await;
    outcome
}

/// What came of a crowd.
struct Wave {
    count: usize,
    bytes: u64,
    most: u64,
}

/// A crowd comes to the lobby, does not read what is said there, and goes.
async fn wave(server: &Server, chat: &mut Chat, lobby: &str, wanted: usize, outcome: &mut Outcome) -> Wave {
    let stage = &server.stage;
    let (before, home) = (resident(server.pid()), stage.three()[0]);
    let token = stage.token(&unique("silent")).await;
    let crowd = Crowd::gather(&stage.region(home).url, &token, wanted, lobby).await;
    outcome.must(crowd.count == wanted, format!("{} of {wanted} got in", crowd.count));
    let idle = resident(server.pid());
    let latency = chat.latency(100).await;
    outcome.note(format!(
        "latency of others, ms p50 / p99 / max: {latency} beside {} who never read",
        crowd.count
    ));
    let most = resident(server.pid()).max(idle);
    let count = crowd.count;
    crowd.disperse().await;
    gone(stage).await;
    Wave { count, bytes: idle.saturating_sub(before) / count.max(1) as u64, most }
}

/// Those who are sent more than fits are closed, and the others chat on.
async fn flooded(server: &Server, chat: &mut Chat, wanted: usize, outcome: &mut Outcome) {
    let stage = &server.stage;
    let (channel, home) = (room(), stage.three()[0]);
    let token = stage.token(&unique("silent")).await;
    let before = resident(server.pid());
    let crowd = Crowd::gather(&stage.region(home).url, &token, wanted, &channel).await;
    let started = Instant::now();
    let mut sender = stage.somebody(home).await;
    let filler = "x".repeat(30_000);
    for n in 0..40 {
        sender.publish(&channel, json!({"n": n, "filler": filler})).await;
    }
    let latency = chat.latency(100).await;
    outcome.note(format!(
        "latency of others, ms p50 / p99 / max: {latency} beside {} who are flooded",
        crowd.count
    ));
    let unread = resident(server.pid()).saturating_sub(before) / crowd.count.max(1) as u64;
    let closed = sorl_tests::within(PATIENCE, "those who do not read are closed", async || {
        let closed = stage.metric("sorl_closed_slow_total", &[]).await;
        (closed + 0.5 > crowd.count as f64).then_some(closed)
    })
    .await;
    outcome.recovery = vec![started.elapsed()];
    outcome.note(format!(
        "{closed} who did not read were closed as slow within {:.0} s; unread, each took {unread} bytes",
        started.elapsed().as_secs_f64()
    ));
    crowd.disperse().await;
    gone(stage).await;
}

/// All connections but those who chat are forgotten.
async fn gone(stage: &Stage) {
    sorl_tests::within(PATIENCE, "the crowd is forgotten", async || {
        (stage.metric("sorl_connections", &[]).await < 20.0).then_some(())
    })
    .await;
}

/// Two who talk to each other across regions.
struct Chat {
    speaker: Socket,
    listener: Socket,
    channel: String,
}

impl Chat {
    async fn begin(stage: &Stage, channel: &str) -> Self {
        let [here, there, _] = stage.three();
        let (speaker, listener) = (stage.somebody(there).await, stage.member(here, channel).await);
        Self { speaker, listener, channel: channel.to_owned() }
    }

    /// From saying something to hearing it, so many times; a word that is lost ends the test.
    async fn latency(&mut self, count: usize) -> Times {
        let mut took = Vec::new();
        for _ in 0..count {
            let (started, word) = (Instant::now(), unique("word"));
            self.speaker.publish(&self.channel, word.as_str()).await;
            self.listener.message(&self.channel, word).await;
            took.push(started.elapsed());
        }
        Times::of(&took).expect("some words")
    }
}
