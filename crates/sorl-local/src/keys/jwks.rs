//! Public keys of an identity provider, fetched from its JWKS and cached.
//!
//! Invariant: the provider is asked at most every [`RETRY_AFTER`], by one request at a time, whatever tokens
//! come; keys that were once seen hold for [`STALE_MAX`] while it is down.

use std::time::Duration;

use reqwest::Client;
use reqwest::redirect::Policy;
use sorl_core::authorize::{VerifyKey, jwks};
use sorl_core::config::Algorithm;
use sorl_core::ports::Unavailable;
use tokio::sync::Mutex;
use tokio::time::Instant;

const PORT: &str = "keys";
/// Keys younger than this are not fetched again for a `kid` that is among them: how long a withdrawn key holds.
const FRESH_FOR: Duration = Duration::from_mins(10);
/// The least time between two requests.
const RETRY_AFTER: Duration = Duration::from_secs(10);
/// How long keys hold while the provider is down: longer than any outage, shorter than a key's life.
const STALE_MAX: Duration = Duration::from_hours(24);
/// The provider's time to answer, within a handshake's 29 s.
const FETCH_MAX: Duration = Duration::from_secs(5);
/// Bytes of a JWKS; the largest providers' have a tenth of it.
const BYTES_MAX: usize = 256 * 1024;

/// The keys behind a URL.
pub(super) struct Jwks {
    url: String,
    algorithm: Algorithm,
    /// Locked while fetching, so that a crowd of handshakes makes one request.
    cache: Mutex<Cache>,
}

#[derive(Default)]
struct Cache {
    keys: Vec<VerifyKey>,
    fetched_at: Option<Instant>,
    tried_at: Option<Instant>,
    client: Option<Client>,
}

impl Cache {
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

impl Jwks {
    pub(super) fn new(url: String, algorithm: Algorithm) -> Self {
        Self { url, algorithm, cache: Mutex::default() }
    }

    pub(super) async fn find(&self, kid: Option<&str>) -> Result<Vec<VerifyKey>, Unavailable> {
        let mut cache = self.cache.lock().await;
        let found = cache.matching(kid);
        if !found.is_empty() && cache.is_younger(FRESH_FOR) {
            return Ok(found);
        }
        if cache.may_try() {
            self.refresh(&mut cache).await;
        }
        let found = cache.matching(kid);
        if cache.is_down() && (found.is_empty() || !cache.is_younger(STALE_MAX)) {
            return Err(Unavailable::new(PORT, "the JWKS cannot be had"));
        }
        Ok(found)
    }

    async fn refresh(&self, cache: &mut Cache) {
        let tried_at = Instant::now();
        cache.tried_at = Some(tried_at);
        match self.fetch(cache).await {
            Ok(keys) => {
                tracing::info!(outcome = "fetched", keys = keys.len(), "jwks");
                cache.keys = keys;
                cache.fetched_at = Some(tried_at);
            }
            Err(fault) => tracing::warn!(outcome = "failed", fault, url = self.url, "jwks"),
        }
    }

    async fn fetch(&self, cache: &mut Cache) -> Result<Vec<VerifyKey>, String> {
        let client = match &mut cache.client {
            Some(client) => client,
            none => none.insert(client().map_err(|fault| chain(&fault))?),
        };
        let response = client.get(&self.url).send().await.and_then(reqwest::Response::error_for_status);
        let mut response = response.map_err(|fault| chain(&fault))?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|fault| chain(&fault))? {
            body.extend_from_slice(&chunk);
            if body.len() > BYTES_MAX {
                return Err(format!("larger than {BYTES_MAX} bytes"));
            }
        }
        jwks(&String::from_utf8_lossy(&body), self.algorithm).map_err(|fault| fault.to_string())
    }
}

fn client() -> Result<Client, reqwest::Error> {
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        tracing::debug!("another part of the process chose the TLS provider already");
    }
    Client::builder().timeout(FETCH_MAX).redirect(Policy::none()).build()
}

/// The fault and what it came from: the first text alone says too little.
fn chain(fault: &dyn std::error::Error) -> String {
    let mut text = fault.to_string();
    let mut source = fault.source();
    while let Some(fault) = source {
        text.push_str(": ");
        text.push_str(&fault.to_string());
        source = fault.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::Router;
    use axum::routing::get;

    use super::*;

    const KEYS: &str = r#"{"keys":[{"kty":"weird"},
        {"kty":"OKP","crv":"Ed25519","kid":"one","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;

    /// A provider that answers `body`, and how often it was asked.
    async fn provider(body: String) -> (Jwks, Arc<AtomicUsize>) {
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let answer = get(move || {
            count.fetch_add(1, Ordering::SeqCst);
            std::future::ready(body.clone())
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/jwks", listener.local_addr().unwrap());
        tokio::spawn(
            async move { axum::serve(listener, Router::new().route("/jwks", answer)).await.unwrap() },
        );
        (Jwks::new(url, Algorithm::EdDsa), asked)
    }

    #[tokio::test]
    async fn an_unknown_kid_is_looked_for_again_but_not_at_once() {
        let (jwks, asked) = provider(KEYS.to_owned()).await;
        assert_eq!(jwks.find(Some("one")).await.unwrap().len(), 1);
        assert_eq!(jwks.find(None).await.unwrap().len(), 1);
        for _ in 0..10 {
            assert!(jwks.find(Some("two")).await.unwrap().is_empty());
        }
        assert_eq!(asked.load(Ordering::SeqCst), 1, "a request within the last 10 s is enough");
    }

    #[tokio::test]
    async fn rubbish_and_silence_are_unavailable_not_unauthorized() {
        for body in ["<html>", "{}", &"x".repeat(BYTES_MAX + 1)] {
            let (jwks, _) = provider(body.to_owned()).await;
            assert!(jwks.find(Some("one")).await.is_err());
        }
        let nobody = Jwks::new("http://127.0.0.1:9/jwks".to_owned(), Algorithm::EdDsa);
        assert!(nobody.find(None).await.is_err());
    }
}
