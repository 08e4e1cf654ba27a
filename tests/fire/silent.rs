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
/// A crowd that is sent more than fits, in the long form.
const FLOODED_MAX: usize = 1_000;
/// Words of those who chat beside a crowd, in a channel of their own.
const WORDS: usize = 100;
/// Words that are said to the whole crowd, which the network holds for them.
const SMALL_TALK: usize = 5;
/// Messages of 30 KB, together more than the network and the service hold for one connection.
const FLOOD_MESSAGES: usize = 40;
/// What a connection may cost the service while nobody sends it anything: generous, to notice one that grows.
const BYTES_MAX: u64 = 64 * 1024;
/// How long until one who does not read is closed, all attempts with their delays, and until a crowd is forgotten.
const PATIENCE: Duration = Duration::from_mins(2);
/// How long a flooded crowd is watched.
const WATCH: Duration = Duration::from_mins(1);

/// Two crowds, one after the other; the second is sent more than it reads.
pub(crate) async fn clients(scale: Scale) -> Outcome {
    let server = Launch::plain().start().await;
    let stage = &server.stage;
    let wanted = scale.silent().min(descriptors().saturating_sub(OTHERS));
    let mut outcome = Outcome { attempts: wanted, ..Outcome::default() };
    let lobby = room();
    let mut chat = Chat::begin(stage, &room()).await;
    outcome.note(format!("latency of others, ms p50 / p99 / max: {} alone", chat.latency(200).await));

    let first = wave(&server, &mut chat, &lobby, wanted, &mut outcome).await;
    let quiet = resident(server.pid());
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
    closed(&server, &mut chat, &mut outcome).await;
    if scale.is_long() {
        flooded(&server, &mut chat, wanted.min(FLOODED_MAX), &mut outcome).await;
    }
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
    let mut speaker = stage.somebody(home).await;
    for word in 0..SMALL_TALK {
        speaker.publish(lobby, word).await;
    }
    let latency = chat.latency(WORDS).await;
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

/// One who is sent more than fits is closed, and the others chat on.
async fn closed(server: &Server, chat: &mut Chat, outcome: &mut Outcome) {
    let crowd = flood(server, chat, 1, outcome).await;
    let started = Instant::now();
    sorl_tests::within(PATIENCE, "who does not read is closed", async || {
        (closed_slow(&server.stage).await > 0.5).then_some(())
    })
    .await;
    outcome.recovery = vec![started.elapsed()];
    crowd.disperse().await;
    gone(&server.stage).await;
}

/// Many in one channel: 429 to more than a hundredth looks like the account's throttle, which is nobody's attempt, so
/// they are tried ever more rarely and not closed. How many are is only told.
async fn flooded(server: &Server, chat: &mut Chat, wanted: usize, outcome: &mut Outcome) {
    let before = closed_slow(&server.stage).await;
    let crowd = flood(server, chat, wanted, outcome).await;
    // It is watched for as long as this, whatever happens.
    tokio::time::sleep(WATCH).await;
    let closed = closed_slow(&server.stage).await - before;
    outcome.note(format!("of {} who did not read, {closed} were closed within {WATCH:?}", crowd.count));
    let latency = chat.latency(WORDS).await;
    outcome.note(format!("latency of others then, ms p50 / p99 / max: {latency}"));
    crowd.disperse().await;
    gone(&server.stage).await;
}

/// A crowd in a channel of its own, each of which is sent more than fits.
async fn flood(server: &Server, chat: &mut Chat, wanted: usize, outcome: &mut Outcome) -> Crowd {
    let stage = &server.stage;
    let (channel, home) = (room(), stage.three()[0]);
    let token = stage.token(&unique("silent")).await;
    let before = resident(server.pid());
    let crowd = Crowd::gather(&stage.region(home).url, &token, wanted, &channel).await;
    let mut sender = stage.somebody(home).await;
    let filler = "x".repeat(30_000);
    for n in 0..FLOOD_MESSAGES {
        sender.publish(&channel, json!({"n": n, "filler": filler})).await;
    }
    let latency = chat.latency(WORDS).await;
    let unread = resident(server.pid()).saturating_sub(before) / crowd.count.max(1) as u64;
    outcome.note(format!(
        "latency of others, ms p50 / p99 / max: {latency} beside {} flooded, {unread} bytes of memory each",
        crowd.count
    ));
    crowd
}

async fn closed_slow(stage: &Stage) -> f64 {
    stage.metric("sorl_closed_slow_total", &[]).await
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
