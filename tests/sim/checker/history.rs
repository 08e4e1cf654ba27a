//! Order is honest: pages and frames are in id order, no page shows a message twice, and the history of every
//! region has every message that was acknowledged.

use std::collections::BTreeSet;

use sorl_core::ids::MessageId;

use super::Violation;
use crate::users::keeps_long;
use crate::witness::{Number, Testimony};

const PROMISE: &str = "6: order is honest";

pub(super) fn judge(seen: &Testimony) -> Vec<Violation> {
    let mut violations = Vec::new();
    for page in &seen.pages {
        violations.extend(judge_page(&page.messages, &format!("a page that c{} got", page.client)));
    }
    for (client, numbers) in &seen.disorder {
        violations.push(Violation {
            promise: PROMISE,
            what: format!("c{client} got a frame that is not in id order: {numbers:?}"),
            about: vec![format!("c{client}")],
        });
    }
    for ((region, channel), history) in &seen.histories {
        let whole = format!("the history of {channel} in {region}");
        if !history.is_sorted_by_key(|(id, _)| *id) {
            violations.push(disorder(&whole));
        }
        let there: BTreeSet<Number> = history.iter().map(|(_, number)| *number).collect();
        let owed = seen.publications.iter().filter(|(number, publication)| {
            publication.channel == *channel
                && publication.accepted().is_some()
                && !publication.ephemeral
                && keeps_long(channel)
                && !there.contains(number)
        });
        violations.extend(owed.map(|(number, _)| Violation {
            promise: "1: accepted means delivered",
            what: format!("{whole} does not have #{number}"),
            about: vec![format!("#{number}")],
        }));
    }
    violations
}

fn judge_page(messages: &[(MessageId, Number)], page: &str) -> Option<Violation> {
    let distinct: BTreeSet<_> = messages.iter().map(|(_, number)| number).collect();
    if distinct.len() < messages.len() {
        return Some(Violation {
            promise: "2: seen once",
            what: format!("{page} shows a message twice: {messages:?}"),
            about: Vec::new(),
        });
    }
    (!messages.is_sorted_by_key(|(id, _)| *id)).then(|| disorder(page))
}

fn disorder(what: &str) -> Violation {
    Violation { promise: PROMISE, what: format!("{what} is not in id order"), about: Vec::new() }
}
