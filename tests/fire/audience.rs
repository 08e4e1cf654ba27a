//! Those who listen: Rust clients that resume by themselves, and what each of them was shown.
//!
//! Invariant: a message that was shown twice, by id or by content, and a gap are counted, never passed over.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sorl_client::{Client, Endpoint, Event, Events, Options, Origin, Start, Status, TokenProvider};
use sorl_core::ids::Tail;
use sorl_core::message::Message;
use sorl_core::names::ChannelName;
use sorl_core::region::Region;
use sorl_tests::names::now;

use crate::ledger::Ledger;
use crate::report::Outcome;

/// How long everybody may take to be shown what was acknowledged: far above what it takes.
const PATIENCE: Duration = Duration::from_secs(120);

/// All who listen to a channel.
pub(crate) struct Audience {
    listeners: Vec<Listener>,
}

/// One of them.
struct Listener {
    client: Client,
    region: String,
    shown: Arc<Mutex<Shown>>,
    /// Acknowledged messages of which it is known that they were shown.
    checked: usize,
}

/// What one of them was shown.
#[derive(Default)]
struct Shown {
    ids: HashSet<Tail>,
    data: HashSet<String>,
    twice: usize,
    gaps: usize,
    /// Since when it waits for its next message, if somebody wants to know.
    waits: Option<Instant>,
    waited: Vec<Duration>,
    latencies: Vec<Duration>,
}

impl Shown {
    fn show(&mut self, message: &Message, origin: Origin) {
        if let Some(since) = self.waits.take() {
            self.waited.push(since.elapsed());
        }
        if origin == Origin::Live {
            self.latencies.push(now().since(message.at()));
        }
        let data = serde_json::from_str(message.data.get()).unwrap_or_default();
        let is_new = self.ids.insert(message.id.tail()) & self.data.insert(data);
        self.twice += usize::from(!is_new);
    }
}

impl Audience {
    /// So many in each region, members of `channel`, who know the regions by these addresses.
    pub(crate) async fn gather(
        endpoints: &[(String, String)],
        token: &str,
        channel: &str,
        in_each: usize,
    ) -> Self {
        Self::gather_with(endpoints, &TokenProvider::fixed(token.to_owned()), channel, in_each).await
    }

    /// As [`Self::gather`], each with a token of its own for every connection.
    pub(crate) async fn gather_with(
        endpoints: &[(String, String)],
        tokens: &TokenProvider,
        channel: &str,
        in_each: usize,
    ) -> Self {
        let mut listeners = Vec::new();
        for (region, _) in endpoints {
            listeners.extend(Self::gather_in(endpoints, tokens, channel, region, in_each).await.listeners);
        }
        Self { listeners }
    }

    /// So many, all in this region.
    pub(crate) async fn gather_in(
        endpoints: &[(String, String)],
        tokens: &TokenProvider,
        channel: &str,
        region: &str,
        count: usize,
    ) -> Self {
        let channel = ChannelName::parse(channel).expect("a channel");
        let mut listeners = Vec::new();
        for _ in 0..count {
            let (client, events) = client_with(endpoints, tokens.clone(), region);
            let shown = Arc::new(Mutex::new(Shown::default()));
            tokio::spawn(listen(events, Arc::clone(&shown)));
            client.subscribe(&channel, Start::Now).await.expect("a member");
            listeners.push(Listener { client, region: region.to_owned(), shown, checked: 0 });
        }
        Self { listeners }
    }

    /// From now on it is measured how long those in `region`, or all, wait for their next message.
    pub(crate) fn wait_from(&self, since: Instant, region: Option<&str>) {
        for listener in self.of(region) {
            listener.shown().waits = Some(since);
        }
    }

    /// Waits until each of them in `region`, or all, had a message since.
    pub(crate) async fn has_waited(&self, region: Option<&str>) {
        sorl_tests::within(PATIENCE, "everybody gets a message", async || {
            self.of(region).all(|listener| listener.shown().waits.is_none()).then_some(())
        })
        .await;
    }

    /// The waits measured so far.
    pub(crate) fn waited(&self) -> Vec<Duration> {
        self.listeners.iter().flat_map(|listener| listener.shown().waited.clone()).collect()
    }

    /// Live messages' latencies since the last time, of those in `region`, or of all others.
    pub(crate) fn latencies(&self, without: Option<&str>) -> Vec<Duration> {
        let mut latencies = Vec::new();
        for listener in &self.listeners {
            let theirs = std::mem::take(&mut listener.shown().latencies);
            if without != Some(listener.region.as_str()) {
                latencies.extend(theirs);
            }
        }
        latencies
    }

    /// Sends those of a region home.
    pub(crate) async fn send_home(&self, region: &str) {
        let home = Region::parse(region).expect("a region");
        for listener in self.of(Some(region)) {
            listener.client.use_region(&home).await.expect("a client that lives");
        }
    }

    /// Waits until none of them is connected to `region` any more.
    pub(crate) async fn has_left(&self, region: &str) {
        let is_there = |listener: &Listener| listener.region_now().is_some_and(|now| now.as_str() == region);
        sorl_tests::within(PATIENCE, "everybody has left", async || {
            (!self.listeners.iter().any(is_there)).then_some(())
        })
        .await;
    }

    /// Sends all to `region`, one after the other at this pace, and waits until they are there.
    pub(crate) async fn return_to(&self, region: &str, pace: Duration) {
        let home = Region::parse(region).expect("a region");
        let mut ticks = tokio::time::interval(pace);
        for listener in &self.listeners {
            ticks.tick().await;
            listener.client.use_region(&home).await.expect("a client that lives");
        }
        sorl_tests::within(PATIENCE, "everybody is there", async || {
            self.listeners.iter().all(|listener| listener.region_now().as_ref() == Some(&home)).then_some(())
        })
        .await;
    }

    /// Waits until all have been shown what is acknowledged by now. How many are missing, if that does not happen.
    pub(crate) async fn catch_up(&mut self, ledger: &Ledger) -> usize {
        let started = Instant::now();
        let acknowledged = ledger.count();
        loop {
            let missing: usize =
                self.listeners.iter_mut().map(|listener| listener.missing(ledger, acknowledged)).sum();
            if missing == 0 || started.elapsed() > PATIENCE {
                return missing;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The last judgement: everything acknowledged was shown, once, without a gap.
    pub(crate) async fn judge(mut self, ledger: &Ledger, outcome: &mut Outcome) {
        outcome.acknowledged = Some(ledger.count());
        outcome.lost += self.catch_up(ledger).await;
        outcome.twice += self.listeners.iter().map(|listener| listener.shown().twice).sum::<usize>();
        let gaps: usize = self.listeners.iter().map(|listener| listener.shown().gaps).sum();
        outcome.must(gaps == 0, format!("{gaps} gaps were told, though all of it was in the history"));
        outcome.must(ledger.count() > 0, "nothing was acknowledged");
        for listener in self.listeners {
            listener.client.close().await;
        }
    }

    fn of(&self, region: Option<&str>) -> impl Iterator<Item = &Listener> {
        self.listeners.iter().filter(move |listener| region.is_none_or(|region| region == listener.region))
    }
}

impl Listener {
    fn shown(&self) -> std::sync::MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where it is connected, if it is.
    fn region_now(&self) -> Option<Region> {
        match &*self.client.status().borrow() {
            Status::Connected(region) => Some(region.clone()),
            _ => None,
        }
    }

    /// Of the first so many acknowledged messages, those that it was not shown.
    fn missing(&mut self, ledger: &Ledger, acknowledged: usize) -> usize {
        let rest = ledger.since(self.checked);
        let rest = &rest[..acknowledged - self.checked];
        let shown = self.shown();
        let first = rest.iter().position(|data| !shown.data.contains(data));
        let missing = rest.iter().filter(|data| !shown.data.contains(*data)).count();
        drop(shown);
        self.checked += first.unwrap_or(rest.len());
        missing
    }
}

async fn listen(mut events: Events, shown: Arc<Mutex<Shown>>) {
    while let Some(event) = events.next().await {
        let mut shown = shown.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Message { message, origin } => shown.show(&message, origin),
            Event::Gap { .. } => shown.gaps += 1,
            _ => {}
        }
    }
}

/// A client that begins in `region` and knows them all.
pub(crate) fn client(endpoints: &[(String, String)], token: &str, region: &str) -> (Client, Events) {
    client_with(endpoints, TokenProvider::fixed(token.to_owned()), region)
}

/// As [`client`], with a token of its own for every connection.
pub(crate) fn client_with(
    endpoints: &[(String, String)],
    tokens: TokenProvider,
    region: &str,
) -> (Client, Events) {
    let parse = |region: &str| Region::parse(region).expect("a region");
    let known: Vec<_> =
        endpoints.iter().map(|(region, url)| Endpoint { region: parse(region), url: url.clone() }).collect();
    Client::start(Options::new(known, tokens).in_region(parse(region)))
}
