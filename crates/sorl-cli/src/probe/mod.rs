//! `sorl probe`: a marker from every region to every region, round by round: the matrix of latencies.
//!
//! Not a load (`load`): a canary, which costs one connection or two a region and leaves nothing in any history. The
//! invariant: every pair of regions is told, and exit code 0 means that each marker of each pair came within the bound.

mod matrix;
mod rounds;
mod station;
mod told;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;

use self::matrix::Matrix;
use self::told::Report;
use crate::measure::{Stop, Via, run_name};
use crate::output;
use crate::picture::Screen;
use crate::span;
use crate::target::{Flags, Who};

/// Publishes a marker from every region and measures when it arrives in every region.
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Publishes a marker from every region and measures when it arrives in every region: the matrix of \
latencies, drawn as a heat map.\n\n\
The exit code is 1 if a marker does not arrive, or later than the bound, so that it serves as a canary. Latency is \
the time from the publish to the arrival by one clock, this machine's, so its own way to each region is part of it. \
Markers are ephemeral: they are in no history.",
    after_help = "Examples:
  sorl probe
  sorl probe --bound 500ms --rounds 20 --svg probe.svg
  sorl probe --stage prod --publish-via sns --json || alarm"
)]
pub(crate) struct Args {
    /// How long a marker may take
    #[arg(long, value_name = "SPAN", default_value = "2s", value_parser = span::parse)]
    bound: Duration,
    /// Markers from each region
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    rounds: u32,
    /// How markers are published
    #[arg(long, value_enum, default_value = "ws")]
    publish_via: Via,
    /// Draw the matrix into this file
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
    let target = args.place.open().await?;
    let regions = target.regions().iter().map(|place| place.region.clone()).collect();
    let matrix = Arc::new(Matrix::new(run_name(), regions, args.rounds as usize));
    let faults = rounds::measure(&matrix, &target, &args, &Stop::on_ctrl_c()).await?;
    let report = Report::of(&matrix, &args, faults);
    if let Some(file) = &args.svg {
        std::fs::write(file, report.svg())
            .with_context(|| format!("{} cannot be written", file.display()))?;
    }
    if args.json {
        output::json(&report)?;
    } else {
        output::line(&report.text(Screen::stdout()))?;
    }
    report.verdict()
}
