//! What a Lambda tells besides its answers: metrics, each invocation's at its end, and which of its successes are logged.
//!
//! Not what is counted (`sorl_metrics`), and not the log's form (`logging`). Written to standard output, where the log
//! goes too, before the invocation answers: no thread, no agent, no call, so nothing is lost when Lambda freezes the
//! process, and nothing is waited for. The invariant: failures are always logged; of successes, a share.

use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};

use sorl_core::time::Timestamp;
pub use sorl_host::share::Share;
use sorl_metrics::{Samples, catalogue, emf};

/// What one instance of a Lambda tells.
#[derive(Debug)]
pub struct Telemetry {
    function: &'static str,
    stage: String,
    with_metrics: bool,
    share: Share,
    /// Nothing was told yet.
    is_cold: AtomicBool,
}

impl Telemetry {
    /// What `function` of a stage tells.
    #[must_use]
    pub const fn new(function: &'static str, stage: String, with_metrics: bool, share: Share) -> Self {
        Self { function, stage, with_metrics, share, is_cold: AtomicBool::new(true) }
    }

    /// Whether a success of this request is logged.
    #[must_use]
    pub fn is_logged(&self, request: &str) -> bool {
        self.share.has(request.as_bytes())
    }

    /// Tells what an invocation counted. To be called once an invocation, also if it counted nothing.
    pub fn tell(&self, samples: Samples, request: &str, now: Timestamp) {
        let lines = self.lines(samples, request, now);
        if lines.is_empty() {
            return;
        }
        // In one go: a line that another one is written into is none.
        let text = lines.join("\n") + "\n";
        if let Err(fault) = std::io::stdout().lock().write_all(text.as_bytes()) {
            tracing::error!(%fault, "metrics were not written");
        }
    }

    /// The lines that tell it.
    pub fn lines(&self, mut samples: Samples, request: &str, now: Timestamp) -> Vec<String> {
        if !self.with_metrics {
            return Vec::new();
        }
        if self.is_cold.swap(false, Ordering::Relaxed) {
            samples.count(&catalogue::COLD_STARTS, &[self.function], 1);
        }
        emf::lines(&samples, &emf::Origin { stage: &self.stage, request, at: now })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn telemetry(with_metrics: bool) -> Telemetry {
        Telemetry::new("connect", "prod".to_owned(), with_metrics, Share::ALL)
    }

    fn counted() -> Samples {
        let mut samples = Samples::default();
        samples.count(&catalogue::CONNECTIONS_OPENED, &[], 1);
        samples
    }

    #[test]
    fn an_instance_begins_once() {
        let (telemetry, now) = (telemetry(true), Timestamp::from_millis(1));
        let [first] = telemetry.lines(counted(), "r-1", now).try_into().unwrap();
        assert!(first.contains(r#""cold_starts":1"#) && first.contains(r#""function":"connect""#), "{first}");
        let [second] = telemetry.lines(counted(), "r-2", now).try_into().unwrap();
        assert!(!second.contains("cold_starts") && second.contains(r#""connections_opened":1"#), "{second}");
        assert!(telemetry.lines(Samples::default(), "r-3", now).is_empty());
    }

    #[test]
    fn metrics_can_be_switched_off() {
        assert!(telemetry(false).lines(counted(), "r-1", Timestamp::from_millis(1)).is_empty());
    }
}
