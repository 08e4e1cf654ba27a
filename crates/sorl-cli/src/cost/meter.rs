//! What AWS meters, and how much of it a load uses.
//!
//! Not the prices (`prices`) and not why so much is used (`actions`, `deliver`). The invariant: whatever is used has
//! a meter, and each meter belongs to one service, so that a bill by service leaves nothing out.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Bytes of the GB that AWS bills.
pub(super) const GB: f64 = 1_073_741_824.0;
/// Bytes of a message as API Gateway meters it.
const GATEWAY_UNIT: f64 = 32_768.0;
/// Bytes of a request as SNS and SQS meter it.
const REQUEST_UNIT: f64 = 65_536.0;
/// Bytes of a write unit.
const WRITE_UNIT: f64 = 1_024.0;
/// Bytes of a strongly consistent read unit.
const READ_UNIT: f64 = 4_096.0;

/// One thing that is counted for the bill, by the name it has in a file of prices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Meter {
    GatewayMinutes,
    GatewayMessages,
    LambdaRequests,
    LambdaGbSeconds,
    TableWrites,
    TableReads,
    TableStorage,
    TableBackup,
    TopicPublishes,
    QueueRequests,
    TransferToRegions,
    TransferToInternet,
    LogBytes,
    LogStorage,
    Alarms,
    Metrics,
    Secrets,
}

impl Meter {
    /// All of them, in the order of a bill.
    pub(super) const ALL: [Self; 17] = [
        Self::GatewayMinutes,
        Self::GatewayMessages,
        Self::LambdaRequests,
        Self::LambdaGbSeconds,
        Self::TableWrites,
        Self::TableReads,
        Self::TableStorage,
        Self::TableBackup,
        Self::TopicPublishes,
        Self::QueueRequests,
        Self::TransferToRegions,
        Self::TransferToInternet,
        Self::LogBytes,
        Self::LogStorage,
        Self::Alarms,
        Self::Metrics,
        Self::Secrets,
    ];

    /// The service whose bill it is on.
    pub(super) const fn service(self) -> &'static str {
        match self {
            Self::GatewayMinutes | Self::GatewayMessages => "API Gateway",
            Self::LambdaRequests | Self::LambdaGbSeconds => "Lambda",
            Self::TableWrites | Self::TableReads | Self::TableStorage | Self::TableBackup => "DynamoDB",
            Self::TopicPublishes => "SNS",
            Self::QueueRequests => "SQS",
            Self::TransferToRegions | Self::TransferToInternet => "data transfer",
            Self::LogBytes | Self::LogStorage | Self::Alarms | Self::Metrics => "CloudWatch",
            Self::Secrets => "Secrets Manager",
        }
    }

    /// What is counted, for people.
    pub(super) const fn what(self) -> &'static str {
        match self {
            Self::GatewayMinutes => "connection minutes",
            Self::GatewayMessages => "messages in and out, of 32 KB",
            Self::LambdaRequests => "invocations",
            Self::LambdaGbSeconds => "GB-seconds",
            Self::TableWrites => "write units, replicas included",
            Self::TableReads => "read units",
            Self::TableStorage => "GB stored",
            Self::TableBackup => "GB of point-in-time recovery",
            Self::TopicPublishes => "publishes, of 64 KB",
            Self::QueueRequests => "requests, of 64 KB, empty polls too",
            Self::TransferToRegions => "GB to other regions",
            Self::TransferToInternet => "GB to clients",
            Self::LogBytes => "GB of logs",
            Self::LogStorage => "GB of logs kept",
            Self::Alarms => "alarms",
            Self::Metrics => "metrics of its own",
            Self::Secrets => "secrets",
        }
    }
}

/// How much of each is used.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Usage(BTreeMap<Meter, f64>);

impl Usage {
    /// Adds so much of a meter.
    pub(super) fn add(&mut self, meter: Meter, quantity: f64) {
        *self.0.entry(meter).or_default() += quantity;
    }

    /// How much of a meter.
    pub(super) fn of(&self, meter: Meter) -> f64 {
        self.0.get(&meter).copied().unwrap_or_default()
    }
}

/// Messages of API Gateway that so many bytes are.
pub(super) fn gateway_messages(bytes: f64) -> f64 {
    units(bytes, GATEWAY_UNIT)
}

/// Requests of SNS or SQS that so many bytes are.
pub(super) fn requests(bytes: f64) -> f64 {
    units(bytes, REQUEST_UNIT)
}

/// Units of writing a row of so many bytes.
pub(super) fn writes(bytes: f64) -> f64 {
    units(bytes, WRITE_UNIT)
}

/// Units of a strongly consistent query of so many bytes, which costs one even if it finds nothing.
pub(super) fn reads(bytes: f64) -> f64 {
    units(bytes, READ_UNIT)
}

fn units(bytes: f64, unit: f64) -> f64 {
    (bytes / unit).ceil().max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_begun_is_metered_whole() {
        assert_eq!([1.0, 32_768.0, 32_769.0].map(gateway_messages), [1.0, 1.0, 2.0]);
        assert_eq!([0.0, 65_536.0, 180_000.0].map(requests), [1.0, 1.0, 3.0]);
        assert_eq!([200.0, 1_024.0, 1_025.0].map(writes), [1.0, 1.0, 2.0]);
        assert_eq!([0.0, 4_096.0, 4_097.0].map(reads), [1.0, 1.0, 2.0]);
    }

    #[test]
    fn every_meter_is_named_once() {
        let names: std::collections::BTreeSet<_> = Meter::ALL.map(Meter::what).into_iter().collect();
        assert_eq!(names.len(), Meter::ALL.len());
        assert!(Meter::ALL.is_sorted(), "in the order in which they are declared");
    }
}
