//! Names that no other test has: many tests share one stage.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use sorl_core::ids::MessageId;
use sorl_core::time::Timestamp;

static RUN: LazyLock<String> = LazyLock::new(|| format!("{:x}", now().as_millis()));
static NEXT: AtomicU64 = AtomicU64::new(0);

/// `{stem}-…`, never the same twice, also not in another run against the same stage.
#[must_use]
pub fn unique(stem: &str) -> String {
    format!("{stem}-{}-{}", *RUN, NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A channel of the namespace `room`, which grants everything to everybody.
#[must_use]
pub fn room() -> String {
    unique("room:test")
}

/// The time.
#[must_use]
pub fn now() -> Timestamp {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX))
}

/// A cursor as old as this.
#[must_use]
pub fn cursor_of_age(age: std::time::Duration) -> String {
    MessageId::floor(now().minus(age)).to_string()
}
