//! Public keys of an identity provider, from its JWKS.
//!
//! Invariant: whatever the provider answers, the request ends within [`FETCH_MAX`] and [`BYTES_MAX`].

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::Client;
use reqwest::redirect::Policy;
use sorl_core::authorize::{VerifyKey, jwks};
use sorl_core::config::Algorithm;
use sorl_core::ports::Clock;
use tokio::sync::OnceCell;

use crate::cache::{Cache, Source};

/// The provider's time to answer, within a handshake's 29 s.
const FETCH_MAX: Duration = Duration::from_secs(5);
/// Bytes of a JWKS; the largest providers' have a tenth of it.
const BYTES_MAX: usize = 256 * 1024;

/// The keys behind a URL.
pub struct Jwks {
    url: String,
    algorithm: Algorithm,
    client: OnceCell<Client>,
}

impl Jwks {
    /// The keys at `url` that fit `algorithm`, cached.
    #[must_use]
    pub fn cached(url: String, algorithm: Algorithm, clock: Arc<dyn Clock>) -> Cache<Self> {
        Cache::new(Self { url, algorithm, client: OnceCell::new() }, clock)
    }
}

#[async_trait]
impl Source for Jwks {
    async fn fetch(&self) -> Result<Vec<VerifyKey>, String> {
        self.fetch_body().await.map_err(|fault| format!("{}: {fault}", self.url)).and_then(|body| {
            jwks(&String::from_utf8_lossy(&body), self.algorithm)
                .map_err(|fault| format!("{}: {fault}", self.url))
        })
    }
}

impl Jwks {
    async fn fetch_body(&self) -> Result<Vec<u8>, String> {
        let client =
            self.client.get_or_try_init(|| async { client() }).await.map_err(|fault| chain(&fault))?;
        let response = client.get(&self.url).send().await.and_then(reqwest::Response::error_for_status);
        let mut response = response.map_err(|fault| chain(&fault))?;
        // Redirects are not followed, and what stands in one is no answer.
        if !response.status().is_success() {
            return Err(format!("answered {}", response.status()));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|fault| chain(&fault))? {
            body.extend_from_slice(&chunk);
            if body.len() > BYTES_MAX {
                return Err(format!("larger than {BYTES_MAX} bytes"));
            }
        }
        Ok(body)
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
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::Router;
    use axum::routing::get;

    use sorl_core::time::Timestamp;

    use super::*;

    /// A clock that stands still.
    struct Noon;

    impl Clock for Noon {
        fn now(&self) -> Timestamp {
            Timestamp::from_millis(1_764_000_000_000)
        }
    }

    const KEYS: &str = r#"{"keys":[{"kty":"weird"},
        {"kty":"OKP","crv":"Ed25519","kid":"one","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;

    /// A provider that answers `body`, and how often it was asked.
    async fn provider(body: String) -> (Cache<Jwks>, Arc<AtomicUsize>) {
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
        (Jwks::cached(url, Algorithm::EdDsa, Arc::new(Noon)), asked)
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
        let nobody = Jwks::cached("http://127.0.0.1:9/jwks".to_owned(), Algorithm::EdDsa, Arc::new(Noon));
        assert!(nobody.find(None).await.is_err());
    }
}
