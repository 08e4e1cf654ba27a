//! The few plain HTTP calls to `sorl dev`: where its regions are, and tokens.

use std::time::Duration;

use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sorl_core::region::Region;

/// Where `sorl dev` listens unless told otherwise.
pub(crate) const USUAL_URL: &str = "http://127.0.0.1:4600";

/// Time for an answer of a server on this machine.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// A running `sorl dev`.
#[derive(Debug, Clone)]
pub(crate) struct DevServer {
    url: String,
    http: reqwest::Client,
}

/// A region as `GET /regions` lists it.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct RegionListed {
    /// Its name.
    pub(crate) region: Region,
    /// Its WebSocket.
    pub(crate) url: String,
    /// Its `messages` topic.
    pub(crate) topic: String,
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
            bail!("{url}: `sorl dev` speaks plain HTTP; write http://…");
        }
        // Plain HTTP only, but the TLS that sorl-local needs is compiled in, and wants a provider to be named.
        rustls::crypto::ring::default_provider().install_default().ok();
        let http = reqwest::Client::builder().no_proxy().timeout(ANSWER_MAX).build()?;
        Ok(Self { url: url.trim_end_matches('/').to_owned(), http })
    }

    /// Its regions, in the order of its configuration.
    pub(crate) async fn regions(&self) -> anyhow::Result<Vec<RegionListed>> {
        let answer = self.http.get(format!("{}/regions", self.url)).send().await;
        serde_json::from_str(&self.read(answer).await?)
            .with_context(|| format!("{} answers, but not as `sorl dev` does; check the address", self.url))
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
        let minted = self.read(request.send().await).await?;
        let minted: Minted = serde_json::from_str(&minted).with_context(|| {
            format!("{} answers, but not as `sorl dev` does; check the address", self.url)
        })?;
        Ok(minted.token)
    }

    async fn read(&self, answer: reqwest::Result<reqwest::Response>) -> anyhow::Result<String> {
        let unreachable =
            || format!("{} does not answer; start `sorl dev`, or name another address", self.url);
        let answer = answer.with_context(unreachable)?;
        let status = answer.status();
        let body = answer.text().await.with_context(unreachable)?;
        if !status.is_success() {
            bail!("{} refused with {status}: {body}", self.url);
        }
        Ok(body)
    }
}

/// The region named, or the first.
pub(crate) fn pick<'a>(
    regions: &'a [RegionListed],
    named: Option<&Region>,
) -> anyhow::Result<&'a RegionListed> {
    let found = match named {
        Some(region) => regions.iter().find(|listed| listed.region == *region),
        None => regions.first(),
    };
    found.with_context(|| {
        let names: Vec<_> = regions.iter().map(|listed| listed.region.as_str()).collect();
        let named = named.map_or("any", Region::as_str);
        format!("there is no region {named}; choose one of {} with --region", names.join(", "))
    })
}
