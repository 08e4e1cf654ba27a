//! Who publishes and who listens while a test disturbs the stage; what was acknowledged is shown to everybody, once.
//!
//! Not the disturbance, nor how a client of the test's own publishes: the tests themselves.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde_json::json;
use sorl_client::{Client, Event, Events, Start};
use sorl_tests::names::unique;
use sorl_tests::stage::Stage;

use crate::rust_client;

/// What publishers share.
pub(super) struct Desk {
    pub(super) stage: Stage,
    pub(super) channel: String,
    /// Between two messages of a publisher.
    pace: Duration,
    /// And since when each was asked for.
    acknowledged: Mutex<Vec<(String, Instant)>>,
    slowest: Mutex<Duration>,
    is_over: AtomicBool,
}

impl Desk {
    pub(super) fn open(stage: &Stage, channel: &str, pace: Duration) -> Arc<Self> {
        let (acknowledged, slowest, is_over) = (Mutex::default(), Mutex::default(), AtomicBool::default());
        let channel = channel.to_owned();
        Arc::new(Self { stage: stage.clone(), channel, pace, acknowledged, slowest, is_over })
    }

    pub(super) fn is_open(&self) -> bool {
        !self.is_over.load(Ordering::Relaxed)
    }

    pub(super) fn close(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }

    pub(super) fn acknowledged(&self) -> Vec<String> {
        self.acknowledged.lock().iter().map(|(data, _)| data.clone()).collect()
    }

    /// Those that were asked for since then: whoever was a member by then is shown them live.
    pub(super) fn acknowledged_since(&self, moment: Instant) -> Vec<String> {
        let acknowledged = self.acknowledged.lock();
        acknowledged.iter().filter(|(_, asked)| *asked >= moment).map(|(data, _)| data.clone()).collect()
    }

    /// How long the slowest was asked for since this was read last.
    pub(super) fn take_slowest(&self) -> Duration {
        std::mem::take(&mut *self.slowest.lock())
    }

    /// Notes it, and waits before the next.
    pub(super) async fn acknowledge(&self, data: String, asked: Instant) {
        self.acknowledged.lock().push((data, asked));
        let took = asked.elapsed();
        {
            let mut slowest = self.slowest.lock();
            *slowest = slowest.max(took);
        }
        tokio::time::sleep(self.pace).await;
    }

    /// None of it ended as a dead letter.
    pub(super) async fn has_no_dead_letter(&self) {
        let letters = self.stage.dead_letters().await;
        assert!(letters.iter().all(|letter| !letter.to_string().contains(&self.channel)), "{letters:?}");
    }
}

/// Publishes to SNS.
pub(super) async fn outside(desk: Arc<Desk>, region: String) {
    while desk.is_open() {
        let (data, asked) = (unique("outside"), Instant::now());
        desk.stage.publish(&region, &json!({"channel": desk.channel, "data": data})).await;
        desk.acknowledge(data, asked).await;
    }
}

/// A client that remembers what it was shown.
pub(super) struct Listener {
    /// It lives as long as this.
    _client: Client,
    shown: Arc<Mutex<Shown>>,
}

#[derive(Default)]
struct Shown {
    data: HashSet<String>,
    /// How often it became a member: with each connection.
    memberships: usize,
    /// What was shown twice, and gaps.
    faults: Vec<String>,
}

impl Listener {
    pub(super) async fn begin(stage: &Stage, region: &str, channel: &str) -> Self {
        let (client, events) = rust_client::client(stage, &unique("listener"), region, 3600);
        client.subscribe(&rust_client::channel(channel), Start::Now).await.expect("a member");
        let shown = Arc::new(Mutex::default());
        tokio::spawn(listen(channel.to_owned(), events, Arc::clone(&shown)));
        Self { _client: client, shown }
    }

    /// How many it was shown by now.
    pub(super) fn count(&self) -> usize {
        self.shown.lock().data.len()
    }

    /// How often it became a member: with each connection.
    pub(super) fn memberships(&self) -> usize {
        self.shown.lock().memberships
    }

    pub(super) async fn has_all(&self, acknowledged: &[String], patience: Duration) {
        sorl_tests::within(patience, "everything acknowledged is shown", async || {
            let shown = self.shown.lock();
            acknowledged.iter().all(|data| shown.data.contains(data)).then_some(())
        })
        .await;
        assert_eq!(self.shown.lock().faults, [""; 0]);
    }
}

async fn listen(wanted: String, mut events: Events, shown: Arc<Mutex<Shown>>) {
    while let Some(event) = events.next().await {
        let mut shown = shown.lock();
        match event {
            Event::Message { message, .. } => {
                let data: String = serde_json::from_str(message.data.get()).expect("a text");
                if !shown.data.insert(data.clone()) {
                    shown.faults.push(format!("{data} was shown twice"));
                }
            }
            Event::Subscribed { channel, .. } if channel.as_str() == wanted => shown.memberships += 1,
            Event::Gap { channel } => shown.faults.push(format!("a gap in {channel}")),
            _ => {}
        }
    }
}
