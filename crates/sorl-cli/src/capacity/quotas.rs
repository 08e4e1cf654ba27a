//! AWS's quotas that a load can meet, each with its source. Not what an operator sets: that is `service`.

/// Posts, handshakes and frames from clients, a second, account and region: API Gateway's throttle, adjustable.
pub(super) const REQUESTS_PER_SECOND: f64 = 10_000.0;
/// What may come at once on top; not adjustable.
pub(super) const REQUESTS_BURST: f64 = 5_000.0;
/// API Gateway's new WebSocket connections a second, account and region; adjustable.
pub(super) const CONNECTS_PER_SECOND: f64 = 500.0;
/// SNS publishes a second, account and region, in most regions; adjustable.
pub(super) const PUBLISHES_PER_SECOND: f64 = 300.0;
/// Lambda executions at once, account and region; adjustable.
pub(super) const LAMBDA_CONCURRENCY: f64 = 1_000.0;
/// Batches that an event source mapping carries out at once in the beginning.
pub(crate) const POLLERS_AT_FIRST: u32 = 5;
/// How many more a second while records wait: 300 a minute.
pub(super) const POLLERS_MORE_PER_SECOND: f64 = 5.0;
/// Bytes that one invocation takes.
pub(super) const INVOCATION_BYTES_MAX: u64 = 6 * 1_048_576;
/// Read units a second of one DynamoDB partition; fixed.
pub(super) const PARTITION_READS_PER_SECOND: f64 = 3_000.0;
/// Read units a second of one on-demand table; adjustable.
pub(super) const TABLE_READS_PER_SECOND: f64 = 40_000.0;
/// Bytes of a strongly consistent read unit.
pub(super) const READ_UNIT_BYTES: f64 = 4_096.0;
/// Bytes of one page of a query, before anything is filtered.
pub(super) const PAGE_BYTES: f64 = 1_048_576.0;
/// Megabytes of Lambda memory that come with one whole CPU.
pub(super) const MEMORY_MB_PER_CPU: f64 = 1_769.0;

/// Where each of them is published.
pub(super) mod source {
    pub(in super::super) const API_GATEWAY: &str =
        "AWS: https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html";
    pub(in super::super) const API_GATEWAY_WEBSOCKET: &str = "AWS: https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html";
    pub(in super::super) const SNS: &str = "AWS: https://docs.aws.amazon.com/general/latest/gr/sns.html";
    pub(in super::super) const LAMBDA: &str =
        "AWS: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html";
    pub(in super::super) const EVENT_SOURCE: &str =
        "AWS: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html";
    pub(in super::super) const BATCHING: &str =
        "AWS: https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventsourcemapping.html";
    pub(in super::super) const DYNAMODB: &str =
        "AWS: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html";
}
