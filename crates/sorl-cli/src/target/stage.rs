//! A deployed stage, found by its name: its regions through stack outputs, its tokens through its secret.
//!
//! Not its health (`doctor`). The invariant: every region that is listed has a WebSocket and a topic; one that is only
//! half there is left out, and said.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use aws_config::SdkConfig;
use futures::future::try_join_all;
use serde_json::Value;
use sorl_core::authorize::{self, Wanted};
use sorl_core::config::Config;
use sorl_core::ports::Clock as _;
use sorl_core::region::Region;
use sorl_local::clock::SystemClock;
use tokio::sync::OnceCell;

use super::stacks::{Kind, Stack};
use super::{Aws, Flags, RegionAddress, mint, told};
use crate::config_file;

/// A stage on AWS.
#[derive(Debug, Clone)]
pub(crate) struct Stage {
    /// Its name.
    pub(crate) name: String,
    /// The configuration at hand, which names its regions.
    pub(crate) config: Arc<Config>,
    aws: Aws,
    secret: Arc<OnceCell<String>>,
}

impl Stage {
    /// The stage of this name; nothing is asked yet.
    pub(super) fn named(name: &str, flags: &Flags) -> anyhow::Result<Self> {
        let config = config_file::read(flags.config.as_deref())?;
        Ok(Self::of(name, config, flags.endpoint_url.clone()))
    }

    /// The stage of this name and configuration; nothing is asked yet.
    pub(crate) fn of(name: &str, config: Config, endpoint: Option<String>) -> Self {
        let aws = Aws::at(endpoint);
        Self { name: name.to_owned(), config: Arc::new(config), aws, secret: Arc::default() }
    }

    /// What the SDK's clients of a region are made from.
    pub(crate) async fn aws(&self, region: &Region) -> SdkConfig {
        self.aws.of(region.as_str()).await
    }

    /// `sorl-prod-live`, and so on.
    pub(crate) fn resource(&self, name: &str) -> String {
        format!("sorl-{}-{name}", self.name)
    }

    /// Its regions, as their stacks tell.
    pub(super) async fn regions(&self) -> anyhow::Result<Vec<RegionAddress>> {
        let asked = self.config.regions.iter().map(|region| self.region(region));
        let found: Vec<_> = try_join_all(asked).await?.into_iter().flatten().collect();
        if found.is_empty() {
            let names: Vec<_> = self.config.regions.iter().map(Region::as_str).collect();
            bail!(
                "stage {} does not run in {}; is it the right name, account (AWS_PROFILE) and --config?",
                self.name,
                names.join(", ")
            );
        }
        Ok(found)
    }

    async fn region(&self, region: &Region) -> anyhow::Result<Option<RegionAddress>> {
        let aws = self.aws(region).await;
        let (state, running) = (Kind::State.name(&self.name), Kind::Running.name(&self.name));
        let found = tokio::try_join!(Stack::find(&aws, &state), Stack::find(&aws, &running));
        let (state, running) = found.with_context(|| format!("the stacks in {region}"))?;
        let address = self.address(region, state.as_ref(), running.as_ref());
        if address.is_none() {
            eprintln!("stage {} does not run in {region}, or not whole: `sorl doctor` says more", self.name);
        }
        Ok(address)
    }

    fn address(
        &self,
        region: &Region,
        state: Option<&Stack>,
        running: Option<&Stack>,
    ) -> Option<RegionAddress> {
        let topic = state?.output("MessagesTopicArn")?.to_owned();
        let url = self.websocket(running?)?;
        Some(RegionAddress { region: region.clone(), url, topic })
    }

    /// The region's own name, else AWS's address, or that of an endpoint which answers in its place.
    pub(crate) fn websocket(&self, running: &Stack) -> Option<String> {
        let Some(endpoint) = self.aws.endpoint() else {
            let own = running.output("RegionEntrance");
            return own.or_else(|| running.output("ServiceEndpointWebsocket")).map(str::to_owned);
        };
        let host = endpoint.trim_end_matches('/').replacen("http", "ws", 1);
        Some(format!("{host}/_aws/execute-api/{}/{}", running.output("ApiId")?, self.name))
    }

    /// A token of `user`, signed with the stage's secret.
    pub(super) async fn token(
        &self,
        user: &str,
        grants: Option<&Value>,
        ttl: Duration,
    ) -> anyhow::Result<String> {
        mint::check(&self.config.auth)?;
        let secret = self.secret.get_or_try_init(|| self.read_secret()).await?;
        let ttl = i64::try_from(ttl.as_secs().max(1)).unwrap_or(i64::MAX);
        let wanted = Wanted { user, grants, ttl };
        Ok(authorize::sign(secret.as_bytes(), &self.config.auth, &wanted, SystemClock.now())?)
    }

    /// The secret in `SORL_SECRET`, else the home region's in Secrets Manager.
    async fn read_secret(&self) -> anyhow::Result<String> {
        if let Some(given) = std::env::var("SORL_SECRET").ok().filter(|given| !given.is_empty()) {
            return Ok(given);
        }
        let name = self.resource("jwt");
        let home = self.config.regions.first().context("a configuration names a region")?;
        let client = aws_sdk_secretsmanager::Client::new(&self.aws(home).await);
        let answer = client.get_secret_value().secret_id(&name).send().await;
        let answer = answer.map_err(told).with_context(|| {
            format!("the secret {name} in {home} cannot be read; set SORL_SECRET, or pass --token")
        })?;
        let secret = answer.secret_string().with_context(|| format!("the secret {name} holds no text"))?;
        Ok(secret.to_owned())
    }
}
