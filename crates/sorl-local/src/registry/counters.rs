//! How often each user published in each namespace, in the windows that are not long over.

use std::collections::BTreeMap;
use std::time::Duration;

use parking_lot::Mutex;
use sorl_core::names::UserName;
use sorl_core::ports::Rate;
use sorl_core::time::Timestamp;

/// Windows stay this long after their end, for whoever took the time before it and is counted after it.
const KEPT_FOR: Duration = Duration::from_mins(1);

/// Counters by end of the window, then by whom and where.
#[derive(Debug, Default)]
pub(super) struct Counters(Mutex<BTreeMap<(Timestamp, UserName, String), u32>>);

impl Counters {
    /// Counts one; `false` if the window is used up.
    pub(super) fn spend(&self, rate: &Rate, now: Timestamp) -> bool {
        let window = u64::try_from(rate.window.as_millis()).unwrap_or(u64::MAX).max(1);
        let ends_at =
            Timestamp::from_millis((now.as_millis() / window).saturating_add(1).saturating_mul(window));
        let mut windows = self.0.lock();
        let spent = windows.entry((ends_at, rate.user.clone(), rate.namespace.clone())).or_default();
        let is_free = *spent < rate.count;
        *spent += u32::from(is_free);
        is_free
    }

    pub(super) fn sweep(&self, now: Timestamp) {
        self.0.lock().retain(|(ends_at, ..), _| ends_at.plus(KEPT_FOR) > now);
    }
}
