//! `sorl dev`: a whole stage on this machine, until it is told to stop.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use sorl_local::dev::{self, Dev, Options, Share};
use sorl_local::http::RegionAddress;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::{config_file, output, span};

/// Runs Sorl on this machine: three regions, WebSockets, the publishers' SNS API, a console to look at.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  sorl dev --data ./history\n  then open http://127.0.0.1:4600")]
pub(crate) struct Args {
    /// The port to listen on; 0 takes a free one
    #[arg(long, default_value_t = 4600)]
    port: u16,
    /// The address to listen on
    #[arg(long, default_value = "127.0.0.1")]
    host: IpAddr,
    /// The configuration; without it, sorl.toml in this folder if there is one, else built-in defaults
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Keep history and queues in this folder; without it they are gone when it stops
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Close connections that were idle for so long
    #[arg(long, default_value = "10m", value_parser = span::parse, value_name = "SPAN")]
    idle_timeout: Duration,
    /// Close connections of this age
    #[arg(long, default_value = "2h", value_parser = span::parse, value_name = "SPAN")]
    max_age: Duration,
    /// Log the way of this share of messages, from acceptance to the posts in each region; 0 to 1
    #[arg(long, default_value = "0", value_parser = share, value_name = "SHARE")]
    trace_sample: Share,
    /// Print one line of JSON when it accepts connections, instead of the banner
    #[arg(long)]
    json: bool,
}

/// The one line of JSON.
#[derive(Serialize)]
struct Ready<'a> {
    event: &'static str,
    url: &'a str,
    stage: &'a str,
    regions: &'a [RegionAddress],
}

pub(crate) async fn run(args: Args) -> anyhow::Result<()> {
    let config = Arc::new(config_file::read(args.config.as_deref())?);
    // Before anything starts, so that no signal is missed.
    let mut stop = Stop::listen()?;
    let options = Options {
        host: args.host,
        port: args.port,
        data: args.data.clone(),
        idle_timeout: args.idle_timeout,
        max_age: args.max_age,
        trace_share: args.trace_sample,
    };
    let dev = dev::start(Arc::clone(&config), options).await?;
    let (url, regions) = (dev.url(), dev.regions());
    if args.json {
        output::json(&Ready { event: "ready", url: &url, stage: &config.stage, regions: &regions })?;
    } else {
        output::line(&banner(&url, &config.stage, &regions, &args))?;
    }
    stop.requested().await;
    stop_gracefully(dev, stop).await;
    Ok(())
}

fn share(text: &str) -> Result<Share, &'static str> {
    Share::parse(text).ok_or("a number from 0 to 1")
}

/// Lets what is under way end; a second signal does not wait for that.
async fn stop_gracefully(dev: Dev, mut stop: Stop) {
    tokio::select! {
        () = dev.stop() => {}
        () = stop.requested() => tracing::warn!(outcome = "cut_short", "a second signal"),
    }
}

/// SIGINT and SIGTERM.
struct Stop {
    interrupt: Signal,
    terminate: Signal,
}

impl Stop {
    fn listen() -> std::io::Result<Self> {
        let interrupt = signal(SignalKind::interrupt())?;
        Ok(Self { interrupt, terminate: signal(SignalKind::terminate())? })
    }

    async fn requested(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

fn banner(url: &str, stage: &str, regions: &[RegionAddress], args: &Args) -> String {
    let mut text = format!("sorl: stage {stage}, {} regions, one machine\n\n", regions.len());
    let mut row = |name: &str, value: &str| {
        // Writing to a string does not fail.
        writeln!(text, "{}", format!("  {name:<16}{value}").trim_end()).ok();
    };
    row("console", url);
    row("publish", &format!("aws sns publish --endpoint-url {url} …"));
    row("history", &args.data.as_ref().map_or("in memory".to_owned(), |data| data.display().to_string()));
    for RegionAddress { region, url, topic } in regions {
        row("", "");
        row(region.as_str(), url);
        row("", topic);
    }
    text.push_str("\nCtrl-C stops it.");
    text
}
