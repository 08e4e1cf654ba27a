//! What a region costs though nobody comes, and what its logs cost: alarms, metrics, the secret, polls, log lines.
//!
//! Read off the templates (`infra`, `serverless.yml`), which a test counts. Not what traffic uses.

use super::meter::{GB, Meter, Usage};

/// Alarms of a region (`infra/alarms.yml`) in standard ones: 13 of one metric, one of three, one of a band, which is
/// three, and the composite at the price of five.
pub(super) const ALARMS: f64 = 24.0;
/// The metric that counts faults of `authorize` in its log.
pub(super) const METRICS: f64 = 1.0;
/// Metrics that the Lambdas tell of while there is traffic, some of which has labels: docs/metrics.md.
pub(super) const METRICS_IN_USE: f64 = 40.0;
/// The secret, or its replica.
pub(super) const SECRETS: f64 = 1.0;
/// Queues that Lambda polls: `live` and `bulk`.
pub(super) const QUEUES: f64 = 2.0;
/// Empty receives a minute and queue: five pollers that each wait for 20 s.
pub(super) const POLLS_A_MINUTE: f64 = 15.0;

/// What an invocation writes to its log: three lines of Lambda's (260 bytes), one of metrics (290), and a line of Sorl's
/// for each failure and a tenth of the successes (50). Counted in what the deployed tests leave, by
/// `python3 tests/deployed/log_bytes.py` (2026-11): 603 of `command`, 558 of `connect`, 330 of `authorize`.
pub(super) const LINE_BYTES: f64 = 600.0;
/// `deliver` counts more: 260, 570 and 45 bytes, and a tenth of what names a message in a line, 53.
pub(super) const DELIVER_LINE_BYTES: f64 = 880.0;
/// A further message of the same invocation: its id and a blank, in a tenth of the lines.
const ID_BYTES: f64 = 3.7;
/// Messages that a line names (`sorl_host::witness`).
const NAMED_MAX: f64 = 20.0;
/// A line of the gateway's access log.
pub(super) const ACCESS_BYTES: f64 = 350.0;

/// Bytes of log of so many invocations of `deliver`, each of so many messages, and of the other functions, and events of
/// the gateway.
pub(super) fn log_bytes(calls: f64, deliveries: f64, messages: f64, events: f64) -> f64 {
    let deliver = DELIVER_LINE_BYTES + ID_BYTES * (messages.clamp(1.0, NAMED_MAX) - 1.0);
    calls * LINE_BYTES + deliveries * deliver + events * ACCESS_BYTES
}

/// Adds a month of a region that stands there, with so many bytes of log a month, kept for so many days.
pub(super) fn add(usage: &mut Usage, is_used: bool, log_bytes: f64, log_days: f64) {
    usage.add(Meter::Alarms, ALARMS);
    usage.add(Meter::Metrics, METRICS + if is_used { METRICS_IN_USE } else { 0.0 });
    usage.add(Meter::Secrets, SECRETS);
    usage.add(Meter::QueueRequests, QUEUES * POLLS_A_MINUTE * 60.0 * 24.0 * super::MONTH_DAYS);
    usage.add(Meter::LogStorage, log_bytes / GB * log_days / super::MONTH_DAYS);
}

/// A canary's rounds a day: one a minute.
pub(super) const ROUNDS: f64 = 60.0 * 24.0;
/// How long a round takes: a handshake, two `subscribe`, a `publish`, and its message.
pub(super) const ROUND_S: f64 = 0.5;
/// `canary_ok` and `canary_seconds`.
const CANARY_METRICS: f64 = 2.0;
/// Of `canary_ok`.
const CANARY_ALARMS: f64 = 1.0;

/// Adds a month of a region's canary besides what it uses as a client (`Load::of_canaries`); returns its bytes of log.
pub(super) fn add_canary(usage: &mut Usage, memory_gb: f64) -> f64 {
    let rounds = ROUNDS * super::MONTH_DAYS;
    usage.add(Meter::LambdaRequests, rounds);
    usage.add(Meter::LambdaGbSeconds, rounds * ROUND_S * memory_gb);
    usage.add(Meter::Metrics, CANARY_METRICS);
    usage.add(Meter::Alarms, CANARY_ALARMS);
    usage.add(Meter::LogBytes, rounds * LINE_BYTES / GB);
    rounds * LINE_BYTES
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
        let (single, composite) = (
            count(&alarms, "Type: AWS::CloudWatch::Alarm\n"),
            count(&alarms, "AWS::CloudWatch::CompositeAlarm"),
        );
        assert_eq!((single, composite), (15.0, 1.0));
        assert_eq!(single - 2.0 + 3.0 + 3.0 + composite * 5.0, ALARMS);
        assert_eq!(count(&alarms, "Type: AWS::Logs::MetricFilter"), METRICS);
        assert_eq!(count(&state, "Type: AWS::SecretsManager::Secret"), SECRETS);
        assert_eq!(count(&runs, "- sqs:"), QUEUES);
        assert_eq!(count(&runs, "- schedule: rate(1 minute)"), 1.0);
        assert_eq!(count(&template("infra/entrance.yml"), "Type: AWS::CloudWatch::Alarm\n"), CANARY_ALARMS);
        assert_eq!(count(&state, "PointInTimeRecoveryEnabled: true"), 1.0, "the log's; `store` counts it");
    }
}
