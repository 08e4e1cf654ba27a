//! What `sorl cost` is asked, and the load and service that it means.
//!
//! The invariant: a flag goes before an example, and an example before what holds where nothing is said; what cannot be
//! is refused with what would be.

use std::path::PathBuf;

use sorl_core::config::quantity;
use sorl_core::limits::{MESSAGE_LEN_MAX, SHARDS_MAX};
use sorl_core::region::Region;

use super::Order;
use super::examples::{Defaults, Example};
use super::load::{Load, Place};
use crate::capacity::{Service, cpus};
use crate::exit::Misuse;

/// Says what a load costs on AWS a month, by service and region, beside what others list.
///
/// Without flags: a chat. A calculation at list prices, not an invoice; what it takes as given is printed.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  sorl cost
  sorl cost --example live-event --svg event.svg
  sorl cost --users 50000 --hours 3 --messages-per-day 1000000 --audience 12
  sorl cost --example chat --regions us-east-1=60,eu-north-1=40 --like us-east-1
  sorl cost --print-prices > prices.json; sorl cost --prices prices.json --json")]
pub(crate) struct Args {
    /// A load to begin with; further flags change it
    #[arg(long, value_enum, default_value = "chat")]
    example: Example,
    /// Users a day
    #[arg(long, value_name = "N", value_parser = positive)]
    users: Option<f64>,
    /// Hours that each of them is connected, a day
    #[arg(long, value_name = "HOURS", value_parser = hours)]
    hours: Option<f64>,
    /// Hours of a day over which users and messages are spread
    #[arg(long, value_name = "HOURS", value_parser = hours)]
    active_hours: Option<f64>,
    /// Such days a month
    #[arg(long, value_name = "N", value_parser = days)]
    days: Option<f64>,
    /// Regions with their parts of users and publishers: us-east-1, or us-east-1=60,eu-north-1=40
    #[arg(long, value_name = "LIST", default_value = "us-east-1", value_parser = places)]
    regions: Places,
    /// Messages published, a day
    #[arg(long, value_name = "N", value_parser = not_negative)]
    messages_per_day: Option<f64>,
    /// Messages published, a second of the hours of traffic
    #[arg(long, value_name = "RATE", value_parser = not_negative, conflicts_with = "messages_per_day")]
    messages_per_second: Option<f64>,
    /// The part of them that clients publish over their connections; the rest comes through SNS
    #[arg(long, value_name = "SHARE", value_parser = share)]
    from_clients: Option<f64>,
    /// Members of the channel that a message is published to, in all regions
    #[arg(long, value_name = "N", value_parser = positive)]
    audience: Option<f64>,
    /// Channels that a user is in
    #[arg(long, value_name = "N", value_parser = positive)]
    channels: Option<f64>,
    /// Bytes of a message as clients get it
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u64).range(1..=MESSAGE_LEN_MAX as u64))]
    message_bytes: Option<u64>,
    /// How long channels keep messages, such as 24h; 0 keeps none
    #[arg(long, value_name = "TIME", value_parser = history)]
    history: Option<f64>,
    /// Calls of `history` a user makes, a day, of 50 messages each
    #[arg(long, value_name = "N", value_parser = not_negative)]
    history_calls: Option<f64>,
    /// Calls of `presence` a user makes, a day
    #[arg(long, value_name = "N", value_parser = not_negative)]
    presence_calls: Option<f64>,
    /// Whether members are told of joins and leaves
    #[arg(long, value_name = "BOOL")]
    join_leave: Option<bool>,
    /// Connections lost and made again, a user and day
    #[arg(long, value_name = "N", default_value_t = 0.0, value_parser = not_negative)]
    reconnects: f64,
    /// The namespace bounds publishes, which costs a counter each
    #[arg(long)]
    rate_bound: bool,
    /// The most connections open at once [twice the mean, at most all users]
    #[arg(long, value_name = "N", value_parser = positive)]
    peak: Option<f64>,
    #[command(flatten)]
    settings: Settings,
    /// A file of prices instead of the built-in ones
    #[arg(long, value_name = "FILE")]
    pub(super) prices: Option<PathBuf>,
    /// Whose prices a region has that lacks some
    #[arg(long, value_name = "REGION", value_parser = region)]
    like: Option<Region>,
    /// Print the built-in prices with their sources, as a file to change
    #[arg(long)]
    pub(super) print_prices: bool,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
    /// Draw the bill and the comparison into this file
    #[arg(long, value_name = "FILE")]
    pub(super) svg: Option<PathBuf>,
}

/// How the service is set up.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "The service")]
struct Settings {
    /// liveBatch of serverless.yml
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=10_000))]
    batch: Option<u16>,
    /// liveWindow of serverless.yml, in seconds
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u16).range(0..=300))]
    window: Option<u16>,
    /// liveConcurrency of serverless.yml
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    live_concurrency: Option<u32>,
    /// Shards of a channel
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=i64::from(SHARDS_MAX)))]
    shards: Option<u16>,
    /// Messages that one post brings, instead of what follows from rates, batch and window
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    messages_per_post: Option<f64>,
    /// memory of serverless.yml, in MB
    #[arg(long, value_name = "MB", default_value_t = 256, value_parser = clap::value_parser!(u32).range(128..=10_240))]
    memory: u32,
    /// deliverMemory of serverless.yml, in MB
    #[arg(long, value_name = "MB", default_value_t = 512, value_parser = clap::value_parser!(u32).range(128..=10_240))]
    deliver_memory: u32,
    /// logRetention of serverless.yml, in days
    #[arg(long, value_name = "DAYS", default_value_t = 30.0, value_parser = not_negative)]
    log_retention: f64,
    /// canary of serverless.yml: each region has one, as where there is a domain
    #[arg(long)]
    canary: bool,
}

impl Args {
    /// What is to be calculated.
    pub(super) fn order(&self) -> anyhow::Result<Order> {
        let defaults = self.example.defaults();
        let load = self.load(&defaults)?;
        let Settings { memory, deliver_memory, log_retention, messages_per_post, .. } = &self.settings;
        let gb = |mb: u32| f64::from(mb) / 1_024.0;
        Ok(Order {
            load,
            service: self.settings.service(&defaults)?,
            per_post: *messages_per_post,
            memory_gb: (gb(*memory), gb(*deliver_memory)),
            log_days: *log_retention,
            canary: self.settings.canary,
            like: self.like.clone(),
        })
    }

    fn load(&self, defaults: &Defaults) -> anyhow::Result<Load> {
        let users = self.users.unwrap_or(defaults.users);
        let hours = self.hours.unwrap_or(defaults.hours);
        let active_hours = self.active_hours.unwrap_or_else(|| defaults.active_hours.max(hours));
        if hours > active_hours {
            return Err(refuse(format!("--hours {hours} is more than --active-hours {active_hours}")));
        }
        let audience = self.audience.unwrap_or_else(|| defaults.audience.min(users));
        if audience > users {
            return Err(refuse(format!("--audience {audience} is more than --users {users}")));
        }
        let a_second = self.messages_per_second.map(|rate| rate * active_hours * 3_600.0);
        let mean = users * hours / active_hours;
        Ok(Load {
            users,
            hours,
            active_hours,
            days: self.days.unwrap_or(defaults.days),
            messages: a_second.or(self.messages_per_day).unwrap_or(defaults.messages_per_day),
            from_clients: self.from_clients.unwrap_or(defaults.from_clients),
            bytes: self.message_bytes.unwrap_or(defaults.bytes) as f64,
            audience,
            channels: self.channels.unwrap_or(defaults.channels),
            history_s: self.history.map_or_else(|| history(defaults.history), Ok).map_err(Misuse)?,
            history_calls: self.history_calls.unwrap_or(defaults.history_calls),
            page: f64::from(sorl_core::limits::HISTORY_LIMIT_DEFAULT),
            presence_calls: self.presence_calls.unwrap_or(defaults.presence_calls),
            join_leave: self.join_leave.unwrap_or(defaults.join_leave),
            reconnects: self.reconnects,
            rate_bound: self.rate_bound,
            peak: self.peak.unwrap_or_else(|| (2.0 * mean).min(users)),
            regions: self.regions.0.clone(),
        })
    }
}

impl Settings {
    fn service(&self, defaults: &Defaults) -> anyhow::Result<Service> {
        let mut service = Service::deployed();
        let live = &mut service.mappings.live;
        live.batch = self.batch.unwrap_or(defaults.batch);
        live.window_s = self.window.unwrap_or(defaults.window);
        live.concurrency = self.live_concurrency.unwrap_or(defaults.live_concurrency);
        if usize::from(live.batch) > sorl_core::limits::BATCH_MAX && live.window_s == 0 {
            // Lambda refuses it as well.
            return Err(refuse("--batch above 10 needs --window 1 or more".to_owned()));
        }
        service.shards = self.shards.unwrap_or(defaults.shards);
        service.cpus = cpus(self.deliver_memory);
        Ok(service)
    }
}

fn refuse(why: String) -> anyhow::Error {
    Misuse(why).into()
}

/// Regions with their parts.
#[derive(Debug, Clone)]
struct Places(Vec<Place>);

/// Reads regions, each with its part of whatever they sum up to; without parts all have the same.
fn places(text: &str) -> Result<Places, String> {
    let mut places: Vec<Place> = Vec::new();
    for part in text.split(',') {
        let (name, share) = part.split_once('=').unwrap_or((part, "1"));
        let region = region(name)?;
        if places.iter().any(|place| place.region == region) {
            return Err(format!("{region} is named twice"));
        }
        places.push(Place { region, share: positive(share)? });
    }
    let sum: f64 = places.iter().map(|place| place.share).sum();
    Ok(Places(places.into_iter().map(|place| Place { share: place.share / sum, ..place }).collect()))
}

fn region(text: &str) -> Result<Region, String> {
    Region::parse(text.trim()).map_err(|fault| fault.to_string())
}

fn history(text: &str) -> Result<f64, String> {
    quantity::duration(text)
        .map(|span| span.as_secs_f64())
        .ok_or_else(|| format!("{text:?} is no length of time: write a number and s, m, h or d, or 0"))
}

fn positive(text: &str) -> Result<f64, String> {
    finite(text).filter(|value| *value > 0.0).ok_or_else(|| "write a number above 0".to_owned())
}

fn at_least_one(text: &str) -> Result<f64, String> {
    finite(text).filter(|value| *value >= 1.0).ok_or_else(|| "write a number, 1 or more".to_owned())
}

fn not_negative(text: &str) -> Result<f64, String> {
    finite(text).filter(|value| *value >= 0.0).ok_or_else(|| "write a number, 0 or more".to_owned())
}

fn hours(text: &str) -> Result<f64, String> {
    positive(text)
        .ok()
        .filter(|hours| *hours <= 24.0)
        .ok_or_else(|| "write hours above 0, up to 24".to_owned())
}

fn days(text: &str) -> Result<f64, String> {
    positive(text).ok().filter(|days| *days <= 31.0).ok_or_else(|| "write days above 0, up to 31".to_owned())
}

fn share(text: &str) -> Result<f64, String> {
    not_negative(text).ok().filter(|share| *share <= 1.0).ok_or_else(|| "write a number, 0 to 1".to_owned())
}

fn finite(text: &str) -> Option<f64> {
    text.parse().ok().filter(|value: &f64| value.is_finite())
}
