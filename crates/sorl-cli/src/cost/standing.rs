//! What a region costs though nobody comes, and what its logs cost: alarms, metrics, the secret, polls, log lines.
//!
//! Read off the templates (`infra`, `serverless.yml`), which a test counts. Not what traffic uses.

use super::meter::{GB, Meter, Usage};

/// Alarms of a region: `infra/alarms.yml`.
pub(super) const ALARMS: f64 = 9.0;
/// Metrics of Sorl's own: the filter that counts faults of `authorize`.
pub(super) const METRICS: f64 = 1.0;
/// The secret, or its replica.
pub(super) const SECRETS: f64 = 1.0;
/// Queues that Lambda polls: `live` and `bulk`.
pub(super) const QUEUES: f64 = 2.0;
/// Empty receives a minute and queue: five pollers that each wait for 20 s.
pub(super) const POLLS_A_MINUTE: f64 = 15.0;

/// A line of Sorl's, and the three that Lambda writes for each invocation.
pub(super) const LINE_BYTES: f64 = 600.0;
/// The line of `deliver` has more fields.
pub(super) const DELIVER_LINE_BYTES: f64 = 800.0;
/// A line of the gateway's access log.
pub(super) const ACCESS_BYTES: f64 = 350.0;

/// Bytes of log of so many invocations of `deliver` and of the other functions, and events of the gateway.
pub(super) fn log_bytes(calls: f64, deliveries: f64, events: f64) -> f64 {
    calls * LINE_BYTES + deliveries * DELIVER_LINE_BYTES + events * ACCESS_BYTES
}

/// Adds a month of a region that stands there, with so many bytes of log a month, kept for so many days.
pub(super) fn add(usage: &mut Usage, log_bytes: f64, log_days: f64) {
    usage.add(Meter::Alarms, ALARMS);
    usage.add(Meter::Metrics, METRICS);
    usage.add(Meter::Secrets, SECRETS);
    usage.add(Meter::QueueRequests, QUEUES * POLLS_A_MINUTE * 60.0 * 24.0 * super::MONTH_DAYS);
    usage.add(Meter::LogStorage, log_bytes / GB * log_days / super::MONTH_DAYS);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The repository's templates, as text.
    fn template(path: &str) -> String {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
        std::fs::read_to_string(format!("{root}/{path}")).unwrap()
    }

    #[test]
    fn alarms_metrics_secrets_and_queues_are_those_of_the_templates() {
        let (alarms, state, runs) =
            (template("infra/alarms.yml"), template("infra/serverless.yml"), template("serverless.yml"));
        let count = |text: &str, what: &str| text.matches(what).count() as f64;
        assert_eq!(count(&alarms, "Type: AWS::CloudWatch::Alarm\n"), ALARMS);
        assert_eq!(count(&alarms, "Type: AWS::Logs::MetricFilter"), METRICS);
        assert_eq!(count(&state, "Type: AWS::SecretsManager::Secret"), SECRETS);
        assert_eq!(count(&runs, "- sqs:"), QUEUES);
        assert_eq!(count(&state, "PointInTimeRecoveryEnabled: true"), 1.0, "the log's; `store` counts it");
    }
}
