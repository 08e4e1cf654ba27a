//! Five hundred handshakes a second, each a new connection that asks for a sign of life and goes.
//!
//! Everybody gets an answer, and what they held is given back.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use sorl_tests::names::unique;
use sorl_tests::server::Launch;
use sorl_tests::socket::{Incoming, Socket};
use tokio::task::JoinSet;

use crate::memory::{Watch, megabytes, resident};
use crate::report::{Outcome, Times};
use crate::scale::Scale;

/// A connection every so often: 500 a second.
const INTERVAL: Duration = Duration::from_millis(2);

/// Knocks for a while, whatever the answers take.
pub(crate) async fn of_handshakes(scale: Scale) -> Outcome {
    let server = Launch::plain().start().await;
    let stage = &server.stage;
    let token: Arc<str> = stage.token(&unique("user")).await.into();
    let urls: Vec<Arc<str>> = stage.regions.iter().map(|at| at.url.as_str().into()).collect();
    let before = resident(server.pid());
    let watch = Watch::of(server.pid());
    let (started, mut knocking, mut count) = (Instant::now(), JoinSet::new(), 0);
    let mut ticks = tokio::time::interval(INTERVAL);
    while started.elapsed() < scale.storm() {
        ticks.tick().await;
        knocking.spawn(visit(Arc::clone(&urls[count % 3]), Arc::clone(&token)));
        count += 1;
    }
    let knocked = started.elapsed();
    let visits = knocking.join_all().await;
    let served: Vec<_> = visits.iter().flatten().copied().collect();
    let mut outcome = Outcome { attempts: count, ..Outcome::default() };
    let unanswered = count - served.len();
    outcome.must(unanswered == 0, format!("{unanswered} of {count} were not served"));
    outcome.note(format!("{count} handshakes in {:.1} s", knocked.as_secs_f64()));
    if let Some(times) = Times::of(&served) {
        outcome.note(format!("from knocking to the answer to a ping, ms p50 / p99 / max: {times}"));
    }
    sorl_tests::eventually("all of them are forgotten", async || {
        (stage.metric("sorl_connections", &[]).await < 0.5).then_some(())
    })
    .await;
    let (most, after) = (watch.most().await, resident(server.pid()));
    outcome.note(format!(
        "memory {} before, {} at most, {} after",
        megabytes(before),
        megabytes(most),
        megabytes(after)
    ));
    outcome
}

/// How long it took until the service had shown that it is there; none if it did not.
async fn visit(url: Arc<str>, token: Arc<str>) -> Option<Duration> {
    let started = Instant::now();
    let mut socket = Socket::try_open("visitor", &url, &token, None).await.ok()?;
    let ping = json!({"id": 1, "action": "ping"});
    socket.send_raw(ping.to_string().into()).await.ok()?;
    let Incoming::Frame(_) = socket.next().await else { return None };
    let took = started.elapsed();
    socket.close().await;
    Some(took)
}
