//! The SDK's clients: built once a cold start, their time-outs and retries set on purpose.
//!
//! Not what they are asked (`registry`, `log`, `bus`, `queue`, `gateway`, `keys`). The invariant: every call ends
//! within the time that is given to it here, and each path has one owner of its retries. Where the SDK retries
//! (tables, topics, queues, secrets) nobody above it does in the same invocation; where `deliver` retries, by slices
//! (the gateway), the SDK does not.

use std::time::Duration;

use aws_config::environment::{EnvironmentVariableCredentialsProvider, EnvironmentVariableRegionProvider};
use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_sns::config::interceptors::InterceptorContext;
use aws_sdk_sns::config::retry::{ClassifyRetry, RetryAction};
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::{HttpClient as _, http_client_fn};

/// To connect within a region takes a millisecond; after a second, nobody is there.
pub(crate) const CONNECT_MAX: Duration = Duration::from_secs(1);
/// One attempt: a hundred times what a table, a topic or a queue usually takes.
const ATTEMPT_MAX: Duration = Duration::from_secs(3);
/// A call with all its attempts: within the 29 s that API Gateway gives a command of several calls.
const OPERATION_MAX: Duration = Duration::from_secs(7);
/// Attempts of a call: a throttled or broken one is worth two more, after which its caller shall know.
const ATTEMPTS: u32 = 3;
/// Before the second attempt, and twice that before the third, less by chance. The SDK's own second is what a batch
/// can wait, but not somebody who subscribes.
const BACKOFF: Duration = Duration::from_millis(100);
/// A post or a close: usually 20 ms; longer than this, a slice tries again, and nobody else waits.
pub(crate) const POST_MAX: Duration = Duration::from_secs(3);
/// A first secret may wait a little longer: a handshake without it fails.
const SECRET_ATTEMPT_MAX: Duration = Duration::from_secs(4);
/// Shorter than AWS's endpoints keep an idle connection, so that none is used again just as it is closed.
pub(crate) const IDLE_MAX: Duration = Duration::from_secs(20);

/// What all clients share: the environment's region and credentials, which are all that a Lambda has, and TLS.
/// `AWS_ENDPOINT_URL` is obeyed.
pub async fn configuration() -> SdkConfig {
    let http = Builder::new().pool_idle_timeout(IDLE_MAX).tls_provider(Provider::Rustls(CryptoMode::Ring));
    let https = http.build_https();
    aws_config::defaults(BehaviorVersion::latest())
        // Behind a function, so that TLS is made ready by the first request. The client itself would do so for each
        // service at the start, and read all the machine's certificates for it: most of a cold start.
        .http_client(http_client_fn(move |settings, components| https.http_connector(settings, components)))
        .region(EnvironmentVariableRegionProvider::new())
        // Nothing else is asked: looking for an instance's metadata would cost a cold start a second.
        .credentials_provider(EnvironmentVariableCredentialsProvider::new())
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS).with_initial_backoff(BACKOFF))
        .timeout_config(time_outs(ATTEMPT_MAX, OPERATION_MAX))
        // No answer is a stream; what stalls is ended by its time-out.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .load()
        .await
}

/// For the connections and the messages table.
#[must_use]
pub fn dynamodb(configuration: &SdkConfig) -> aws_sdk_dynamodb::Client {
    aws_sdk_dynamodb::Client::new(configuration)
}

/// For the topics. SNS calls its throttling `Throttled`, a word that the SDK does not count among the retryable.
#[must_use]
pub fn sns(configuration: &SdkConfig) -> aws_sdk_sns::Client {
    let settings = aws_sdk_sns::config::Builder::from(configuration).retry_classifier(TooManyRequests);
    aws_sdk_sns::Client::from_conf(settings.build())
}

/// For the queues.
#[must_use]
pub fn sqs(configuration: &SdkConfig) -> aws_sdk_sqs::Client {
    aws_sdk_sqs::Client::new(configuration)
}

/// For `@connections` at `endpoint`. Without retries: a post that fails becomes a slice, whatever failed.
#[must_use]
pub fn gateway(configuration: &SdkConfig, endpoint: &str) -> aws_sdk_apigatewaymanagement::Client {
    let settings = aws_sdk_apigatewaymanagement::config::Builder::from(configuration)
        .endpoint_url(endpoint)
        .retry_config(RetryConfig::disabled())
        .timeout_config(time_outs(POST_MAX, POST_MAX));
    aws_sdk_apigatewaymanagement::Client::from_conf(settings.build())
}

/// For the secret by reference.
#[must_use]
pub fn secrets(configuration: &SdkConfig) -> aws_sdk_secretsmanager::Client {
    let settings = aws_sdk_secretsmanager::config::Builder::from(configuration)
        .timeout_config(time_outs(SECRET_ATTEMPT_MAX, OPERATION_MAX));
    aws_sdk_secretsmanager::Client::from_conf(settings.build())
}

fn time_outs(attempt: Duration, operation: Duration) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT_MAX)
        .operation_attempt_timeout(attempt)
        .operation_timeout(operation)
        .build()
}

/// Tries again what was answered 429, whatever it is called.
#[derive(Debug)]
struct TooManyRequests;

impl ClassifyRetry for TooManyRequests {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        match context.response().map(|response| response.status().as_u16()) {
            Some(429) => RetryAction::throttling_error(),
            _ => RetryAction::NoActionIndicated,
        }
    }

    fn name(&self) -> &'static str {
        "too many requests"
    }
}
