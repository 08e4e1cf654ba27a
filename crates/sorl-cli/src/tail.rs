//! `sorl tail`: the messages of a channel as they come, until Ctrl-C.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, bail};
use sorl_client::client::Lost;
use sorl_client::{Client, ClientError, Cursor, Endpoint, Event, Events, Options, Start, TokenProvider};
use sorl_core::ids::MessageId;
use sorl_core::message::Message;
use sorl_core::names::{ChannelName, UserName};
use sorl_core::region::Region;
use tokio::signal::ctrl_c;

use crate::dev_server::{DevServer, USUAL_URL, pick};
use crate::output::{self, Reader};

/// How long a token of ours lives; the client fetches another for every connection.
const TOKEN_TTL: Duration = Duration::from_hours(2);

/// Prints the messages of a channel as they come.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  sorl tail room:42 --region eu-north-1 --rewind 10")]
pub(crate) struct Args {
    /// The channel
    #[arg(value_parser = ChannelName::parse)]
    channel: ChannelName,
    /// Who listens; `sorl dev` mints the token
    #[arg(long, default_value = "tail", value_parser = UserName::parse, conflicts_with = "token")]
    user: UserName,
    /// Who listens, as a token
    #[arg(long, env = "SORL_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// Where `sorl dev` listens, or the WebSocket of a deployed region (wss://…)
    #[arg(long, default_value = USUAL_URL)]
    url: String,
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
    if args.url.starts_with("ws:") || args.url.starts_with("wss:") {
        let token = args.token.clone().context("a deployed region needs a --token")?;
        let region = args.region.clone().map_or_else(|| Region::parse("unknown"), Ok)?;
        return Ok(Options::new(
            vec![Endpoint { region, url: args.url.clone() }],
            TokenProvider::fixed(token),
        ));
    }
    let server = DevServer::at(&args.url)?;
    let regions = server.regions().await?;
    let first = pick(&regions, args.region.as_ref())?.region.clone();
    let endpoints =
        regions.into_iter().map(|listed| Endpoint { region: listed.region, url: listed.url }).collect();
    let tokens = match args.token.clone() {
        Some(token) => TokenProvider::fixed(token),
        None => minted(server, args.user.clone()),
    };
    Ok(Options::new(endpoints, tokens).in_region(first))
}

fn minted(server: DevServer, user: UserName) -> TokenProvider {
    TokenProvider::new(move || {
        let (server, user) = (server.clone(), user.clone());
        async move { server.token(user.as_str(), None, TOKEN_TTL).await.map_err(Into::into) }
    })
}

async fn listen(client: &Client, mut events: Events, args: &Args) -> anyhow::Result<()> {
    let start = match (args.rewind, args.since) {
        (Some(count), _) => Start::Rewind(count),
        (_, Some(id)) => Start::Since(Cursor { id, region: None }),
        _ => Start::Now,
    };
    tokio::select! {
        entered = client.subscribe(&args.channel, start) => entered.map_err(|fault| refused(fault, args))?,
        lost = failed(client) => bail!("{lost}"),
    }
    eprintln!("listening to {} in {}", args.channel, client.connected().await?);
    while let Some(event) = events.next().await {
        if told(event, args)? == Reader::Gone {
            return Ok(());
        }
    }
    Ok(())
}

/// The first attempt decides whether there is anything to listen to; later ones are the client's.
async fn failed(client: &Client) -> String {
    let mut status = client.status();
    match status.wait_for(|status| status.lost().is_some()).await {
        Ok(status) => status.lost().map(with_sources).unwrap_or_default(),
        Err(_) => "the client ended".to_owned(),
    }
}

fn with_sources(fault: &Lost) -> String {
    let sources = std::iter::successors(Some(fault as &dyn std::error::Error), |fault| fault.source());
    sources.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

fn refused(fault: ClientError, args: &Args) -> anyhow::Error {
    let advice = format!("cannot listen to {}; check the channel and the token's grants", args.channel);
    anyhow::Error::new(fault).context(advice)
}

fn told(event: Event, args: &Args) -> anyhow::Result<Reader> {
    match event {
        Event::Message { message, .. } if message.channel == args.channel => {
            return if args.json {
                output::line(&message.to_json())
            } else {
                output::line(&readable(&message))
            };
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

/// `12:34:56.789  eu-north-1     12 ms  alice: {"text":"hi"}`
fn readable(message: &Message) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let at = message.at().as_millis();
    let latency = now.saturating_sub(u128::from(at));
    let (hours, minutes, seconds) = (at / 3_600_000 % 24, at / 60_000 % 60, at / 1_000 % 60);
    let user = message.user.as_ref().map_or("-", UserName::as_str);
    let claimed = if message.verified == Some(false) { "?" } else { "" };
    format!(
        "{hours:02}:{minutes:02}:{seconds:02}.{:03}Z  {:<15}{latency:>6} ms  {user}{claimed}: {}",
        at % 1_000,
        message.region.as_str(),
        message.data
    )
}

fn cursor(text: &str) -> Result<MessageId, String> {
    MessageId::parse(text).map_err(|fault| fault.to_string())
}
