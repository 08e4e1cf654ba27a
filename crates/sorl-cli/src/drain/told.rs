//! What a drain came to, for people and for programs; and what is left for the operator to do.

use std::time::Duration;

use serde::Serialize;
use serde_json::json;
use sorl_core::region::Region;

use super::Args;
use super::door::Door;
use super::queues::Fewest;
use super::waves::Tally;
use crate::output;

/// What came of it.
#[derive(Debug, Serialize)]
pub(super) struct Drained {
    region: Region,
    /// Connections that were there at some time.
    found: usize,
    /// Those that went by themselves.
    went: usize,
    /// Those that were closed.
    closed: usize,
    /// Those that are still there.
    pub(super) left: usize,
    /// Whether the region takes no new ones.
    refuses_new: bool,
    /// The fewest records seen in each queue after that.
    queues: Fewest,
    seconds: f64,
}

impl Drained {
    pub(super) fn of(
        region: &Region,
        tally: Tally,
        refuses_new: bool,
        queues: Fewest,
        took: Duration,
    ) -> Self {
        let (found, Tally { closed, left, .. }) = (tally.found(), tally);
        let closed = closed.min(found - left.min(found));
        let went = found.saturating_sub(left + closed);
        Self {
            region: region.clone(),
            found,
            went,
            closed,
            left,
            refuses_new,
            queues,
            seconds: took.as_secs_f64(),
        }
    }
}

/// The end of a drain.
pub(super) fn drained(args: &Args, door: &Door, drained: &Drained) -> anyhow::Result<()> {
    if args.json {
        return output::json(drained).map(drop);
    }
    let Drained { region, found, went, closed, left, queues, seconds, .. } = drained;
    output::line(&format!(
        "{region}: of {found} connections {went} went elsewhere, {closed} were closed, {left} are left; {seconds:.0} s"
    ))?;
    let empty = if queues.are_empty() { "are empty" } else { "are not empty yet" };
    output::line(&format!("its queues {empty} ({})", queues.told()))?;
    if *left == 0 {
        output::line(&advice(region, door, args))?;
    }
    Ok(())
}

/// What is left to do, and how it is taken back.
fn advice(region: &Region, door: &Door, args: &Args) -> String {
    let undo = format!("sorl drain {region} --undo{}", place(args));
    match door.deployment(true) {
        None => format!("{region} takes no new connections until: {undo}"),
        Some(shut) => format!(
            "{region} is safe to remove once nobody new comes. To be sure of that:\n  \
             1. take it out of DNS and of the endpoints that clients get\n  \
             2. let it refuse whoever comes all the same: {shut}\n  \
             3. run this again: it must find nobody\n  \
             4. let publishers use another region's topic\n\
             To take it back into service: {undo}"
        ),
    }
}

fn place(args: &Args) -> String {
    args.place.stage.as_ref().map(|stage| format!(" --stage {stage}")).unwrap_or_default()
}

/// What a drain would do.
pub(super) fn counted(args: &Args, found: usize) -> anyhow::Result<()> {
    let seconds = found as f64 / f64::from(args.rate);
    if args.json {
        return output::json(&json!({"region": args.region, "found": found, "seconds": seconds})).map(drop);
    }
    let Args { region, rate, .. } = args;
    output::line(&format!(
        "{region} has {found} connections; at {rate} a second they are told within {seconds:.0} s"
    ))
    .map(drop)
}

/// The region takes new connections again, or how it would.
pub(super) fn undone(args: &Args, door: &Door, takes_new: bool) -> anyhow::Result<()> {
    let region = &args.region;
    if args.json {
        return output::json(&json!({"region": region, "takes_new": takes_new})).map(drop);
    }
    match door.deployment(false) {
        None => output::line(&format!("{region} takes new connections")),
        Some(deploy) => output::line(&format!(
            "if it refuses new connections: {deploy}\nthen put {region} back into DNS and the endpoints that clients get"
        )),
    }
    .map(drop)
}
