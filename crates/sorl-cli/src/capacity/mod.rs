//! `sorl capacity`: what a load needs, which latency it has, which quota binds, what coalescing changes.
//!
//! A model, not a measurement: it simulates one region of the service (`simulation`) with measured service times
//! (`figures`) and AWS's quotas (`quotas`), and prints everything that it takes as given. It asks nothing of AWS.

mod assumptions;
mod chance;
mod chart;
pub(crate) mod figures;
mod histogram;
mod load;
mod needs;
pub(crate) mod quotas;
mod service;
mod simulation;
mod study;
mod table;

use std::path::PathBuf;

use anyhow::Context as _;
use serde::Serialize;

use self::assumptions::Assumption;
use self::load::{Arrivals, Load};
pub(crate) use self::service::{Service, cpus};
pub(crate) use self::simulation::Lane;
use self::study::Study;
use crate::exit::Misuse;
use crate::output;

/// Says what a load needs on AWS: latency, Lambdas, posts, which quota binds, what coalescing changes.
///
/// Without a load: 100,000 in one channel, 1,000,000 connections in rooms of ten, 50,000 deliveries a second.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  sorl capacity
  sorl capacity --audience 20000 --messages-per-second 2
  sorl capacity --connections 300000 --room-size 25 --messages-per-second 400 --regions 3
  sorl capacity --audience 100000 --messages-per-second 1 --window 20 --batch 100 --live-concurrency 2
  sorl capacity --post-rate 40000 --bulk-concurrency 20 --svg capacity.svg")]
pub(crate) struct Args {
    /// Members of one channel; short for as many connections in one room
    #[arg(long, value_name = "N", conflicts_with_all = ["connections", "room_size"], value_parser = clap::value_parser!(u64).range(1..))]
    audience: Option<u64>,
    /// Connections, in all regions
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    connections: Option<u64>,
    /// Members of each channel, in all regions
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    room_size: Option<u64>,
    /// Messages a second, in all regions and channels; without it one message to an idle service
    #[arg(long, value_name = "RATE", value_parser = positive)]
    messages_per_second: Option<f64>,
    /// How messages come
    #[arg(long, value_enum, default_value = "poisson")]
    arrivals: Arrivals,
    /// Bytes of a message as clients get it
    #[arg(long, value_name = "BYTES", default_value_t = 200, value_parser = clap::value_parser!(u64).range(1..=sorl_core::limits::MESSAGE_LEN_MAX as u64))]
    message_bytes: u64,
    /// Regions that the connections and publishers are spread over
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=30))]
    regions: u64,
    /// How long messages come
    #[arg(long, value_name = "SECONDS", default_value_t = 60.0, value_parser = positive)]
    seconds: f64,
    #[command(flatten)]
    settings: Settings,
    /// Another seed, another run
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Draw latencies and concurrency into this file
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

/// What is set otherwise than `serverless.yml` and AWS's defaults have it.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "The service")]
struct Settings {
    /// API Gateway's requests a second, of the account in a region [10,000; 2,500 in small regions]
    #[arg(long, value_name = "RATE", value_parser = positive)]
    post_rate: Option<f64>,
    /// Requests at once on top [half the default rate: 5,000; 1,250 in small regions]
    #[arg(long, value_name = "N", value_parser = positive)]
    post_burst: Option<f64>,
    /// Median of a post's latency
    #[arg(long, value_name = "MS", value_parser = not_negative)]
    post_latency_ms: Option<f64>,
    /// From the acknowledgement of a publish until its record can be received
    #[arg(long, value_name = "MS", value_parser = not_negative)]
    accept_ms: Option<f64>,
    /// liveConcurrency of serverless.yml
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    live_concurrency: Option<u32>,
    /// bulkConcurrency of serverless.yml
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    bulk_concurrency: Option<u32>,
    /// The part of the post rate that slices may use, up to 1
    #[arg(long, value_name = "SHARE", value_parser = share)]
    bulk_share: Option<f64>,
    /// Members of a channel that one invocation posts to itself
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=sorl_core::limits::AUDIENCE_INLINE_MAX as i64))]
    inline: Option<u32>,
    /// liveBatch of serverless.yml
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=10_000))]
    batch: Option<u16>,
    /// liveWindow of serverless.yml, in seconds
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u16).range(0..=300))]
    window: Option<u16>,
    /// Shards of a channel
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=i64::from(sorl_core::limits::SHARDS_MAX)))]
    shards: Option<u16>,
    /// deliverMemory of serverless.yml, in MB [512]; 1,769 MB are one CPU
    #[arg(long, value_name = "MB", value_parser = clap::value_parser!(u32).range(128..=10_240))]
    memory: Option<u32>,
    /// CPU of one post, in µs
    #[arg(long, value_name = "US", value_parser = positive)]
    post_cpu_us: Option<f64>,
    /// CPU of one row of an audience, in µs
    #[arg(long, value_name = "US", value_parser = not_negative)]
    row_cpu_us: Option<f64>,
    /// CPU of one record, in µs
    #[arg(long, value_name = "US", value_parser = not_negative)]
    record_cpu_us: Option<f64>,
    /// Model `sorl dev` on one machine instead of AWS
    #[arg(long, conflicts_with_all = ["memory", "post_rate", "bulk_share", "regions"])]
    embedded: bool,
    /// Cores that `sorl dev` has to itself
    #[arg(long, value_name = "N", default_value_t = 1.0, value_parser = positive, requires = "embedded")]
    cores: f64,
}

/// What is printed as JSON.
#[derive(Serialize)]
struct Report<'a> {
    seed: u64,
    cases: &'a [Study],
    assumptions: &'a [Assumption],
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let service = args.settings.service()?;
    let studies: Vec<Study> =
        args.loads().into_iter().map(|load| study::study(load, service, args.seed)).collect();
    let assumptions = assumptions::of(&service);
    if let Some(file) = &args.svg {
        std::fs::write(file, chart::svg(&studies))
            .with_context(|| format!("{} cannot be written", file.display()))?;
    }
    if args.json {
        output::json(&Report { seed: args.seed, cases: &studies, assumptions: &assumptions })?;
    } else {
        output::line(&table::all(&studies, &assumptions))?;
    }
    Ok(())
}

impl Args {
    fn loads(&self) -> Vec<Load> {
        let connections = self.audience.or(self.connections);
        let room_size = self.audience.or(self.room_size);
        if connections.is_none() && room_size.is_none() && self.messages_per_second.is_none() {
            return load::usual(self.message_bytes, self.regions, self.seconds);
        }
        let room_size = room_size.or(connections).unwrap_or(1_000);
        vec![Load {
            name: "this load".to_owned(),
            connections: connections.unwrap_or(room_size).max(room_size),
            room_size,
            arrivals: if self.messages_per_second.is_some() { self.arrivals } else { Arrivals::Once },
            messages_per_second: self.messages_per_second.unwrap_or(1.0),
            message_bytes: self.message_bytes,
            regions: self.regions,
            seconds: self.seconds,
        }]
    }
}

impl Settings {
    fn service(&self) -> anyhow::Result<Service> {
        let mut service = if self.embedded { Service::embedded(self.cores) } else { Service::deployed() };
        let micros = |micros: f64| micros / 1e6;
        let times = &mut service.times;
        set(&mut times.post_cpu_s, self.post_cpu_us.map(micros));
        set(&mut times.row_cpu_s, self.row_cpu_us.map(micros));
        set(&mut times.record_cpu_s, self.record_cpu_us.map(micros));
        set(&mut times.post_latency_s, self.post_latency_ms.map(|ms| ms / 1e3));
        set(&mut times.accept_s, self.accept_ms.map(|ms| ms / 1e3));
        if self.embedded {
            service.post_rate = self.cores / times.post_cpu_s;
        }
        set(&mut service.post_rate, self.post_rate);
        set(&mut service.post_burst, self.post_burst);
        set(&mut service.bulk_share, self.bulk_share);
        set(&mut service.inline_max, self.inline);
        set(&mut service.shards, self.shards);
        set(&mut service.cpus, self.memory.map(service::cpus));
        let mappings = &mut service.mappings;
        set(&mut mappings.live.concurrency, self.live_concurrency);
        set(&mut mappings.live.batch, self.batch);
        set(&mut mappings.live.window_s, self.window);
        set(&mut mappings.bulk.concurrency, self.bulk_concurrency);
        if !self.embedded
            && usize::from(mappings.live.batch) > sorl_core::limits::BATCH_MAX
            && mappings.live.window_s == 0
        {
            // Lambda refuses it as well.
            return Err(Misuse("--batch above 10 needs --window 1 or more".to_owned()).into());
        }
        Ok(service)
    }
}

fn set<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}

fn positive(text: &str) -> Result<f64, String> {
    finite(text).filter(|value| *value > 0.0).ok_or_else(|| "write a number above 0".to_owned())
}

fn not_negative(text: &str) -> Result<f64, String> {
    finite(text).filter(|value| *value >= 0.0).ok_or_else(|| "write a number, 0 or more".to_owned())
}

fn share(text: &str) -> Result<f64, String> {
    finite(text)
        .filter(|value| *value > 0.0 && *value <= 1.0)
        .ok_or_else(|| "write a number above 0, up to 1".to_owned())
}

fn finite(text: &str) -> Option<f64> {
    text.parse().ok().filter(|value: &f64| value.is_finite())
}
