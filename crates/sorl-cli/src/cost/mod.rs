//! `sorl cost`: what a load costs a month on AWS, by service and region, beside what others list.
//!
//! A calculation, not an invoice: what an action uses is read off the handlers (`actions`, `deliver`), how often it
//! comes off the load (`load`), prices off a file with their sources (`prices`). A test recounts a compressed day of the
//! embedded service (`tests/e2e/invoice.rs`). It asks nothing of AWS.

mod actions;
mod args;
mod batches;
mod bill;
mod chart;
mod deliver;
mod examples;
mod given;
mod load;
mod meter;
mod peers;
mod prices;
mod standing;
mod told;
mod usage;
#[cfg(test)]
mod worked;

use std::collections::BTreeMap;

use anyhow::Context as _;
use serde::Serialize;
use sorl_core::region::Region;

use self::batches::Batches;
use self::bill::Bill;
use self::given::Given;
use self::load::Load;
use self::meter::Meter;
use self::peers::Peer;
use self::prices::{Prices, Source};
use self::usage::Settings;
use crate::capacity::Service;
use crate::output;
use crate::picture::Screen;

pub(crate) use self::args::Args;

/// Days of a month, everybody's.
const MONTH_DAYS: f64 = 30.0;

/// Everything that is printed.
#[derive(Debug, Serialize)]
struct Report {
    load: Load,
    batches: Batches,
    bill: Bill,
    services: BTreeMap<&'static str, f64>,
    peers: Vec<Peer>,
    given: Vec<Given>,
    sources: BTreeMap<String, Source>,
    /// Whose prices stand in for those that a region lacks.
    like: Option<Region>,
}

/// What a bill is made of.
#[derive(Debug, Clone)]
struct Order {
    load: Load,
    service: Service,
    per_post: Option<f64>,
    memory_gb: (f64, f64),
    log_days: f64,
    canary: bool,
    like: Option<Region>,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    if args.print_prices {
        return output::line(Prices::built_in().trim_end()).map(drop);
    }
    let prices = Prices::read(args.prices.as_deref())?;
    let report = Report::of(args.order()?, &prices)?;
    if let Some(file) = &args.svg {
        std::fs::write(file, chart::svg(&report))
            .with_context(|| format!("{} cannot be written", file.display()))?;
    }
    if args.json {
        output::json(&report)?;
    } else {
        output::line(&told::text(&report, Screen::stdout()))?;
    }
    Ok(())
}

impl Report {
    fn of(order: Order, prices: &Prices) -> anyhow::Result<Self> {
        let Order { load, service, per_post, memory_gb, log_days, canary, like } = order;
        let batches = Batches::of(&load, &service, per_post);
        let settings = Settings { service: &service, batches: &batches, memory_gb, log_days, canary };
        let months = usage::month(&load, settings).into_iter();
        let priced = months.map(|(region, usage)| {
            let of_region = prices.of(&region, like.as_ref())?;
            Ok((region, usage, of_region))
        });
        let months = priced.collect::<anyhow::Result<Vec<_>>>()?;
        let first = months.first().map(|(_, _, prices)| prices.clone());
        let internet =
            |gb| first.as_ref().map_or(0.0, |prices| prices.dollars(Meter::TransferToInternet, gb));
        let peers = peers::all(&load, &prices.peers, internet);
        let bill = Bill::of(months);
        let services = bill::by_service(&bill);
        let (given, sources) = (given::all(settings), prices.sources.clone());
        Ok(Self { load, batches, bill, services, peers, given, sources, like })
    }
}
