//! Keys that were fetched, kept for a while.
//!
//! Invariant: the source is asked at most every [`RETRY_AFTER`], by one request at a time, whatever tokens come;
//! keys that were once seen hold for [`STALE_MAX`] while it is down.

use std::time::Duration;

use async_trait::async_trait;
use sorl_core::authorize::VerifyKey;
use sorl_core::ports::Unavailable;
use tokio::sync::Mutex;
use tokio::time::Instant;

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
    /// Locked while fetching, so that a crowd of handshakes makes one request.
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    keys: Vec<VerifyKey>,
    fetched_at: Option<Instant>,
    tried_at: Option<Instant>,
}

impl Kept {
    fn is_younger(&self, age: Duration) -> bool {
        self.fetched_at.is_some_and(|at| at.elapsed() < age)
    }

    fn may_try(&self) -> bool {
        self.tried_at.is_none_or(|at| at.elapsed() >= RETRY_AFTER)
    }

    /// Whether the last request failed.
    fn is_down(&self) -> bool {
        self.fetched_at < self.tried_at
    }

    fn matching(&self, kid: Option<&str>) -> Vec<VerifyKey> {
        self.keys.iter().filter(|key| kid.is_none_or(|kid| key.kid() == Some(kid))).cloned().collect()
    }
}

impl<S: Source> Cache<S> {
    /// An empty cache; the first [`Self::find`] fetches.
    pub fn new(source: S) -> Self {
        Self { source, kept: Mutex::default() }
    }

    /// The keys named `kid`, or all; none if the source does not know it, as it said a moment ago.
    ///
    /// # Errors
    /// [`Unavailable`] if the source cannot say.
    pub async fn find(&self, kid: Option<&str>) -> Result<Vec<VerifyKey>, Unavailable> {
        let mut kept = self.kept.lock().await;
        let found = kept.matching(kid);
        if !found.is_empty() && kept.is_younger(FRESH_FOR) {
            return Ok(found);
        }
        if kept.may_try() {
            self.refresh(&mut kept).await;
        }
        let found = kept.matching(kid);
        if kept.is_down() && (found.is_empty() || !kept.is_younger(STALE_MAX)) {
            return Err(Unavailable::new(PORT, "the keys cannot be had"));
        }
        Ok(found)
    }

    async fn refresh(&self, kept: &mut Kept) {
        let tried_at = Instant::now();
        kept.tried_at = Some(tried_at);
        match self.source.fetch().await {
            Ok(keys) => {
                tracing::info!(outcome = "fetched", keys = keys.len(), "keys");
                kept.keys = keys;
                kept.fetched_at = Some(tried_at);
            }
            Err(fault) => tracing::warn!(outcome = "failed", fault, "keys"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    use super::*;

    /// A source that can be down, and how often it was asked.
    #[derive(Default)]
    struct Shelf {
        asked: AtomicUsize,
        down: AtomicBool,
    }

    #[async_trait]
    impl Source for Shelf {
        async fn fetch(&self) -> Result<Vec<VerifyKey>, String> {
            let asked = self.asked.fetch_add(1, Ordering::SeqCst);
            if self.down.load(Ordering::SeqCst) {
                return Err("down".to_owned());
            }
            Ok(vec![VerifyKey::secret(Some(format!("key {asked}")), b"secret")])
        }
    }

    #[tokio::test(start_paused = true)]
    async fn rotation_is_seen_but_not_asked_for_at_every_token() {
        let cache = Cache::new(Shelf::default());
        assert_eq!(cache.find(Some("key 0")).await.unwrap().len(), 1);
        for _ in 0..10 {
            assert!(cache.find(Some("key 1")).await.unwrap().is_empty());
        }
        assert_eq!(cache.source.asked.load(Ordering::SeqCst), 1, "a request within the last 10 s is enough");
        tokio::time::advance(RETRY_AFTER).await;
        assert_eq!(cache.find(Some("key 1")).await.unwrap().len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_withdrawn_key_holds_no_longer_than_it_is_fresh() {
        let cache = Cache::new(Shelf::default());
        assert_eq!(cache.find(Some("key 0")).await.unwrap().len(), 1);
        tokio::time::advance(FRESH_FOR).await;
        assert!(cache.find(Some("key 0")).await.unwrap().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn keys_hold_for_a_day_while_their_source_is_down() {
        let cache = Cache::new(Shelf::default());
        assert_eq!(cache.find(None).await.unwrap().len(), 1);
        cache.source.down.store(true, Ordering::SeqCst);
        tokio::time::advance(FRESH_FOR).await;
        assert_eq!(cache.find(Some("key 0")).await.unwrap().len(), 1);
        assert!(cache.find(Some("key 1")).await.is_err(), "it may be there, so the token may be good");
        tokio::time::advance(STALE_MAX).await;
        assert!(cache.find(Some("key 0")).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_source_that_is_down_at_first_is_asked_again() {
        let cache = Cache::new(Shelf::default());
        cache.source.down.store(true, Ordering::SeqCst);
        assert!(cache.find(None).await.is_err() && cache.find(None).await.is_err());
        assert_eq!(cache.source.asked.load(Ordering::SeqCst), 1);
        cache.source.down.store(false, Ordering::SeqCst);
        tokio::time::advance(RETRY_AFTER).await;
        assert_eq!(cache.find(None).await.unwrap().len(), 1);
    }
}
