//! Seen once: within one stay, no message is shown twice, however often it was sent, retried or recovered; but for
//! what comes again when it is no longer remembered.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::Violation;
use crate::witness::{Number, Sighting, Stay, Testimony};

/// How long a client remembers what came, at least.
const REMEMBERED_FOR: Duration = Duration::from_mins(16);
/// How many of a channel it remembers whatever their age.
const REMEMBERED: usize = 1_000;

pub(super) fn judge(seen: &Testimony) -> Vec<Violation> {
    seen.stays.iter().flat_map(judge_stay).collect()
}

fn judge_stay(stay: &Stay) -> Vec<Violation> {
    let mut last: BTreeMap<Number, usize> = BTreeMap::new();
    let mut repeated: BTreeSet<Number> = BTreeSet::new();
    for (at, sighting) in stay.seen.iter().enumerate() {
        if let Some(before) = last.insert(sighting.number, at)
            && is_remembered(stay.seen.get(before..at).unwrap_or_default(), sighting)
        {
            repeated.insert(sighting.number);
        }
    }
    repeated.into_iter().map(|number| violation(stay, number)).collect()
}

/// Whether the first of the sightings is remembered after the others.
fn is_remembered(since: &[Sighting], again: &Sighting) -> bool {
    let Some(first) = since.first() else { return false };
    let others: BTreeSet<_> = since.iter().skip(1).map(|sighting| sighting.number).collect();
    again.at.since(first.at) <= REMEMBERED_FOR || others.len() < REMEMBERED
}

fn violation(stay: &Stay, number: Number) -> Violation {
    Violation {
        promise: "2: seen once",
        what: format!("c{} was shown #{number} in {} again", stay.client, stay.channel),
        about: vec![format!("c{}", stay.client), format!("#{number}")],
    }
}
