//! The Lambda `authorize`: a token becomes the principal that every later call of its connection speaks for.
//!
//! Its failure `Unauthorized` is the client's fault and API Gateway's 401; any other is a 5xx.

use std::sync::Arc;

use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use sorl_aws::clients;
use sorl_aws::events::{Allowance, AuthorizerEvent, unauthorized};
use sorl_aws::keys::AwsKeys;
use sorl_aws::settings::Settings;
use sorl_aws::telemetry::Telemetry;
use sorl_core::authorize::{AuthorizeError, authorize};
use sorl_core::config::Site;
use sorl_core::ports::Clock;
use sorl_host::clock::SystemClock;
use sorl_metrics::outcomes;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let mut settings = Settings::open();
    let telemetry = settings.telemetry("authorize");
    let (site, secret) = settings.site_and_secret()?;
    let sdk = clients::configuration().await;
    let keys = AwsKeys::new(&site.config.auth, clients::secrets(&sdk), secret, Arc::new(SystemClock));
    let shared = Arc::new((site, keys, telemetry));
    let run = lambda_runtime::run(service_fn(|event| handle(event, Arc::clone(&shared)))).await;
    run.map_err(anyhow::Error::from_boxed)
}

async fn handle(
    LambdaEvent { payload: mut event, context }: LambdaEvent<AuthorizerEvent>,
    shared: Arc<(Site, AwsKeys, Telemetry)>,
) -> Result<Allowance, Diagnostic> {
    let (site, keys, telemetry) = &*shared;
    let outcome = authorize(&event.handshake(), keys, &SystemClock, site).await;
    telemetry.tell(outcomes::authorize(&outcome), &context.request_id, SystemClock.now());
    match outcome {
        Ok(principal) => {
            if telemetry.is_logged(&context.request_id) {
                tracing::info!(outcome = "authorized", user = %principal.user, "authorize");
            }
            Allowance::new(&event, &principal).map_err(|fault| failed(&fault.to_string()))
        }
        Err(AuthorizeError::Unauthorized(why)) => {
            tracing::info!(outcome = "unauthorized", why, "authorize");
            Err(unauthorized())
        }
        Err(AuthorizeError::ForeignOrigin(origin)) => {
            tracing::info!(outcome = "foreign_origin", origin, "authorize");
            Err(unauthorized())
        }
        Err(AuthorizeError::Unavailable(fault)) => {
            tracing::error!(outcome = "unavailable", port = fault.port, source = %fault.source, "authorize");
            Err(failed("the keys cannot be had"))
        }
    }
}

fn failed(why: &str) -> Diagnostic {
    Diagnostic { error_type: "Unavailable".to_owned(), error_message: why.to_owned() }
}
