//! Everything comes to rest: once nothing goes wrong any more, queues drain and clients are served; who is
//! listed is there; and long after everybody left nobody is listed.

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
    for ((region, channel), listed) in seen.lingering.iter().filter(|(_, listed)| !listed.is_empty()) {
        violations.push(violation(format!("{region} lists {listed:?} in {channel} long after they left")));
    }
    violations
}

fn violation(what: String) -> Violation {
    let about = what.split(' ').filter(|word| is_client(word)).map(str::to_owned).collect();
    Violation { promise: PROMISE, what, about }
}

fn is_client(word: &str) -> bool {
    word.strip_prefix('c').is_some_and(|number| number.parse::<usize>().is_ok())
}
