//! The checker: whether what clients and publishers saw is what they were promised.
//!
//! One file a promise. It knows the testimony and nothing of how the service works; where it must allow for
//! something (a clock that is off, a history that is short), it says so.

mod allowed;
mod delivered;
mod history;
mod isolated;
mod once;
mod rest;
#[cfg(test)]
mod tests;

use std::time::Duration;

use crate::witness::Testimony;

/// A promise that was not kept.
#[derive(Debug, Clone)]
pub(crate) struct Violation {
    /// Which promise.
    pub(crate) promise: &'static str,
    /// What was seen instead.
    pub(crate) what: String,
    /// Clients (`c3`), messages (`#17`) and others whom it concerns, as the trace names them.
    pub(crate) about: Vec<String>,
}

/// Everything that was not as promised; clocks may be off by `skew`.
pub(crate) fn judge(seen: &Testimony, skew: Duration) -> Vec<Violation> {
    let mut violations = delivered::judge(seen);
    violations.extend(once::judge(seen));
    violations.extend(history::judge(seen));
    violations.extend(allowed::judge(seen, skew));
    violations.extend(isolated::judge(seen));
    violations.extend(rest::judge(seen));
    violations
}
