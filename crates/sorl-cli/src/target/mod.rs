//! Where a command goes: a `sorl dev`, or a deployed stage that is found by its name.
//!
//! Not what is asked there. The invariant: a [`Target`] that is open knows its regions, at least one, and a command
//! written against it runs in both places; what only one of them has is reached by matching on [`Place`].

mod dev;
mod mint;
mod sdk;
mod stacks;
mod stage;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use aws_config::SdkConfig;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sorl_client::{Endpoint, Options, TokenProvider};
use sorl_core::envelope::{Topic, TopicArn};
use sorl_core::names::UserName;
use sorl_core::region::Region;

pub(crate) use dev::DevServer;
pub(crate) use sdk::{Aws, is_absent, told};
pub(crate) use stacks::{Kind, Stack};
pub(crate) use stage::Stage;

use crate::exit::Misuse;

/// Where `sorl dev` listens unless told otherwise.
pub(crate) const USUAL_URL: &str = "http://127.0.0.1:4600";

/// Not clap's default: whether it was given tells `sorl dev` from AWS where either is possible.
const URL_HELP: &str = "Where `sorl dev` listens [default: http://127.0.0.1:4600]";

/// How long a token that is minted for a connection lives; clients fetch another for every connection.
pub(crate) const TOKEN_TTL: Duration = Duration::from_hours(2);

/// The flags that say where; every command that goes somewhere has them.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Where")]
pub(crate) struct Flags {
    /// Where `sorl dev` listens.
    #[arg(long, value_name = "URL", conflicts_with = "stage", help = URL_HELP)]
    pub(crate) url: Option<String>,
    /// A deployed stage, found by its name through its stacks
    #[arg(long, value_name = "NAME", value_parser = stage_name)]
    pub(crate) stage: Option<String>,
    /// The stage's configuration, which names its regions [default: sorl.toml]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// What answers in the place of AWS, or of `sorl dev`; for AWS, `AWS_ENDPOINT_URL` says it as well
    #[arg(long, value_name = "URL")]
    pub(crate) endpoint_url: Option<String>,
}

/// Who a command is, to the service.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Who")]
pub(crate) struct Who {
    /// A token to come with; without it one is minted: by `sorl dev`, or with the stage's secret
    #[arg(long, env = "SORL_TOKEN", hide_env_values = true)]
    pub(crate) token: Option<String>,
}

/// A region of the target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RegionAddress {
    /// Its name.
    pub(crate) region: Region,
    /// Its WebSocket.
    pub(crate) url: String,
    /// The ARN of its `messages` topic.
    pub(crate) topic: String,
}

/// What stands there.
#[derive(Debug, Clone)]
pub(crate) enum Place {
    /// All regions in one process.
    Dev(DevServer),
    /// On AWS, or what answers in its place.
    Stage(Stage),
}

/// A place whose regions are known.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) place: Place,
    regions: Vec<RegionAddress>,
}

impl Flags {
    /// The place, before anything of it is asked.
    pub(crate) fn place(&self) -> anyhow::Result<Place> {
        match &self.stage {
            Some(name) => Ok(Place::Stage(Stage::named(name, self)?)),
            None => Ok(Place::Dev(DevServer::at(self.dev_url())?)),
        }
    }

    /// The place with its regions.
    pub(crate) async fn open(&self) -> anyhow::Result<Target> {
        let place = self.place()?;
        let regions = match &place {
            Place::Dev(server) => server.regions().await?,
            Place::Stage(stage) => stage.regions().await?,
        };
        Ok(Target { place, regions })
    }

    /// Whether somebody said where to go, apart from a stage's name.
    pub(crate) const fn names_an_address(&self) -> bool {
        self.url.is_some() || self.endpoint_url.is_some()
    }

    /// Where `sorl dev` is.
    pub(crate) fn dev_url(&self) -> &str {
        self.url.as_deref().or(self.endpoint_url.as_deref()).unwrap_or(USUAL_URL)
    }
}

impl RegionAddress {
    /// The ARN of another topic of the same region.
    pub(crate) fn topic(&self, topic: Topic) -> anyhow::Result<String> {
        let known = TopicArn::parse(&self.topic);
        let known = known.with_context(|| format!("{}: that is no topic of Sorl's", self.topic))?;
        Ok(TopicArn { topic, ..known }.to_string())
    }
}

impl Place {
    /// A token of `user` that is minted: by `sorl dev`, or with the stage's secret.
    pub(crate) async fn token(
        &self,
        user: &str,
        grants: Option<&Value>,
        ttl: Duration,
    ) -> anyhow::Result<String> {
        match self {
            Self::Dev(server) => server.token(user, grants, ttl).await,
            Self::Stage(stage) => stage.token(user, grants, ttl).await,
        }
    }
}

impl Target {
    /// All regions, the home region first.
    pub(crate) fn regions(&self) -> &[RegionAddress] {
        &self.regions
    }

    /// The region named, or the first.
    pub(crate) fn pick(&self, named: Option<&Region>) -> anyhow::Result<&RegionAddress> {
        let found = match named {
            Some(region) => self.regions().iter().find(|listed| listed.region == *region),
            None => self.regions.first(),
        };
        found.ok_or_else(|| no_such_region(named, self.regions.iter().map(|listed| &listed.region)))
    }

    /// Tokens of `user` for a client, one for every connection; the one that is given, if one is.
    pub(crate) fn tokens(&self, who: &Who, user: &UserName, grants: Option<Value>) -> TokenProvider {
        if let Some(token) = who.token.clone() {
            return TokenProvider::fixed(token);
        }
        let (place, user) = (self.place.clone(), user.clone());
        TokenProvider::new(move || {
            let (place, user, grants) = (place.clone(), user.clone(), grants.clone());
            async move { place.token(user.as_str(), grants.as_ref(), TOKEN_TTL).await.map_err(Into::into) }
        })
    }

    /// What a client is started with that begins in `region`, or in the first.
    pub(crate) fn client(&self, tokens: TokenProvider, region: Option<&Region>) -> anyhow::Result<Options> {
        let first = self.pick(region)?.region.clone();
        let endpoints = self.regions.iter();
        let endpoints =
            endpoints.map(|listed| Endpoint { region: listed.region.clone(), url: listed.url.clone() });
        Ok(Options::new(endpoints.collect(), tokens).in_region(first))
    }

    /// What every SDK client of a region is made from: `aws_sdk_sns::Client::new(&target.aws(region).await)`.
    /// `sorl dev` answers for SNS alone.
    pub(crate) async fn aws(&self, region: &Region) -> SdkConfig {
        match &self.place {
            Place::Dev(server) => Aws::at(Some(server.url().to_owned())).of(region.as_str()).await,
            Place::Stage(stage) => stage.aws(region).await,
        }
    }
}

/// There is no such region; those that there are.
pub(crate) fn no_such_region<'a>(
    named: Option<&Region>,
    there: impl Iterator<Item = &'a Region>,
) -> anyhow::Error {
    let names: Vec<_> = there.map(Region::as_str).collect();
    let named = named.map_or("any", Region::as_str);
    Misuse(format!("there is no region {named}; choose one of {} with --region", names.join(", "))).into()
}

/// A stage's name, as the templates bound it.
fn stage_name(text: &str) -> Result<String, String> {
    let valid =
        (1..=32).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    valid.then(|| text.to_owned()).ok_or_else(|| "a stage's name is 1 to 32 letters, digits and -".to_owned())
}
