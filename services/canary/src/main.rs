//! The Lambda `canary`: once a minute it does in its own region what a client does, and tells whether it got through.
//!
//! A round that fails is no error of this function: it is what the metric is for, and Lambda would try it again.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;
use sorl_aws::settings::{CANARY_TOKEN, CANARY_URL, Settings};
use sorl_aws::telemetry::Telemetry;
use sorl_aws::{clients, secret};
use sorl_client::Endpoint;
use sorl_core::config::Site;
use sorl_core::names::ChannelName;
use sorl_core::ports::Clock;
use sorl_host::clock::SystemClock;
use sorl_metrics::outcomes;
use sorl_round::{Failed, Step, round, sign};

/// For a round: several cold starts, and less than the half minute that the function has.
const PATIENCE: Duration = Duration::from_secs(20);

struct Canary {
    site: Site,
    endpoint: Endpoint,
    channel: ChannelName,
    secrets: secret::Client,
    token: Token,
    telemetry: Telemetry,
}

/// Where its token comes from: a secret, by its name.
enum Token {
    /// It signs one with it.
    Signed(String),
    /// It is the token.
    Kept(String),
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let mut settings = Settings::open();
    let (url, kept) = (settings.text(CANARY_URL), settings.optional(CANARY_TOKEN));
    let telemetry = settings.telemetry("canary");
    let (site, secret) = settings.site_and_secret()?;
    let token = kept.map(Token::Kept).or(secret.map(Token::Signed));
    let canary = Arc::new(Canary {
        endpoint: Endpoint { region: site.region.clone(), url },
        channel: ChannelName::parse(&format!("canary:{}", site.region))?,
        secrets: clients::secrets(&clients::configuration().await),
        token: token
            .with_context(|| format!("{CANARY_TOKEN} is not set: the name of a secret with its token"))?,
        site,
        telemetry,
    });
    let run = lambda_runtime::run(service_fn(|event| handle(event, Arc::clone(&canary)))).await;
    run.map_err(anyhow::Error::from_boxed)
}

async fn handle(LambdaEvent { context, .. }: LambdaEvent<Value>, canary: Arc<Canary>) -> Result<(), Error> {
    let request = &context.request_id;
    let outcome = fly(&canary, request).await;
    let took = outcome.as_ref().ok().copied();
    canary.telemetry.tell(outcomes::canary(took), request, SystemClock.now());
    match outcome {
        Ok(took) if canary.telemetry.is_logged(request) => {
            tracing::info!(outcome = "heard", seconds = took.as_secs_f64(), "canary");
        }
        Ok(_) => {}
        Err(Failed { step, cause }) => {
            tracing::error!(outcome = "lost", step = step.as_str(), cause, "canary")
        }
    }
    Ok(())
}

async fn fly(canary: &Canary, mark: &str) -> Result<Duration, Failed> {
    let token = token(canary).await.map_err(|fault| Failed::at(Step::Token, fault))?;
    round(canary.endpoint.clone(), token, &canary.channel, mark, PATIENCE).await
}

async fn token(Canary { site, secrets, token, .. }: &Canary) -> Result<String, String> {
    match token {
        Token::Kept(name) => secret::read(secrets, name).await,
        Token::Signed(name) => {
            let key = secret::read(secrets, name).await?;
            sign(key.as_bytes(), &site.config.auth, SystemClock.now()).map_err(|fault| fault.to_string())
        }
    }
}
