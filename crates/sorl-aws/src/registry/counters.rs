//! How often a user published in a namespace, counted in one region, window by window.
//!
//! The invariant: a count is only ever replaced by its successor, so concurrent publishes never share one. No update
//! is needed: a refused put tells the present count, and the next round puts the one after it. Whoever is first in a
//! window, as most publishes are, is done with one request.

use sorl_core::names::UserName;
use sorl_core::ports::{Rate, Unavailable};
use sorl_core::region::Region;
use sorl_core::time::Timestamp;

use std::time::Duration;

use crate::table::{Condition, Item, ItemBuilder, Put, Table};

/// Windows stay this long after their end, for whoever took the time before it and is counted after it.
const KEPT_FOR: Duration = Duration::from_mins(1);
/// Races that one publish may lose. In each, another publish of the same user wins, so that it takes as many at
/// the same moment to lose them all.
const ROUNDS_MAX: usize = 64;

const COUNT: &str = "count";

/// Counts one; `false` if the window is used up.
pub(super) async fn spend(
    table: &Table,
    region: &Region,
    rate: &Rate,
    now: Timestamp,
) -> Result<bool, Unavailable> {
    let mut spent = 0;
    for _ in 0..ROUNDS_MAX {
        if spent >= u64::from(rate.count) {
            return Ok(false);
        }
        match table.put_if(counter(region, rate, now, spent + 1), still(spent)).await? {
            Put::Done => return Ok(true),
            Put::Refused(standing) => {
                spent = standing
                    .number(COUNT)
                    .ok_or_else(|| table.unavailable("the row of a publish counter cannot be read"))?;
            }
        }
    }
    Err(table.unavailable(format!("a publish lost {ROUNDS_MAX} races for its user's counter")))
}

pub(super) fn partition(user: &UserName, region: &Region) -> String {
    format!("{user}#{region}#rate")
}

fn counter(region: &Region, rate: &Rate, now: Timestamp, count: u64) -> Item {
    let ends_at = end_of_window(now, rate.window);
    let Rate { user, namespace, .. } = rate;
    ItemBuilder::keyed(partition(user, region), format!("{namespace}#{}", ends_at.as_millis()))
        .number(COUNT, count)
        .expiring(ends_at.plus(KEPT_FOR))
        .build()
}

/// Nobody counted since `spent` was read, or, for none, nobody counted yet.
fn still(spent: u64) -> Condition {
    Condition {
        expression: "attribute_not_exists(pk) OR #count = :spent",
        names: vec![("#count", COUNT)],
        values: ItemBuilder::default().number(":spent", spent).build(),
    }
}

fn end_of_window(now: Timestamp, window: Duration) -> Timestamp {
    let window = u64::try_from(window.as_millis()).unwrap_or(u64::MAX).max(1);
    Timestamp::from_millis((now.as_millis() / window).saturating_add(1).saturating_mul(window))
}
