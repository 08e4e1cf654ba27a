//! One bad thing stays one bad thing: what is no message lies among the dead letters of every region, nothing else
//! does, each has its reason, and what was published beside it comes no more often than it should.

use std::collections::BTreeSet;

use super::Violation;
use crate::witness::{ClientNumber, Number, Testimony};

const PROMISE: &str = "5: one bad thing stays one bad thing";

pub(super) fn judge(seen: &Testimony) -> Vec<Violation> {
    let regions: BTreeSet<_> = seen.histories.keys().map(|(region, _)| region).collect();
    let mut violations = Vec::new();
    for text in &seen.poison {
        for region in &regions {
            let mut letters = seen.dead_letters.iter();
            if !letters.any(|(at, reason, letter)| at == *region && letter == text && !reason.is_empty()) {
                violations.push(violation(format!("{text:?} is not among the dead letters of {region}")));
            }
        }
    }
    for (region, reason, text) in &seen.dead_letters {
        if reason.is_empty() || reason.starts_with("received") {
            violations
                .push(violation(format!("{text:?} is a dead letter in {region} for no reason: {reason:?}")));
        }
        if text.contains("\"n\"") || text.contains("control") {
            violations.push(violation(format!("{text:?} is a dead letter in {region}: {reason}")));
        }
    }
    let copies = seen.copies.iter().filter(|(_, copies)| **copies > 1);
    violations
        .extend(copies.filter(|((client, link, _), _)| !may_have_two_rows(*client, *link, seen)).map(copied));
    violations
}

/// Who subscribed twice over one connection, before and after another number of shards was written, stands in two
/// partitions of the channel and may be posted to from each.
fn may_have_two_rows(client: ClientNumber, link: u32, seen: &Testimony) -> bool {
    let connection = seen.connections.get(&(client, link));
    connection.zip(seen.resharded_at).is_some_and(|(connection, at)| connection.asked_at <= at)
}

fn copied(((client, connection, number), copies): (&(ClientNumber, u32, Number), &u32)) -> Violation {
    Violation {
        promise: PROMISE,
        what: format!("#{number} came {copies} times over c{client}-{connection} beside nonsense"),
        about: vec![format!("c{client}"), format!("#{number}")],
    }
}

fn violation(what: String) -> Violation {
    Violation { promise: PROMISE, what, about: Vec::new() }
}
