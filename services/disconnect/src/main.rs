//! The Lambda `disconnect`: a connection is forgotten in all its channels.
//!
//! API Gateway never calls twice: a failure is told as one, for the alarm; what stays goes at the first failed post
//! or at expiry.

use std::sync::Arc;

use lambda_runtime::{Error, LambdaEvent, service_fn};
use sorl_aws::bus::AwsBus;
use sorl_aws::clients;
use sorl_aws::events::{WebSocketAnswer, WebSocketEvent};
use sorl_aws::registry::AwsRegistry;
use sorl_aws::settings::{CONNECTIONS_TABLE, RELAY_TOPIC, Settings};
use sorl_aws::telemetry::Telemetry;
use sorl_core::config::Site;
use sorl_core::disconnect::disconnect;
use sorl_core::ports::Clock;
use sorl_host::clock::SystemClock;
use sorl_metrics::outcomes;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let mut settings = Settings::open();
    let (connections, relay) = (settings.text(CONNECTIONS_TABLE), settings.text(RELAY_TOPIC));
    let telemetry = settings.telemetry("disconnect");
    let site = settings.site()?;
    let sdk = clients::configuration().await;
    let registry = AwsRegistry::new(clients::dynamodb(&sdk), connections, site.region.clone());
    let bus = AwsBus::new(clients::sns(&sdk), relay);
    let shared = Arc::new((site, registry, bus, telemetry));
    let run = lambda_runtime::run(service_fn(|event| handle(event, Arc::clone(&shared)))).await;
    run.map_err(anyhow::Error::from_boxed)
}

async fn handle(
    LambdaEvent { payload: event, context }: LambdaEvent<WebSocketEvent>,
    shared: Arc<(Site, AwsRegistry, AwsBus, Telemetry)>,
) -> Result<WebSocketAnswer, Error> {
    let (site, registry, bus, telemetry) = &*shared;
    let caller = event.caller(&site.region)?;
    let connection = &caller.connection;
    let outcome = disconnect(&caller, registry, bus, site).await;
    // API Gateway does not say why, and whether its rows went or not, the connection is closed.
    telemetry.tell(outcomes::disconnect("closed"), &context.request_id, SystemClock.now());
    match outcome {
        Ok(()) => {
            if telemetry.is_logged(&context.request_id) {
                tracing::info!(outcome = "forgotten", %connection, user = %caller.principal.user, "disconnect");
            }
            Ok(WebSocketAnswer::status(200))
        }
        Err(fault) => {
            tracing::error!(outcome = "unavailable", %connection, port = fault.port, source = %fault.source, "disconnect");
            Err(fault.into())
        }
    }
}
