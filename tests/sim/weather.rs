//! The weather: the faults in force, and how many of each kind struck.
//!
//! Asked at every port call of every Lambda ([`Invocation`]). Nothing here knows what a port does.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future;
use parking_lot::Mutex;
use sorl_core::ports::Unavailable;

use crate::chance::Chance;
use crate::executor::{TaskId, Timeline};
use crate::odds::Odds;
use crate::trace::Trace;

/// How many faults of each kind struck.
pub(crate) type Tally = BTreeMap<&'static str, u64>;

/// The faults in force. Cloning shares them.
#[derive(Clone)]
pub(crate) struct Weather(Arc<Inner>);

struct Inner {
    odds: Mutex<Arc<Odds>>,
    /// The share of all posts that are answered 429, while the account is throttled.
    throttled: Mutex<f64>,
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
    }

    /// What is in force.
    pub(crate) fn odds(&self) -> Arc<Odds> {
        Arc::clone(&self.0.odds.lock())
    }

    /// From now on this share of all posts is answered 429.
    pub(crate) fn throttle(&self, share: f64) {
        *self.0.throttled.lock() = share;
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
    task: Arc<Mutex<Option<TaskId>>>,
}

impl Invocation {
    /// An invocation that is about to begin; `name` is what the trace calls it.
    pub(crate) fn new(weather: Weather, name: String) -> Self {
        Self { weather, name: name.into(), task: Arc::default() }
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
    pub(crate) fn note(&self, what: impl std::fmt::Display) {
        self.weather.0.trace.note(format!("{}: {what}", self.name));
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
