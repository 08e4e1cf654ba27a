//! Publishers who send as much as their connections take, far more than can be delivered.
//!
//! Some of it may be refused, in so many words; what was acknowledged arrives, and what waits for it is bounded.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures::{SinkExt, StreamExt};
use serde::Deserialize;
use serde_json::json;
use sorl_tests::names::{room, unique};
use sorl_tests::server::Launch;
use sorl_tests::socket::Socket;
use sorl_tests::stage::Stage;
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Message;

use crate::audience::Audience;
use crate::ledger::Ledger;
use crate::memory::{Watch, megabytes, resident};
use crate::report::Outcome;
use crate::scale::Scale;

/// Connections that publish; each has many frames under way.
const PUBLISHERS: usize = 30;
/// Loops of `PublishBatch`.
const OUTSIDE: usize = 6;
/// Frames of a connection that wait for their answers: the service takes sixteen, the network the rest.
const UNDER_WAY: usize = 64;
/// What the service may take at the most: the bounds of its queues and its log, and what holding them costs.
const MEMORY_MAX: u64 = 2 * 1024 * 1024 * 1024;

/// Publishes without a pause for a while.
pub(crate) async fn of_publishes(scale: Scale) -> Outcome {
    let server = Launch::plain().start().await;
    let stage = &server.stage;
    let (token, channel) = (stage.token(&unique("user")).await, room());
    let endpoints: Vec<_> = stage.regions.iter().map(|at| (at.region.clone(), at.url.clone())).collect();
    let audience = Audience::gather(&endpoints, &token, &channel, 1).await;
    let ledger = Arc::new(Ledger::default());
    let before = resident(server.pid());
    let watch = Watch::of(server.pid());

    let started = Instant::now();
    let sent = Arc::new(AtomicU64::new(0));
    let mut flood = JoinSet::new();
    for n in 0..PUBLISHERS {
        let url = stage.regions[n % 3].url.clone();
        let socket = Socket::open("flood", &url, &token).await;
        flood.spawn(pour(socket, channel.clone(), scale.storm(), Arc::clone(&ledger), Arc::clone(&sent)));
    }
    for n in 0..OUTSIDE {
        let region = stage.three()[n % 3].to_owned();
        let pouring = pour_outside(stage.clone(), region, channel.clone(), scale.storm());
        flood.spawn(note(pouring, Arc::clone(&ledger), Arc::clone(&sent)));
    }
    flood.join_all().await;
    let poured = started.elapsed();
    let mut outcome = Outcome { attempts: 1, ..Outcome::default() };
    audience.judge(&ledger, &mut outcome).await;
    // What was over when the flood ended took no time to recover.
    outcome.recovery = vec![started.elapsed().saturating_sub(poured)];
    let (most, after) = (watch.most().await, resident(server.pid()));
    let rate = |count: u64| count / poured.as_secs().max(1);
    let accepted = u64::try_from(ledger.count()).unwrap_or_default();
    outcome.note(format!(
        "{} a second sent, {} a second acknowledged, {} refused for now",
        rate(sent.load(Ordering::Relaxed)),
        rate(accepted),
        ledger.refused()
    ));
    outcome.note(format!(
        "memory {} before, {} at most, {} after",
        megabytes(before),
        megabytes(most),
        megabytes(after)
    ));
    outcome.must(most < MEMORY_MAX, format!("{} of memory", megabytes(most)));
    outcome
}

/// As little of an answer as must be read.
#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "type")]
    kind: String,
    id: Option<u64>,
}

/// Publishes over a connection until the time is over, and waits for all answers.
async fn pour(socket: Socket, channel: String, time: Duration, ledger: Arc<Ledger>, sent: Arc<AtomicU64>) {
    let (publisher, started) = (unique("flood"), Instant::now());
    let (mut to, mut from) = socket.into_stream().split();
    let (mut under_way, mut next) = (0, 0_u64);
    loop {
        let is_over = started.elapsed() > time;
        if is_over && under_way == 0 {
            return;
        }
        if !is_over && under_way < UNDER_WAY {
            let data = format!("{publisher}:{next}");
            let frame = json!({"id": next, "action": "publish", "channel": channel, "data": data});
            to.send(Message::text(frame.to_string())).await.expect("the connection lives");
            (under_way, next) = (under_way + 1, next + 1);
            sent.fetch_add(1, Ordering::Relaxed);
            continue;
        }
        let frame = from.next().await.expect("the connection lives").expect("a frame");
        let answer: Answer = serde_json::from_slice(&frame.into_data()).expect("JSON");
        if let Some(id) = answer.id {
            under_way -= 1;
            match answer.kind.as_str() {
                "reply" => ledger.acknowledge(format!("{publisher}:{id}")),
                _ => ledger.refuse(),
            }
        }
    }
}

/// What came of a batch: whether it was accepted, and its data.
type Poured = (bool, Vec<String>);

async fn note(pouring: impl Future<Output = Vec<Poured>>, ledger: Arc<Ledger>, sent: Arc<AtomicU64>) {
    for (is_accepted, data) in pouring.await {
        sent.fetch_add(data.len() as u64, Ordering::Relaxed);
        for data in data {
            if is_accepted { ledger.acknowledge(data) } else { ledger.refuse() }
        }
    }
}

async fn pour_outside(stage: Stage, region: String, channel: String, time: Duration) -> Vec<Poured> {
    let (publisher, started, mut poured) = (unique("outside"), Instant::now(), Vec::new());
    let ids: Vec<_> = (0..10).map(|n| format!("n{n}")).collect();
    while started.elapsed() < time {
        let data: Vec<_> = (0..10).map(|n| format!("{publisher}:{}:{n}", poured.len())).collect();
        let message = |data: &String| json!({"channel": channel, "data": data}).to_string();
        let entries: Vec<_> =
            ids.iter().zip(&data).map(|(id, data)| (id.as_str(), message(data), None)).collect();
        let answer = stage.publish_batch(&region, &entries).await;
        assert!(answer.status == 200 || answer.status == 429 || answer.status >= 500, "{answer:?}");
        poured.push((answer.status == 200, data));
    }
    poured
}
