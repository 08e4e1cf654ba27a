//! Keys that were fetched, kept for a while.
//!
//! Invariant: the source is asked at most every [`RETRY_AFTER`], by one request at a time, whatever tokens come;
//! keys that were once seen hold for [`STALE_MAX`] while it is down; and nobody whose key is known and fresh waits for
//! a request that another's token caused, or forged tokens would hold up everybody while the source is slow.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use sorl_core::authorize::VerifyKey;
use sorl_core::ports::{Clock, Unavailable};
use sorl_core::time::Timestamp;
use tokio::sync::{Mutex, RwLock};

const PORT: &str = "keys";
/// Keys younger than this are not fetched again for one that is among them: how long a withdrawn key holds.
const FRESH_FOR: Duration = Duration::from_mins(10);
/// The least time between two requests.
const RETRY_AFTER: Duration = Duration::from_secs(10);
/// How long keys hold while the source is down: longer than any outage, shorter than a key's life.
const STALE_MAX: Duration = Duration::from_hours(24);

/// Where keys are kept.
#[async_trait]
pub trait Source: Send + Sync {
    /// All keys of today, within seconds.
    ///
    /// # Errors
    /// Why they cannot be had, for the log: no key is in it.
    async fn fetch(&self) -> Result<Vec<VerifyKey>, String>;
}

/// The keys of a source.
pub struct Cache<S> {
    source: S,
    clock: Arc<dyn Clock>,
    kept: RwLock<Kept>,
    /// Locked while fetching, so that a crowd of handshakes makes one request.
    fetching: Mutex<()>,
}

#[derive(Default)]
struct Kept {
    keys: Vec<VerifyKey>,
    fetched_at: Option<Timestamp>,
    tried_at: Option<Timestamp>,
    /// Whether the last request failed.
    is_down: bool,
}

impl Kept {
    fn is_younger(&self, age: Duration, now: Timestamp) -> bool {
        self.fetched_at.is_some_and(|at| now.since(at) < age)
    }

    fn may_try(&self, now: Timestamp) -> bool {
        self.tried_at.is_none_or(|at| now.since(at) >= RETRY_AFTER)
    }

    fn matching(&self, kid: Option<&str>) -> Vec<VerifyKey> {
        self.keys.iter().filter(|key| kid.is_none_or(|kid| key.kid() == Some(kid))).cloned().collect()
    }
}

impl<S: Source> Cache<S> {
    /// An empty cache; the first [`Self::find`] fetches.
    pub fn new(source: S, clock: Arc<dyn Clock>) -> Self {
        Self { source, clock, kept: RwLock::default(), fetching: Mutex::default() }
    }

    /// The keys named `kid`, or all; none if the source does not know it, as it said a moment ago.
    ///
    /// # Errors
    /// [`Unavailable`] if the source cannot say.
    pub async fn find(&self, kid: Option<&str>) -> Result<Vec<VerifyKey>, Unavailable> {
        if let Some(fresh) = self.fresh(kid).await {
            return Ok(fresh);
        }
        let _turn = self.fetching.lock().await;
        // Whoever had the turn before may have brought it.
        if let Some(fresh) = self.fresh(kid).await {
            return Ok(fresh);
        }
        let now = self.clock.now();
        if self.kept.read().await.may_try(now) {
            self.refresh(now).await;
        }
        let kept = self.kept.read().await;
        let found = kept.matching(kid);
        if kept.is_down && (found.is_empty() || !kept.is_younger(STALE_MAX, now)) {
            return Err(Unavailable::new(PORT, "the keys cannot be had"));
        }
        Ok(found)
    }

    async fn fresh(&self, kid: Option<&str>) -> Option<Vec<VerifyKey>> {
        let kept = self.kept.read().await;
        let found = kept.matching(kid);
        (!found.is_empty() && kept.is_younger(FRESH_FOR, self.clock.now())).then_some(found)
    }

    async fn refresh(&self, now: Timestamp) {
        let fetched = self.source.fetch().await;
        let mut kept = self.kept.write().await;
        kept.tried_at = Some(now);
        kept.is_down = fetched.is_err();
        match fetched {
            Ok(keys) => {
                tracing::info!(outcome = "fetched", keys = keys.len(), "keys");
                kept.keys = keys;
                kept.fetched_at = Some(now);
            }
            Err(fault) => tracing::warn!(outcome = "failed", fault, "keys"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

    use super::*;

    /// A source that can be down or never answer, and how often it was asked.
    #[derive(Default)]
    struct Shelf {
        asked: AtomicUsize,
        down: AtomicBool,
        silent: AtomicBool,
    }

    #[async_trait]
    impl Source for Shelf {
        async fn fetch(&self) -> Result<Vec<VerifyKey>, String> {
            let asked = self.asked.fetch_add(1, Ordering::SeqCst);
            if self.silent.load(Ordering::SeqCst) {
                std::future::pending::<()>().await;
            }
            if self.down.load(Ordering::SeqCst) {
                return Err("down".to_owned());
            }
            Ok(vec![VerifyKey::secret(Some(format!("key {asked}")), b"secret")])
        }
    }

    /// A clock that is told how much later it is.
    #[derive(Default)]
    struct Later(AtomicU64);

    impl Later {
        fn advance(&self, by: Duration) {
            self.0.fetch_add(u64::try_from(by.as_millis()).unwrap(), Ordering::SeqCst);
        }
    }

    impl Clock for Later {
        fn now(&self) -> Timestamp {
            Timestamp::from_millis(self.0.load(Ordering::SeqCst))
        }
    }

    fn shelf() -> (Cache<Shelf>, Arc<Later>) {
        let clock = Arc::new(Later::default());
        (Cache::new(Shelf::default(), Arc::clone(&clock) as Arc<dyn Clock>), clock)
    }

    #[tokio::test]
    async fn rotation_is_seen_but_not_asked_for_at_every_token() {
        let (cache, clock) = shelf();
        assert_eq!(cache.find(Some("key 0")).await.unwrap().len(), 1);
        for _ in 0..10 {
            assert!(cache.find(Some("key 1")).await.unwrap().is_empty());
        }
        assert_eq!(cache.source.asked.load(Ordering::SeqCst), 1, "a request within the last 10 s is enough");
        clock.advance(RETRY_AFTER);
        assert_eq!(cache.find(Some("key 1")).await.unwrap().len(), 1);
    }

    #[tokio::test]
    async fn a_withdrawn_key_holds_no_longer_than_it_is_fresh() {
        let (cache, clock) = shelf();
        assert_eq!(cache.find(Some("key 0")).await.unwrap().len(), 1);
        clock.advance(FRESH_FOR);
        assert!(cache.find(Some("key 0")).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn keys_hold_for_a_day_while_their_source_is_down() {
        let (cache, clock) = shelf();
        assert_eq!(cache.find(None).await.unwrap().len(), 1);
        cache.source.down.store(true, Ordering::SeqCst);
        clock.advance(FRESH_FOR);
        assert_eq!(cache.find(Some("key 0")).await.unwrap().len(), 1);
        assert!(cache.find(Some("key 1")).await.is_err(), "it may be there, so the token may be good");
        clock.advance(STALE_MAX);
        assert!(cache.find(Some("key 0")).await.is_err());
    }

    #[tokio::test]
    async fn a_token_of_a_known_key_never_waits_for_one_that_names_another() {
        let (cache, clock) = shelf();
        assert_eq!(cache.find(Some("key 0")).await.unwrap().len(), 1);
        clock.advance(RETRY_AFTER);
        cache.source.silent.store(true, Ordering::SeqCst);
        let forged = cache.find(Some("no such key"));
        let known = cache.find(Some("key 0"));
        // The forged one begins first, and its request is never answered.
        tokio::select! {
            biased;
            _ = forged => panic!("nothing was answered"),
            found = known => assert_eq!(found.unwrap().len(), 1),
        }
        assert_eq!(cache.source.asked.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn a_source_that_is_down_at_first_is_asked_again() {
        let (cache, clock) = shelf();
        cache.source.down.store(true, Ordering::SeqCst);
        assert!(cache.find(None).await.is_err() && cache.find(None).await.is_err());
        assert_eq!(cache.source.asked.load(Ordering::SeqCst), 1);
        cache.source.down.store(false, Ordering::SeqCst);
        clock.advance(RETRY_AFTER);
        assert_eq!(cache.find(None).await.unwrap().len(), 1);
    }
}
