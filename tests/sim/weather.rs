//! The weather: the faults in force, and how many of each kind struck.
//!
//! Asked at every port call of every Lambda ([`Invocation`]). Nothing here knows what a port does.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::future;
use parking_lot::Mutex;
use sorl_core::config::Site;
use sorl_core::ports::{Clock, Unavailable};
use sorl_core::region::Region;
use sorl_core::time::Timestamp;

use crate::chance::Chance;
use crate::executor::{TaskId, Timeline};
use crate::odds::Odds;
use crate::trace::Trace;

/// How many faults of each kind struck.
pub(crate) type Tally = BTreeMap<&'static str, u64>;

/// A queue that is not subscribed to a region's topics for a while: what they publish meanwhile comes then.
#[derive(Debug, Clone)]
pub(crate) struct MissingSubscription {
    /// Whose queue.
    pub(crate) to: Region,
    /// Whose topics.
    pub(crate) from: Region,
    /// Since when.
    pub(crate) since: Timestamp,
    /// Until when.
    pub(crate) until: Timestamp,
}

/// The faults in force. Cloning shares them.
#[derive(Clone)]
pub(crate) struct Weather(Arc<Inner>);

struct Inner {
    odds: Mutex<Arc<Odds>>,
    /// The share of all posts that are answered 429, while the account is throttled.
    throttled: Mutex<f64>,
    missing: Mutex<Option<MissingSubscription>>,
    refuses_burials: AtomicBool,
    tally: Mutex<Tally>,
    chance: Chance,
    timeline: Timeline,
    trace: Trace,
}

impl Weather {
    /// `odds` in force.
    pub(crate) fn new(odds: Odds, chance: Chance, timeline: Timeline, trace: Trace) -> Self {
        Self(Arc::new(Inner {
            odds: Mutex::new(Arc::new(odds)),
            throttled: Mutex::new(0.0),
            missing: Mutex::default(),
            refuses_burials: AtomicBool::new(false),
            tally: Mutex::default(),
            chance,
            timeline,
            trace,
        }))
    }

    /// From now on nothing goes wrong.
    pub(crate) fn calm(&self) {
        *self.0.odds.lock() = Arc::new(Odds::none());
        self.throttle(0.0);
        self.unsubscribe(None);
    }

    /// The true time.
    pub(crate) fn now(&self) -> Timestamp {
        self.0.timeline.now()
    }

    /// What is in force.
    pub(crate) fn odds(&self) -> Arc<Odds> {
        Arc::clone(&self.0.odds.lock())
    }

    /// From now on this share of all posts is answered 429.
    pub(crate) fn throttle(&self, share: f64) {
        *self.0.throttled.lock() = share;
    }

    /// From now on this subscription is missing, and no other.
    pub(crate) fn unsubscribe(&self, missing: Option<MissingSubscription>) {
        *self.0.missing.lock() = missing;
    }

    /// The subscription that is missing.
    pub(crate) fn missing(&self) -> Option<MissingSubscription> {
        self.0.missing.lock().clone()
    }

    /// Whether dead letters are refused from now on.
    pub(crate) fn refuse_burials(&self, refuse: bool) {
        self.0.refuses_burials.store(refuse, Ordering::Relaxed);
    }

    /// Whether the dead-letter queue refuses; counts it.
    pub(crate) fn refuses_burial(&self) -> bool {
        let refuses = self.0.refuses_burials.load(Ordering::Relaxed);
        if refuses {
            self.count("dead letter refused");
        }
        refuses
    }

    /// Whether a fault strikes that does so in this share of cases; counts it.
    pub(crate) fn strikes(&self, kind: &'static str, share: f64) -> bool {
        let strikes = share > 0.0 && self.0.chance.happens(share);
        if strikes {
            self.count(kind);
        }
        strikes
    }

    /// Counts a fault that somebody else decided on.
    pub(crate) fn count(&self, kind: &'static str) {
        *self.0.tally.lock().entry(kind).or_default() += 1;
    }

    /// How many of each kind struck so far.
    pub(crate) fn tally(&self) -> Tally {
        self.0.tally.lock().clone()
    }

    /// Whether the account's limit hits a post.
    pub(crate) fn throttles(&self) -> bool {
        let share = *self.0.throttled.lock();
        self.strikes("429 of the account", share)
    }
}

/// One run of one Lambda, as its port calls know it. Cloning shares it.
#[derive(Clone)]
pub(crate) struct Invocation {
    weather: Weather,
    name: Arc<str>,
    site: Arc<Site>,
    task: Arc<Mutex<Option<TaskId>>>,
}

impl Invocation {
    /// An invocation that is about to begin; `name` is what the trace calls it.
    pub(crate) fn new(weather: Weather, name: String, site: Site) -> Self {
        Self { weather, name: name.into(), site: Arc::new(site), task: Arc::default() }
    }

    /// Where it runs, and what this version of it is configured with.
    pub(crate) fn site(&self) -> &Site {
        &self.site
    }

    /// Says which task it runs as, so that it can be killed.
    pub(crate) fn runs_as(&self, task: TaskId) {
        *self.task.lock() = Some(task);
    }

    /// The faults in force.
    pub(crate) const fn weather(&self) -> &Weather {
        &self.weather
    }

    /// Notes what it does.
    pub(crate) fn note(&self, what: impl Display) {
        self.weather.0.trace.note(format_args!("{}: {what}", self.name));
    }

    /// Notes what takes a while to put into words.
    pub(crate) fn note_with<T: Display>(&self, what: impl FnOnce() -> T) {
        self.weather.0.trace.note_with(|| format!("{}: {}", self.name, what()));
    }

    /// A port call with whatever goes wrong before and after its effect.
    ///
    /// # Errors
    /// The port's own, or that it is unavailable: before the effect, or after it.
    pub(crate) async fn around<T, E: From<Unavailable>>(
        &self,
        port: &'static str,
        effect: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        self.reach(port).await;
        if self.is_refused() {
            self.note(format_args!("{port} refuses"));
            return Err(unavailable(port, "refused").into());
        }
        let result = effect.await;
        self.come_back(port).await;
        if self.loses_reply() {
            self.note(format_args!("{port} acts, and its answer is lost"));
            return Err(unavailable(port, "no answer").into());
        }
        result
    }

    /// The way to a port: it takes time, and the Lambda may die on it.
    pub(crate) async fn reach(&self, port: &'static str) {
        self.travel().await;
        self.may_die(port, "before").await;
    }

    /// The way back.
    pub(crate) async fn come_back(&self, port: &'static str) {
        self.may_die(port, "after").await;
        self.travel().await;
    }

    /// Whether the port refuses, without an effect.
    pub(crate) fn is_refused(&self) -> bool {
        self.weather.strikes("error before the effect", self.weather.odds().refused)
    }

    /// Whether the answer is lost.
    pub(crate) fn loses_reply(&self) -> bool {
        self.weather.strikes("lost reply", self.weather.odds().lost_reply)
    }

    async fn travel(&self) {
        let Weather(inner) = &self.weather;
        let odds = self.weather.odds();
        let rest = if self.weather.strikes("slow call", odds.slow) {
            let most = u64::try_from(odds.slow_for.as_millis()).unwrap_or(1);
            inner.chance.millis(50, most.max(51))
        } else {
            inner.chance.millis(0, 12)
        };
        if rest > Duration::ZERO {
            inner.timeline.sleep(rest).await;
        }
    }

    async fn may_die(&self, port: &'static str, when: &'static str) {
        let Weather(inner) = &self.weather;
        if !self.weather.strikes("killed Lambda", self.weather.odds().killed) {
            return;
        }
        self.note(format_args!("killed {when} {port}"));
        if let Some(task) = *self.task.lock() {
            inner.timeline.kill(task);
        }
        future::pending::<()>().await;
    }
}

/// The error of a port that did not answer.
pub(crate) fn unavailable(port: &'static str, why: &'static str) -> Unavailable {
    Unavailable::new(port, why)
}
