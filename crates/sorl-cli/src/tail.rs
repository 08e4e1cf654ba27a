//! `sorl tail`: the messages of a channel as they come, until Ctrl-C.

use anyhow::{Context as _, bail};
use serde_json::json;
use sorl_client::{Client, ClientError, Cursor, Endpoint, Event, Events, Options, Start, TokenProvider};
use sorl_core::ids::MessageId;
use sorl_core::message::Message;
use sorl_core::names::{ChannelName, UserName};
use sorl_core::region::Region;
use tokio::signal::ctrl_c;

use crate::output::{self, Reader};
use crate::visit::{self, lost};
use crate::{clock, target};

/// Prints the messages of a channel as they come.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  sorl tail room:42 --region eu-north-1 --rewind 10
  sorl tail room:42 --stage prod --json | jq .data")]
pub(crate) struct Args {
    /// The channel
    #[arg(value_parser = ChannelName::parse)]
    channel: ChannelName,
    /// Who listens, where the token is minted; to a personal channel its owner
    #[arg(long, value_parser = UserName::parse, conflicts_with = "token")]
    user: Option<UserName>,
    /// The region to listen in
    #[arg(long, value_parser = Region::parse)]
    region: Option<Region>,
    /// Print so many of the latest messages first
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100))]
    rewind: Option<u32>,
    /// Print what came after this message id first
    #[arg(long, value_name = "CURSOR", value_parser = cursor, conflicts_with = "rewind")]
    since: Option<MessageId>,
    /// Print JSON, one message a line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    who: target::Who,
    #[command(flatten)]
    place: target::Flags,
}

pub(crate) async fn run(args: Args) -> anyhow::Result<()> {
    let (client, events) = Client::start(options(&args).await?);
    let outcome = tokio::select! {
        outcome = listen(&client, events, &args) => outcome,
        interrupted = ctrl_c() => interrupted.map_err(Into::into),
    };
    client.close().await;
    outcome
}

async fn options(args: &Args) -> anyhow::Result<Options> {
    if let Some(url) = args.place.url.as_ref().filter(|url| url.starts_with("ws:") || url.starts_with("wss:"))
    {
        let token = args.who.token.clone().context("a WebSocket's address alone needs a --token")?;
        let region = args.region.clone().map_or_else(|| Region::parse("unknown"), Ok)?;
        return Ok(Options::new(vec![Endpoint { region, url: url.clone() }], TokenProvider::fixed(token)));
    }
    let target = args.place.open().await?;
    let user = visit::user(args.user.clone(), &args.channel)?;
    // What is needed here, and nothing else.
    let grants = json!({ args.channel.as_str(): ["subscribe", "history"] });
    target.client(target.tokens(&args.who, &user, Some(grants)), args.region.as_ref())
}

async fn listen(client: &Client, mut events: Events, args: &Args) -> anyhow::Result<()> {
    let start = match (args.rewind, args.since) {
        (Some(count), _) => Start::Rewind(count),
        (_, Some(id)) => Start::Since(Cursor { id, region: None }),
        _ => Start::Now,
    };
    tokio::select! {
        entered = client.subscribe(&args.channel, start) => entered.map_err(|fault| refused(fault, args))?,
        lost = lost(client) => bail!("{lost}"),
    }
    eprintln!("listening to {} in {}", args.channel, client.connected().await?);
    while let Some(event) = events.next().await {
        if told(event, args)? == Reader::Gone {
            return Ok(());
        }
    }
    Ok(())
}

fn refused(fault: ClientError, args: &Args) -> anyhow::Error {
    let advice = format!("cannot listen to {}; check the channel and the token's grants", args.channel);
    anyhow::Error::new(fault).context(advice)
}

fn told(event: Event, args: &Args) -> anyhow::Result<Reader> {
    match event {
        Event::Message { message, .. } if message.channel == args.channel => {
            return if args.json { output::line(&message.to_json()) } else { output::line(&live(&message)) };
        }
        Event::Gap { channel } if channel == args.channel => {
            eprintln!("something was missed that the history does not hold any more");
        }
        Event::Unsubscribed { channel, reason } if channel == args.channel => bail!("{channel}: {reason}"),
        Event::Bye { code, reconnect: false } => bail!("the service closed the connection for good: {code}"),
        Event::Bye { code, .. } => eprintln!("the service closed the connection ({code}); coming back"),
        _ => {}
    }
    Ok(Reader::There)
}

/// `12:34:56.789Z      12 ms  eu-north-1     alice: {"text":"hi"}`
fn live(message: &Message) -> String {
    let latency = clock::now().since(message.at()).as_millis();
    readable(message, &format!("{}{latency:>8} ms", clock::time_of_day(message.at())))
}

/// A message as people read it, with what is known of its time in front.
pub(crate) fn readable(message: &Message, time: &str) -> String {
    let user = message.user.as_ref().map_or("-", UserName::as_str);
    let claimed = if message.verified == Some(false) { "?" } else { "" };
    format!("{time}  {:<15}{user}{claimed}: {}", message.region.as_str(), message.data)
}

fn cursor(text: &str) -> Result<MessageId, String> {
    MessageId::parse(text).map_err(|fault| fault.to_string())
}
