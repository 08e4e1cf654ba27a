//! `sorl load`: many connections, many messages, every delivery counted.
//!
//! Not a model (`capacity`) and not a benchmark beside peers: it measures a running stage, and this machine's own part
//! in it. The invariant: a message that was acknowledged is owed to every connection of its channel, and what did not
//! come when the waiting ends is a loss, counted, and exit code 1.

mod board;
mod crowd;
mod ledger;
mod plan;
mod publishing;
mod report;
mod show;
mod tally;
mod told;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use sorl_core::names::ChannelName;

use self::board::Board;
use self::crowd::Heard;
use self::plan::Plan;
use self::publishing::Outcome;
use self::report::Report;
use self::show::Show;
use crate::measure::{Mark, Stop, Via, allow_open_files};
use crate::output;
use crate::picture::Screen;
use crate::span;
use crate::target::{Flags, Target, Who};

/// Opens connections over all regions, publishes at a rate, and counts what arrives where, and when.
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Opens connections over all regions, publishes at a rate, and counts what arrives where, and when.\n\n\
Every connection is a user of its own and a member of one channel; each channel has members and publishers in every \
region in turn. Latency is the time from the publish to the arrival, by one clock: this process does both, so its \
own work counts as well. What was acknowledged and did not arrive is a loss, and the exit code is 1.\n\n\
Ctrl-C ends the publishing and reports what was measured; another ends the waiting as well.",
    after_help = "Examples:
  sorl load
  sorl load --connections 1000 --rate 50 --channels 20 --duration 2m --svg load.svg
  sorl load --connections 10000 --connect-rate 500 --channels 1000 --json > load.json
  sorl load --stage prod --connections 300 --rate 20 --publish-via sns"
)]
pub(crate) struct Args {
    /// Connections, over all regions
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    connections: u32,
    /// Messages a second, over all channels and regions
    #[arg(long, value_name = "RATE", default_value_t = 10.0, value_parser = rate)]
    rate: f64,
    /// Bytes of each message's data
    #[arg(long, value_name = "BYTES", default_value_t = 200, value_parser = clap::value_parser!(u32).range(Mark::LEN_MIN as i64..))]
    size: u32,
    /// Channels that connections and messages are spread over
    #[arg(long, value_name = "C", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    channels: u32,
    /// How long messages are published
    #[arg(long, value_name = "SPAN", default_value = "30s", value_parser = span::parse)]
    duration: Duration,
    /// How they are published
    #[arg(long, value_enum, default_value = "ws")]
    publish_via: Via,
    /// Connections opened a second; API Gateway takes 500 an account and region
    #[arg(long, value_name = "RATE", default_value_t = 100.0, value_parser = rate)]
    connect_rate: f64,
    /// How long to wait for what is owed, at the end
    #[arg(long, value_name = "SPAN", default_value = "30s", value_parser = span::parse)]
    patience: Duration,
    /// The namespace of the channels, whose options hold for them
    #[arg(long, value_name = "NAME", default_value = "load", value_parser = namespace)]
    namespace: String,
    /// Draw the histogram and the pairs of regions into this file
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Flags,
    #[command(flatten)]
    who: Who,
}

pub(crate) async fn run(args: Args) -> anyhow::Result<()> {
    let plan = Plan::check(&args)?;
    allow_open_files(plan.connections)?;
    let target = args.place.open().await?;
    let board = Arc::new(Board::new(plan, target.regions())?);
    let show = Show::start(&board);
    let measured = measure(&board, &target, &args).await;
    show.end().await;
    let (outcome, heard) = measured?;
    let report = Report::of(&board, &args, outcome, &heard)?;
    tell(&args, &report)?;
    report.verdict(args.patience)
}

async fn measure(board: &Arc<Board>, target: &Target, args: &Args) -> anyhow::Result<(Outcome, Vec<Heard>)> {
    let stop = Stop::on_ctrl_c();
    let crowd = crowd::gather(board, target, args, &stop).await?;
    let outcome = publishing::publish(board, target, args, &stop).await?;
    board.settle(args.patience, &stop).await;
    Ok((outcome, crowd.leave().await))
}

fn tell(args: &Args, report: &Report) -> anyhow::Result<()> {
    if let Some(file) = &args.svg {
        std::fs::write(file, report.svg())
            .with_context(|| format!("{} cannot be written", file.display()))?;
    }
    if args.json {
        output::json(report)?;
    } else {
        output::line(&report.text(Screen::stdout()))?;
    }
    Ok(())
}

fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse().ok().filter(|rate: &f64| rate.is_finite() && *rate > 0.0 && *rate <= 100_000.0);
    rate.ok_or_else(|| "write a number above 0, at most 100000, such as 50 or 0.5".to_owned())
}

fn namespace(text: &str) -> Result<String, String> {
    let channel = ChannelName::parse(&format!("{text}:x")).map_err(|fault| fault.to_string())?;
    let valid = channel.namespace() == Some(text) && text.len() <= 64 && !text.starts_with('@');
    valid.then(|| text.to_owned()).ok_or_else(|| {
        "a namespace is what stands before a channel's first colon, such as room; 64 characters at most"
            .to_owned()
    })
}
