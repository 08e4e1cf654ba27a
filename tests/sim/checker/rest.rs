//! Everything comes to rest: once nothing goes wrong any more, queues drain and clients are served; who is
//! listed is there; and two hours after everybody left nobody is listed, and no row is left.

use std::collections::BTreeSet;

use super::Violation;
use crate::users::user_of;
use crate::witness::Testimony;

const PROMISE: &str = "everything comes to rest";

pub(super) fn judge(seen: &Testimony) -> Vec<Violation> {
    let mut violations: Vec<_> = seen.restless.iter().map(|what| violation(what.clone())).collect();
    for ((region, channel), listed) in &seen.listed {
        let stays = seen.stays.iter().filter(|stay| {
            stay.channel == *channel
                && !stay.over
                && stay.since.is_some()
                && seen.present.contains(&stay.client)
        });
        let there: BTreeSet<String> = stays.map(|stay| user_of(stay.client)).collect();
        if there != *listed {
            violations
                .push(violation(format!("{region} lists {listed:?} in {channel}, where {there:?} are")));
        }
    }
    for (region, connection, channel) in &seen.rows_left {
        let connection = connection.as_str();
        violations
            .push(violation(format!("the row of {connection} in {channel} stands in {region} for ever")));
    }
    for ((region, channel), listed) in seen.lingering.iter().filter(|(_, listed)| !listed.is_empty()) {
        violations.push(violation(format!("{region} lists {listed:?} in {channel} long after they left")));
    }
    violations
}

fn violation(what: String) -> Violation {
    let about = what.split(' ').filter(|word| is_client(word)).map(str::to_owned).collect();
    Violation { promise: PROMISE, what, about }
}

/// Whether a word names a client (`c3`) or a connection of one (`c3-2`).
fn is_client(word: &str) -> bool {
    let number = word.strip_prefix('c').map(|rest| rest.split('-').next().unwrap_or_default());
    number.is_some_and(|number| number.parse::<usize>().is_ok())
}
