//! AWS's SDK as every command uses it: one HTTP client, credentials of whoever is signed in, an endpoint if one is
//! named.
//!
//! Not what is asked. The invariant: `sorl dev` and an emulator on this machine need no credentials, and AWS itself
//! never gets made-up ones.

use std::time::Duration;

use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_sns::config::{Credentials, Region as AwsRegion, SharedCredentialsProvider};
use aws_sdk_sns::error::ProvideErrorMetadata;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};

/// A call with all its attempts: whoever waits for a command shall not wait for ever.
const CALL_MAX: Duration = Duration::from_secs(30);

/// Where AWS's APIs are.
#[derive(Debug, Clone)]
pub(crate) struct Aws {
    endpoint: Option<String>,
}

impl Aws {
    /// AWS at `endpoint`; without one, at its own, or where `AWS_ENDPOINT_URL` says.
    pub(crate) const fn at(endpoint: Option<String>) -> Self {
        Self { endpoint }
    }

    /// The endpoint, if it is not AWS's own.
    pub(crate) fn endpoint(&self) -> Option<String> {
        self.endpoint.clone().or_else(|| std::env::var("AWS_ENDPOINT_URL").ok())
    }

    /// What the SDK's clients of a region are made from.
    pub(crate) async fn of(&self, region: &str) -> SdkConfig {
        let http = aws_smithy_http_client::Builder::new();
        let http = http.tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
        let loader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(http)
            .timeout_config(TimeoutConfig::builder().operation_timeout(CALL_MAX).build())
            .region(AwsRegion::new(region.to_owned()));
        match &self.endpoint {
            Some(url) if is_loopback(url) && std::env::var_os("AWS_ACCESS_KEY_ID").is_none() => {
                // `sorl dev` takes any credentials, so none need be set up for it.
                let any = Credentials::new("any", "any", None, None, "sorl");
                loader
                    .credentials_provider(SharedCredentialsProvider::new(any))
                    .endpoint_url(url)
                    .load()
                    .await
            }
            Some(url) => loader.endpoint_url(url).load().await,
            None => loader.load().await,
        }
    }
}

/// What went wrong between here and AWS, in one line, and what to do where that is known.
pub(crate) fn told<E>(fault: E) -> anyhow::Error
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let code = fault.code().unwrap_or_default().to_owned();
    let text = match fault.message().map(str::to_owned) {
        Some(message) if !code.is_empty() => format!("{code}: {message}"),
        _ => with_sources(fault),
    };
    anyhow::anyhow!("{text}{}", advice(&code, &text))
}

/// The fault and what lies below it: what each says, without their insides.
fn with_sources(fault: impl std::error::Error + 'static) -> String {
    let sources = std::iter::successors(Some(&fault as &dyn std::error::Error), |fault| fault.source());
    sources.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

fn advice(code: &str, text: &str) -> &'static str {
    let has = |word: &str| text.contains(word);
    if has("no providers in chain") || has("credentials provider") || has("failed to load") {
        return "; set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";
    }
    match code {
        "ExpiredToken" | "ExpiredTokenException" => "; sign in again",
        "UnrecognizedClientException" | "InvalidClientTokenId" => {
            "; are the credentials right, and is the region enabled in this account?"
        }
        _ if is_refusal(code) => "; whoever runs this command lacks that right",
        _ => "",
    }
}

/// Whether AWS's code says that a right is missing.
fn is_refusal(code: &str) -> bool {
    ["AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation", "Forbidden"]
        .contains(&code)
}

/// Whether AWS's answer says that what was asked for is not there.
pub(crate) fn is_absent(fault: &impl ProvideErrorMetadata) -> bool {
    let code = fault.code().unwrap_or_default();
    ["NotFound", "DoesNotExist", "NonExistent", "NoSuchResource"].iter().any(|word| code.contains(word))
}

fn is_loopback(url: &str) -> bool {
    let host = url.split("//").nth(1).unwrap_or(url);
    ["127.", "localhost", "[::1]"].iter().any(|local| host.starts_with(local))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_gets_made_up_credentials() {
        assert!(is_loopback("http://127.0.0.1:4600") && is_loopback("http://localhost:1"));
        assert!(!is_loopback("https://sns.eu-north-1.amazonaws.com"));
        assert!(!is_loopback("http://127-0-0-1.example.com"));
    }

    #[test]
    fn a_missing_right_is_called_one() {
        assert!(advice("AccessDenied", "AccessDenied: no").contains("right"));
        assert_eq!(advice("Throttling", "Throttling: slow down"), "");
    }
}
