//! The load client of `make bench`: opens connections to Sorl or to Socket.IO, publishes, counts and times what
//! its connections receive and parse. It prints two lines of JSON: one when all connections are open, and the report.
//!
//! Not a test of the protocol, and not the subject: its own CPU time is told apart. One thread, so that the
//! subject has the other core. Invariant: a run in which a message is lost or comes twice prints no figures.

mod dialect;
mod group;
mod http;
mod member;
mod publisher;
mod report;
mod subject;
mod tally;
mod websocket;

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use clap::Parser as _;
use tokio::task::{JoinSet, LocalSet};
use tokio::time::Instant;

use crate::dialect::Dialect;
use crate::group::{Api, Group, Plan};
use crate::http::Http;
use crate::member::Door;
use crate::publisher::Pace;
use crate::report::{Opened, Report};
use crate::tally::Clock;

/// Loads a pub/sub server over WebSockets and counts what arrives.
#[derive(Debug, clap::Parser)]
struct Args {
    /// The protocol
    #[arg(long, value_enum)]
    dialect: Dialect,
    /// The server: for Sorl that of `sorl dev`, its first region; for Socket.IO every server, in turns
    #[arg(long = "server", value_name = "HOST:PORT", required = true)]
    servers: Vec<SocketAddr>,
    /// The subject's processes, whose CPU time and memory are told
    #[arg(long = "pid")]
    pids: Vec<u32>,
    /// Connections that are members
    #[arg(long, default_value_t = 1_000)]
    connections: usize,
    /// Channels that they are spread over
    #[arg(long, default_value_t = 1)]
    channels: usize,
    /// The beginning of the channels' names
    #[arg(long, default_value = "room:")]
    prefix: String,
    /// Connections that join and then do not read
    #[arg(long, default_value_t = 0)]
    unread: usize,
    /// Bytes of data in a message
    #[arg(long, default_value_t = 200)]
    bytes: usize,
    /// Publish as fast as members take it, with at most so many messages in flight
    #[arg(long, group = "pace")]
    in_flight: Option<u64>,
    /// Publish so many messages a second
    #[arg(long, group = "pace")]
    rate: Option<f64>,
    /// Publish nothing: only hold the connections
    #[arg(long, group = "pace")]
    idle: bool,
    /// Seconds of measurement
    #[arg(long, default_value_t = 10.0)]
    seconds: f64,
    /// Seconds of the same before it
    #[arg(long, default_value_t = 2.0)]
    warmup: f64,
    /// Publish through SNS's HTTP API instead of a WebSocket (Sorl only)
    #[arg(long)]
    sns: bool,
    /// Bytes of the read buffer that all connections share
    #[arg(long, default_value_t = 4_096)]
    read_buffer: usize,
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let report = LocalSet::new().block_on(&runtime, run(&args))?;
    report::print(&report)
}

async fn run(args: &Args) -> anyhow::Result<Report> {
    ensure!(args.channels > 0 && args.unread < args.connections, "channels, and members that read");
    let clock = Clock::start();
    let (door, api) = approach(args).await?;
    let mut report = Report::begin(&args.pids)?;
    let mut tasks = JoinSet::new();
    let plan = Plan {
        prefix: &args.prefix,
        channels: args.channels,
        connections: args.connections,
        unread: args.unread,
        bytes: args.bytes,
    };
    let group = Group::open(&plan, &door, &api, clock, &mut tasks).await?;
    report.opened(&args.pids)?;
    report::print(&Opened { event: "open" })?;
    tokio::select! {
        outcome = measure(args, &group, &mut report) => outcome?,
        Some(ended) = tasks.join_next() => {
            ended??;
            bail!("a connection ended before the run did");
        }
    }
    ensure!(group.unread.len() == args.unread, "a member that does not read was lost");
    Ok(report)
}

/// Finds out where to connect.
async fn approach(args: &Args) -> anyhow::Result<(Door, Api)> {
    let first = *args.servers.first().context("a server")?;
    let scratch = Rc::new(RefCell::new(vec![0; args.read_buffer]));
    if args.dialect == Dialect::Socketio {
        let servers = args.servers.iter().map(|address| (*address, String::new())).collect();
        return Ok((Door { dialect: args.dialect, servers, scratch }, Api { host: None, topic: None }));
    }
    let region = Http::connect(first).await?.first_region().await?;
    let path = region.url.find("/regions/").and_then(|at| region.url.get(at..)).context("a region's path")?;
    let door = Door { dialect: args.dialect, servers: vec![(first, path.to_owned())], scratch };
    Ok((door, Api { host: Some(first), topic: args.sns.then_some(region.topic) }))
}

/// Warm-up and measurement; both end with everything delivered.
async fn measure(args: &Args, group: &Group, report: &mut Report) -> anyhow::Result<()> {
    let Some(pace) = pace(args)? else {
        tokio::time::sleep(Duration::try_from_secs_f64(args.seconds)?).await;
        return report.rested(&args.pids);
    };
    group.publisher.run(pace, Duration::try_from_secs_f64(args.warmup)?).await?;
    group.publisher.tally.restart();
    report.start(&args.pids)?;
    let began = Instant::now();
    group.publisher.run(pace, Duration::try_from_secs_f64(args.seconds)?).await?;
    report.finish(&args.pids, began.elapsed(), group)
}

fn pace(args: &Args) -> anyhow::Result<Option<Pace>> {
    Ok(match (args.in_flight, args.rate) {
        (Some(most), _) => Some(Pace::InFlight(most)),
        (_, Some(rate)) => Some(Pace::Every(Duration::try_from_secs_f64(1.0 / rate)?)),
        _ if args.idle => None,
        _ => bail!("say one of --in-flight, --rate and --idle"),
    })
}
