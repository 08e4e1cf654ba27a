//! `sorl publish`: one message to SNS, at AWS or at `sorl dev` alike, through AWS's own SDK.

use anyhow::Context as _;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_sns::config::{Credentials, Region as AwsRegion, SharedCredentialsProvider};
use aws_sdk_sns::error::DisplayErrorContext;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use serde::Serialize;
use serde_json::value::RawValue;
use sorl_core::names::{ChannelName, UserName};
use sorl_core::region::Region;

use crate::dev_server::{DevServer, USUAL_URL, pick};
use crate::exit::Misuse;
use crate::output;

/// Publishes a message through SNS, to AWS or to a running `sorl dev`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  sorl publish room:42 '{\"text\":\"hello\"}'
  sorl publish room:42 hello --user bot --key invoice-17 --topic arn:aws:sns:eu-north-1:123456789012:sorl-prod-messages")]
pub(crate) struct Args {
    /// The channel
    #[arg(value_parser = ChannelName::parse)]
    channel: ChannelName,
    /// Any JSON; what is none counts as a text
    data: String,
    /// Who it claims to be from
    #[arg(long, value_parser = UserName::parse)]
    user: Option<UserName>,
    /// Keep it on retries, so that they count as the same message; at most 64 bytes
    #[arg(long)]
    key: Option<String>,
    /// Keep it out of the history
    #[arg(long)]
    ephemeral: bool,
    /// Where SNS is; without it, a `sorl dev` on this machine if one runs, else AWS
    #[arg(long, env = "AWS_ENDPOINT_URL_SNS", value_name = "URL")]
    endpoint_url: Option<String>,
    /// The region to publish in
    #[arg(long, value_parser = Region::parse)]
    region: Option<Region>,
    /// The stage's `messages` topic in that region; `sorl dev` tells its own
    #[arg(long, value_name = "ARN")]
    topic: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// The message as publishers write it.
#[derive(Serialize)]
struct Envelope<'a> {
    channel: &'a ChannelName,
    data: &'a RawValue,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a UserName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    ephemeral: bool,
}

#[derive(Serialize)]
struct Published<'a> {
    message_id: &'a str,
    topic: &'a str,
}

/// Where a message goes.
struct Target {
    /// Absent: AWS.
    endpoint: Option<String>,
    topic: String,
}

pub(crate) async fn run(args: Args) -> anyhow::Result<()> {
    let message = envelope(&args)?;
    let target = target(&args).await?;
    let region = target.topic.split(':').nth(3).filter(|region| !region.is_empty());
    let region = region.ok_or_else(|| Misuse(format!("--topic {}: that is no topic's ARN", target.topic)))?;
    let client = aws_sdk_sns::Client::new(&sdk(region, target.endpoint.as_deref()).await);
    let published = client.publish().topic_arn(&target.topic).message(message).send().await;
    let published = published.map_err(|fault| {
        let place = target.endpoint.as_deref().unwrap_or("AWS");
        anyhow::anyhow!(
            "{place} did not accept the message for {}: {}",
            target.topic,
            DisplayErrorContext(fault)
        )
    })?;
    let message_id = published.message_id().unwrap_or_default();
    if args.json {
        output::json(&Published { message_id, topic: &target.topic })?;
    } else {
        output::line(&format!("accepted by {} as {message_id}", target.topic))?;
    }
    Ok(())
}

fn envelope(args: &Args) -> anyhow::Result<String> {
    let data = match serde_json::from_str::<&RawValue>(&args.data) {
        Ok(json) => json.to_owned(),
        Err(_text) => serde_json::value::to_raw_value(&args.data)?,
    };
    Ok(serde_json::to_string(&Envelope {
        channel: &args.channel,
        data: &data,
        user: args.user.as_ref(),
        key: args.key.as_deref(),
        ephemeral: args.ephemeral,
    })?)
}

async fn target(args: &Args) -> anyhow::Result<Target> {
    let named = args.endpoint_url.clone().or_else(|| std::env::var("AWS_ENDPOINT_URL").ok());
    if let Some(topic) = args.topic.clone() {
        let at_aws = named.is_none() && !topic.contains(":000000000000:");
        let endpoint = if at_aws { None } else { Some(named.unwrap_or_else(|| USUAL_URL.to_owned())) };
        return Ok(Target { endpoint, topic });
    }
    let url = named.as_deref().unwrap_or(USUAL_URL);
    let regions = DevServer::at(url)?.regions().await;
    let regions = regions.context("where to publish is not known; name the stage's topic with --topic")?;
    let topic = pick(&regions, args.region.as_ref())?.topic.clone();
    Ok(Target { endpoint: Some(url.to_owned()), topic })
}

async fn sdk(region: &str, endpoint: Option<&str>) -> SdkConfig {
    let http = aws_smithy_http_client::Builder::new();
    let http = http.tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    let loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(http)
        .region(AwsRegion::new(region.to_owned()));
    match endpoint {
        Some(url) if is_loopback(url) && std::env::var_os("AWS_ACCESS_KEY_ID").is_none() => {
            // `sorl dev` takes any credentials, so none need be set up for it.
            let any = Credentials::new("any", "any", None, None, "sorl dev");
            let any = SharedCredentialsProvider::new(any);
            loader.credentials_provider(any).endpoint_url(url).load().await
        }
        Some(url) => loader.endpoint_url(url).load().await,
        None => loader.load().await,
    }
}

fn is_loopback(url: &str) -> bool {
    let host = url.split("//").nth(1).unwrap_or(url);
    ["127.", "localhost", "[::1]"].iter().any(|local| host.starts_with(local))
}
