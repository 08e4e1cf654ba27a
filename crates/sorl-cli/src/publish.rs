//! `sorl publish`: one message to SNS, at AWS or at `sorl dev` alike, through AWS's own SDK.

use anyhow::Context as _;
use aws_config::SdkConfig;
use serde::Serialize;
use serde_json::value::RawValue;
use sorl_core::names::{ChannelName, UserName};
use sorl_core::region::Region;

use crate::exit::Misuse;
use crate::output;
use crate::target::{self, Aws, told};

/// Publishes a message through SNS, to a running `sorl dev` or a deployed stage.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  sorl publish room:42 '{\"text\":\"hello\"}'
  sorl publish room:42 hello --stage prod --region eu-north-1
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
    /// The region to publish in
    #[arg(long, value_parser = Region::parse)]
    region: Option<Region>,
    /// The `messages` topic itself, for those who may publish to it and see nothing else of the stage
    #[arg(long, value_name = "ARN", conflicts_with = "stage")]
    topic: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: target::Flags,
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

/// Where a message goes, and by which way.
struct Destination {
    topic: String,
    aws: SdkConfig,
}

pub(crate) async fn run(args: Args) -> anyhow::Result<()> {
    let message = envelope(&args)?;
    let Destination { topic, aws } = destination(&args).await?;
    let client = aws_sdk_sns::Client::new(&aws);
    let published = client.publish().topic_arn(&topic).message(message).send().await;
    let place = aws.endpoint_url().unwrap_or("AWS");
    let published =
        published.map_err(told).with_context(|| format!("{place} did not accept the message for {topic}"))?;
    let message_id = published.message_id().unwrap_or_default();
    if args.json {
        output::json(&Published { message_id, topic: &topic })?;
    } else {
        output::line(&format!("accepted by {topic} as {message_id}"))?;
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

async fn destination(args: &Args) -> anyhow::Result<Destination> {
    let place = place(args);
    if let Some(topic) = args.topic.clone() {
        let region = topic.split(':').nth(3).filter(|region| !region.is_empty());
        let region = region.ok_or_else(|| Misuse(format!("--topic {topic}: that is no topic's ARN")))?;
        // The account that only `sorl dev` has.
        let at_aws = !place.names_an_address() && !topic.contains(":000000000000:");
        let endpoint = (!at_aws).then(|| place.dev_url().to_owned());
        let aws = Aws::at(endpoint).of(region).await;
        return Ok(Destination { topic, aws });
    }
    let target = place.open().await;
    let target = target
        .context("where to publish is not known; name a stage with --stage, or its topic with --topic")?;
    let address = target.pick(args.region.as_ref())?;
    Ok(Destination { topic: address.topic.clone(), aws: target.aws(&address.region).await })
}

/// A publisher who told the SDK where SNS is need not say so twice.
fn place(args: &Args) -> target::Flags {
    let mut place = args.place.clone();
    if place.stage.is_none() && !place.names_an_address() {
        let told =
            ["AWS_ENDPOINT_URL_SNS", "AWS_ENDPOINT_URL"].iter().find_map(|name| std::env::var(name).ok());
        place.endpoint_url = told;
    }
    place
}
