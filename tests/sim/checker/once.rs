//! Seen once: within one stay, no message is shown twice, however often it was sent, retried or recovered.

use std::collections::BTreeMap;

use super::Violation;
use crate::witness::{Number, Testimony};

pub(super) fn judge(seen: &Testimony) -> Vec<Violation> {
    let mut violations = Vec::new();
    for stay in &seen.stays {
        let mut times: BTreeMap<Number, u32> = BTreeMap::new();
        for sighting in &stay.seen {
            *times.entry(sighting.number).or_default() += 1;
        }
        for (number, times) in times.into_iter().filter(|(_, times)| *times > 1) {
            violations.push(Violation {
                promise: "2: seen once",
                what: format!("c{} was shown #{number} in {} {times} times", stay.client, stay.channel),
                about: vec![format!("c{}", stay.client), format!("#{number}")],
            });
        }
    }
    violations
}
