//! The Lambda `connect`: a connection becomes a member of its user's personal channel, or is refused.

use std::sync::Arc;

use lambda_runtime::{Error, LambdaEvent, service_fn};
use sorl_aws::clients;
use sorl_aws::events::{WebSocketAnswer, WebSocketEvent};
use sorl_aws::registry::AwsRegistry;
use sorl_aws::settings::{CONNECTIONS_TABLE, Settings};
use sorl_aws::telemetry::Telemetry;
use sorl_core::config::Site;
use sorl_core::connect::{ConnectError, connect};
use sorl_core::ports::Clock;
use sorl_host::clock::SystemClock;
use sorl_metrics::outcomes;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let mut settings = Settings::open();
    let (connections, telemetry) = (settings.text(CONNECTIONS_TABLE), settings.telemetry("connect"));
    let site = settings.site()?;
    let sdk = clients::configuration().await;
    let registry = AwsRegistry::new(clients::dynamodb(&sdk), connections, site.region.clone());
    let shared = Arc::new((site, registry, telemetry));
    let run = lambda_runtime::run(service_fn(|event| handle(event, Arc::clone(&shared)))).await;
    run.map_err(anyhow::Error::from_boxed)
}

async fn handle(
    LambdaEvent { payload: mut event, context }: LambdaEvent<WebSocketEvent>,
    shared: Arc<(Site, AwsRegistry, Telemetry)>,
) -> Result<WebSocketAnswer, Error> {
    let (site, registry, telemetry) = &*shared;
    let caller = match event.caller(&site.region) {
        Ok(caller) => caller,
        Err(fault) => {
            tracing::error!(outcome = "incomplete", %fault, "connect");
            return Ok(WebSocketAnswer::status(500));
        }
    };
    let (connection, user) = (&caller.connection, &caller.principal.user);
    let outcome = connect(&caller, registry, &SystemClock, site).await;
    telemetry.tell(outcomes::connect(&outcome), &context.request_id, SystemClock.now());
    Ok(match outcome {
        Ok(()) => {
            if telemetry.is_logged(&context.request_id) {
                tracing::info!(outcome = "opened", %connection, %user, "connect");
            }
            event.opened()
        }
        Err(ConnectError::Blocked) => {
            tracing::info!(outcome = "blocked", %connection, %user, "connect");
            WebSocketAnswer::status(401)
        }
        Err(ConnectError::Crowded) => {
            tracing::info!(outcome = "crowded", %connection, %user, "connect");
            WebSocketAnswer::status(429)
        }
        Err(ConnectError::Unavailable(fault)) => {
            tracing::error!(outcome = "unavailable", %connection, source = %fault.source, "connect");
            WebSocketAnswer::status(503)
        }
    })
}
