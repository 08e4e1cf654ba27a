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
use sorl_core::config::Site;
use sorl_core::disconnect::disconnect;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let mut settings = Settings::open();
    let (connections, relay) = (settings.text(CONNECTIONS_TABLE), settings.text(RELAY_TOPIC));
    let site = settings.site()?;
    let sdk = clients::configuration().await;
    let registry = AwsRegistry::new(clients::dynamodb(&sdk), connections, site.region.clone());
    let bus = AwsBus::new(clients::sns(&sdk), relay);
    let shared = Arc::new((site, registry, bus));
    let run = lambda_runtime::run(service_fn(|event| handle(event, Arc::clone(&shared)))).await;
    run.map_err(anyhow::Error::from_boxed)
}

async fn handle(
    LambdaEvent { payload: event, .. }: LambdaEvent<WebSocketEvent>,
    shared: Arc<(Site, AwsRegistry, AwsBus)>,
) -> Result<WebSocketAnswer, Error> {
    let (site, registry, bus) = &*shared;
    let caller = event.caller(&site.region)?;
    let connection = &caller.connection;
    match disconnect(&caller, registry, bus, site).await {
        Ok(()) => {
            tracing::info!(outcome = "forgotten", %connection, user = %caller.principal.user, "disconnect");
            Ok(WebSocketAnswer::status(200))
        }
        Err(fault) => {
            tracing::error!(outcome = "unavailable", %connection, port = fault.port, source = %fault.source, "disconnect");
            Err(fault.into())
        }
    }
}
