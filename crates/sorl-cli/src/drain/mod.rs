//! `sorl drain`: a region is emptied on purpose, so that it can be upgraded or removed without a message lost.
//!
//! Its clients are told `bye: shutdown` in waves, by orders on the `control` topic, and go on in another region by
//! themselves; who does not go is closed. The invariant: a region is called drained only when nobody was found in it
//! any more.

mod crowd;
mod door;
mod queues;
mod told;
mod waves;

use std::time::{Duration, Instant};

use anyhow::bail;
use sorl_core::region::Region;

use crate::exit::Misuse;
use crate::span;
use crate::target::{self, Place, Target, no_such_region};
use crate::terminal::Busy;
use crowd::Crowd;
use door::Door;
use queues::Queues;
use told::Drained;
use waves::Waves;

/// Sends a region's clients to other regions, in waves, and says when it is safe to remove.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  sorl drain eu-north-1 --dry-run --stage prod    # how many, and how long it would take
  sorl drain eu-north-1 --stage prod
  sorl drain eu-north-1 --rate 300 --json
  sorl drain eu-north-1 --undo                    # takes new connections again

Clients go on in the region that comes next in their list, and recover what they missed. On AWS, first see that no new
ones come: take the region out of DNS and of the list of endpoints that clients get.")]
pub(crate) struct Args {
    /// Which region
    #[arg(value_parser = Region::parse)]
    region: Region,
    /// Clients a second that are told to go: the other regions must take their handshakes (AWS allows 500 a second)
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=500))]
    rate: u16,
    /// How long a client has to go by itself before it is closed, at least 30s
    #[arg(long, value_name = "SPAN", default_value = "30s", value_parser = grace)]
    grace: Duration,
    /// Give up after so long; those who went stay where they are
    #[arg(long, value_name = "SPAN", default_value = "30m", value_parser = span::parse)]
    within: Duration,
    /// Only count
    #[arg(long, conflicts_with = "undo")]
    dry_run: bool,
    /// Let new clients in again
    #[arg(long)]
    undo: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: target::Flags,
}

/// Shorter, and a connection whose handshake is still pending could be taken for one that stays.
const GRACE_MIN: Duration = sorl_core::limits::HANDSHAKE_MAX;

fn grace(text: &str) -> Result<Duration, String> {
    let grace = span::parse(text)?;
    if grace < GRACE_MIN {
        return Err(format!("at least {} s, as long as a handshake may take", GRACE_MIN.as_secs()));
    }
    Ok(grace)
}

pub(crate) async fn run(args: Args) -> anyhow::Result<()> {
    let target = args.place.open().await?;
    check(&target, &args.region)?;
    let (crowd, door) = (Crowd::of(&target, &args.region).await, Door::of(&target, &args.region));
    if args.undo {
        return told::undone(&args, &door, door.open().await?);
    }
    if args.dry_run {
        let _busy = Busy::with(format!("counting who is in {}", args.region));
        return told::counted(&args, crowd.open().await?.len());
    }
    let drained = drain(&args, &target, &crowd, &door).await?;
    told::drained(&args, &door, &drained)?;
    match drained.left {
        0 => Ok(()),
        left => bail!("{left} are still in {}; run it again, or allow more time with --within", args.region),
    }
}

async fn drain(args: &Args, target: &Target, crowd: &Crowd, door: &Door) -> anyhow::Result<Drained> {
    let started = Instant::now();
    let until = started + args.within;
    let refuses_new = door.shut().await?;
    let waves = Waves::of(target, &args.region, args.rate).await?;
    let tally = waves.empty(crowd, args.grace, until).await?;
    let queues = Queues::of(&target.place, &args.region).await?.wait_until_empty(until).await?;
    Ok(Drained::of(&args.region, tally, refuses_new, queues, started.elapsed()))
}

/// There must be another region to go to.
fn check(target: &Target, region: &Region) -> anyhow::Result<()> {
    let regions = || target.regions().iter().map(|listed| &listed.region);
    if !regions().any(|listed| listed == region) {
        return Err(no_such_region(Some(region), regions()));
    }
    if regions().count() < 2 {
        let place = match &target.place {
            Place::Dev(server) => server.url().to_owned(),
            Place::Stage(stage) => format!("stage {}", stage.name),
        };
        let text = format!("{region} is the only region of {place}: its clients have nowhere to go");
        return Err(Misuse(text).into());
    }
    Ok(())
}
