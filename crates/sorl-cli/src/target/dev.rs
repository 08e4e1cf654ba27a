//! The few plain HTTP calls to `sorl dev`: its regions, tokens, dead letters, faults.
//!
//! Not its SNS, which AWS's SDK speaks to, nor its WebSockets. The invariant: a refusal or an answer of something else
//! at that address is told with the address.

use std::time::Duration;

use anyhow::{Context as _, bail};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::RegionAddress;
use crate::exit::Misuse;

/// Time for an answer of a server on this machine.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// A running `sorl dev`.
#[derive(Debug, Clone)]
pub(crate) struct DevServer {
    url: String,
    http: reqwest::Client,
}

#[derive(Serialize)]
struct Wanted<'a> {
    user: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    grants: Option<&'a Value>,
    ttl: u64,
}

#[derive(Deserialize)]
struct Minted {
    token: String,
}

impl DevServer {
    /// The server at `url`; nothing is asked yet.
    pub(crate) fn at(url: &str) -> anyhow::Result<Self> {
        if url.starts_with("https:") {
            return Err(Misuse(format!("{url}: `sorl dev` speaks plain HTTP; write http://…")).into());
        }
        // Plain HTTP only, but the TLS that sorl-local needs is compiled in, and wants a provider to be named.
        rustls::crypto::ring::default_provider().install_default().ok();
        let http = reqwest::Client::builder().no_proxy().timeout(ANSWER_MAX).build()?;
        Ok(Self { url: url.trim_end_matches('/').to_owned(), http })
    }

    /// Its address.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Its regions, in the order of its configuration.
    pub(crate) async fn regions(&self) -> anyhow::Result<Vec<RegionAddress>> {
        self.get("/regions").await
    }

    /// What `GET` of one of its addresses answers.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<T> {
        let request = self.http.get(format!("{}{path}", self.url)).header("accept", "application/json");
        let answer = request.send().await;
        self.parse(&self.read(answer).await?)
    }

    /// Asks it to do something that has no answer but that it was done.
    pub(crate) async fn post(&self, path: &str, body: String) -> anyhow::Result<()> {
        self.read(self.http.post(format!("{}{path}", self.url)).body(body).send().await).await.map(drop)
    }

    /// What `POST` of this body to one of its addresses answers.
    pub(crate) async fn ask<T: DeserializeOwned>(&self, path: &str, body: String) -> anyhow::Result<T> {
        self.parse(&self.read(self.http.post(format!("{}{path}", self.url)).body(body).send().await).await?)
    }

    /// Asks it to delete what is at one of its addresses.
    pub(crate) async fn delete(&self, path: &str) -> anyhow::Result<()> {
        self.read(self.http.delete(format!("{}{path}", self.url)).send().await).await.map(drop)
    }

    /// A token of `user`.
    pub(crate) async fn token(
        &self,
        user: &str,
        grants: Option<&Value>,
        ttl: Duration,
    ) -> anyhow::Result<String> {
        let wanted = serde_json::to_string(&Wanted { user, grants, ttl: ttl.as_secs().max(1) })?;
        let request = self.http.post(format!("{}/token", self.url)).body(wanted);
        let minted: Minted = self.parse(&self.read(request.send().await).await?)?;
        Ok(minted.token)
    }

    fn parse<T: DeserializeOwned>(&self, body: &str) -> anyhow::Result<T> {
        serde_json::from_str(body)
            .with_context(|| format!("{} answers, but not as `sorl dev` does; check the address", self.url))
    }

    fn unreachable(&self) -> String {
        format!("{} does not answer; start `sorl dev`, or name another address", self.url)
    }

    async fn read(&self, answer: reqwest::Result<reqwest::Response>) -> anyhow::Result<String> {
        let answer = answer.with_context(|| self.unreachable())?;
        let status = answer.status();
        let body = answer.text().await.with_context(|| self.unreachable())?;
        if !status.is_success() {
            bail!("{} refused with {status}: {body}", self.url);
        }
        Ok(body)
    }
}
