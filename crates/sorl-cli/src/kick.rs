//! `sorl kick`: an operator's order, published to the `control` topic.
//!
//! Not its carrying out, which every region does on its own connections. The invariant: what is printed as accepted
//! was acknowledged by SNS, so it reaches every region.

use std::time::Duration;

use anyhow::Context as _;
use serde::Serialize;
use sorl_core::envelope::Topic;
use sorl_core::names::{ChannelName, UserName};
use sorl_core::region::Region;
use sorl_core::time::Timestamp;

use crate::target::{self, told};
use crate::{clock, output, span};

/// Puts a user out of the service, or of a channel, in every region.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  sorl kick bob                              # closes bob's connections; he may come back at once
  sorl kick bob --for 1h --stage prod        # and keeps him out for an hour
  sorl kick bob --channel room:42 --for 1d   # out of one channel only
  sorl kick bob --lift                       # lets him back in")]
pub(crate) struct Args {
    /// Whom
    #[arg(value_parser = UserName::parse)]
    user: UserName,
    /// Out of this channel only
    #[arg(long, value_parser = ChannelName::parse)]
    channel: Option<ChannelName>,
    /// Keep them out for so long; without it they may come back at once
    #[arg(long = "for", value_name = "SPAN", value_parser = span::parse)]
    span: Option<Duration>,
    /// Lift an earlier order: they are put out once more, and may come back
    #[arg(long, conflicts_with = "span")]
    lift: bool,
    /// The region to give the order in; it reaches all
    #[arg(long, value_parser = Region::parse)]
    region: Option<Region>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: target::Flags,
}

/// The order as operators write it.
#[derive(Debug, Serialize)]
struct Order<'a> {
    control: &'static str,
    user: &'a UserName,
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<&'a ChannelName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<Timestamp>,
}

#[derive(Serialize)]
struct Given<'a> {
    message_id: &'a str,
    topic: &'a str,
    #[serde(flatten)]
    order: Order<'a>,
}

pub(crate) async fn run(args: Args) -> anyhow::Result<()> {
    let target = args.place.open().await?;
    let address = target.pick(args.region.as_ref())?;
    let topic = address.topic(Topic::Control)?;
    let order = order(&args);
    let client = aws_sdk_sns::Client::new(&target.aws(&address.region).await);
    let call = client.publish().topic_arn(&topic).message(serde_json::to_string(&order)?).send().await;
    let accepted = call.map_err(told).with_context(|| format!("{topic} did not accept the order"))?;
    let message_id = accepted.message_id().unwrap_or_default();
    if args.json {
        output::json(&Given { message_id, topic: &topic, order })?;
    } else {
        output::line(&format!("{}: accepted by {topic} as {message_id}", said(&order, args.lift)))?;
    }
    Ok(())
}

fn order(args: &Args) -> Order<'_> {
    let until = args.span.map(|span| clock::now().plus(span));
    // A block that ended long ago takes the place of one that did not.
    let until = if args.lift { Some(Timestamp::from_millis(1)) } else { until };
    let control = if args.channel.is_some() { "unsubscribe" } else { "disconnect" };
    Order { control, user: &args.user, channel: args.channel.as_ref(), until }
}

fn said(order: &Order<'_>, lift: bool) -> String {
    let from = order.channel.map_or("the service".to_owned(), ToString::to_string);
    let until = match order.until {
        Some(_) if lift => ", who may come back".to_owned(),
        Some(until) => format!(" until {}", clock::date_and_time(until)),
        None => ", who may come back at once".to_owned(),
    };
    format!("{} is put out of {from}{until}", order.user)
}
