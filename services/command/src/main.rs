//! The Lambda `command`: a frame becomes a reply, whatever happens to it.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::FutureExt;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use sorl_aws::bus::AwsBus;
use sorl_aws::clients;
use sorl_aws::events::{WebSocketAnswer, WebSocketEvent};
use sorl_aws::log::AwsLog;
use sorl_aws::registry::AwsRegistry;
use sorl_aws::settings::{CONNECTIONS_TABLE, MESSAGES_TABLE, RELAY_TOPIC, Settings};
use sorl_aws::telemetry::Telemetry;
use sorl_core::command::{Answer, Ports, command};
use sorl_core::config::Site;
use sorl_core::error::ErrorCode;
use sorl_core::ports::Clock;
use sorl_host::clock::{OsEntropy, SystemClock};
use sorl_host::trace::Traces;
use sorl_metrics::outcomes;

struct Adapters {
    site: Site,
    registry: AwsRegistry,
    log: AwsLog,
    bus: AwsBus,
    telemetry: Telemetry,
    traces: Traces,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let mut settings = Settings::open();
    let (connections, messages) = (settings.text(CONNECTIONS_TABLE), settings.text(MESSAGES_TABLE));
    let (relay, complete) = (settings.text(RELAY_TOPIC), settings.completeness());
    let (telemetry, traces) = (settings.telemetry("command"), settings.traces());
    let site = settings.site()?;
    let sdk = clients::configuration().await;
    let dynamodb = clients::dynamodb(&sdk);
    let adapters = Arc::new(Adapters {
        registry: AwsRegistry::new(dynamodb.clone(), connections, site.region.clone()),
        log: AwsLog::new(dynamodb, messages, complete),
        bus: AwsBus::new(clients::sns(&sdk), relay),
        site,
        telemetry,
        traces,
    });
    let run = lambda_runtime::run(service_fn(|event| handle(event, Arc::clone(&adapters)))).await;
    run.map_err(anyhow::Error::from_boxed)
}

async fn handle(
    LambdaEvent { payload: event, context }: LambdaEvent<WebSocketEvent>,
    adapters: Arc<Adapters>,
) -> Result<WebSocketAnswer, Error> {
    let request = &context.request_id;
    let answer = AssertUnwindSafe(answer(&event, request, &adapters)).catch_unwind().await;
    let answer = answer.unwrap_or_else(|_panic| {
        tracing::error!(outcome = "panicked", "command");
        Answer::internal()
    });
    adapters.telemetry.tell(outcomes::command(&answer), request, SystemClock.now());
    Ok(WebSocketAnswer::frame(answer.frame))
}

async fn answer(event: &WebSocketEvent, request: &str, adapters: &Adapters) -> Answer {
    let Adapters { site, registry, log, bus, telemetry, traces } = adapters;
    let caller = match event.caller(&site.region) {
        Ok(caller) => caller,
        Err(fault) => {
            tracing::error!(outcome = "incomplete", %fault, "command");
            return Answer::internal();
        }
    };
    let ports = Ports { registry, log, bus, clock: &SystemClock, entropy: &OsEntropy };
    let answer = command(&event.frame(), &caller, ports, site).await;
    if let Some(message) = answer.message {
        traces.accepted(message, &site.region);
    }
    let outcome = answer.error.map_or("answered", ErrorCode::as_str);
    if answer.error.is_some() || telemetry.is_logged(request) {
        let (connection, user) = (&caller.connection, &caller.principal.user);
        let message_id = answer.message.map(tracing::field::display);
        tracing::info!(outcome, action = answer.action, message_id, %connection, %user, "command");
    }
    answer
}
