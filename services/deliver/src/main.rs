//! The Lambda `deliver`: a batch of records becomes posts to the audience in this region.
//!
//! A panic is the runtime's to report: the whole batch has failed then, and comes back.

#![recursion_limit = "256"] // The future of a whole delivery, adapters and all, is nested deeper than the default.

use std::sync::Arc;

use lambda_runtime::{Error, LambdaEvent, service_fn};
use sorl_aws::bus::AwsBus;
use sorl_aws::clients;
use sorl_aws::events::{QueueAnswer, QueueEvent};
use sorl_aws::gateway::AwsGateway;
use sorl_aws::log::AwsLog;
use sorl_aws::queue::AwsQueue;
use sorl_aws::registry::AwsRegistry;
use sorl_aws::settings::{
    BULK_QUEUE, CONNECTIONS_TABLE, DEAD_LETTERS_QUEUE, GATEWAY, MESSAGES_TABLE, RELAY_TOPIC, Settings,
};
use sorl_core::config::Site;
use sorl_core::deliver::{Ports, deliver};
use sorl_core::ports::Clock;
use sorl_core::time::Timestamp;
use sorl_host::clock::SystemClock;

struct Adapters {
    site: Site,
    registry: AwsRegistry,
    log: AwsLog,
    bus: AwsBus,
    queue: AwsQueue,
    gateway: AwsGateway,
}

// Several threads: signing and encrypting hundreds of posts at a time is this Lambda's work.
#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut settings = Settings::open();
    let (connections, messages) = (settings.text(CONNECTIONS_TABLE), settings.text(MESSAGES_TABLE));
    let (relay, gateway) = (settings.text(RELAY_TOPIC), settings.url(GATEWAY));
    let (bulk, dead_letters) = (settings.url(BULK_QUEUE), settings.url(DEAD_LETTERS_QUEUE));
    let complete = settings.completeness();
    let site = settings.site()?;
    let sdk = clients::configuration().await;
    let dynamodb = clients::dynamodb(&sdk);
    let adapters = Arc::new(Adapters {
        registry: AwsRegistry::new(dynamodb.clone(), connections, site.region.clone()),
        log: AwsLog::new(dynamodb, messages, complete),
        bus: AwsBus::new(clients::sns(&sdk), relay),
        queue: AwsQueue::new(clients::sqs(&sdk), bulk, dead_letters),
        gateway: AwsGateway::new(clients::gateway(&sdk, &gateway)),
        site,
    });
    let run = lambda_runtime::run(service_fn(|event| handle(event, Arc::clone(&adapters)))).await;
    run.map_err(anyhow::Error::from_boxed)
}

async fn handle(
    LambdaEvent { payload: event, context }: LambdaEvent<QueueEvent>,
    adapters: Arc<Adapters>,
) -> Result<QueueAnswer, Error> {
    let Adapters { site, registry, log, bus, queue, gateway } = &*adapters;
    if let Err(fault) = log.declare(&site.config, SystemClock.now()).await {
        tracing::error!(outcome = "undeclared", source = %fault.source, "deliver");
        return Err(fault.into());
    }
    let (records, strangers) = event.records();
    if !strangers.is_empty() {
        tracing::error!(outcome = "unknown_queue", records = strangers.len(), "deliver");
    }
    let ports = Ports { registry, log, bus, queue, gateway, clock: &SystemClock };
    let report = deliver(&records, ports, site, Timestamp::from_millis(context.deadline)).await;
    let (records, failed, counts) = (records.len(), report.failed.len(), report.counts);
    if failed > 0 {
        tracing::warn!(outcome = "failed", records, failed, ?counts, "deliver");
    } else {
        tracing::info!(outcome = "delivered", records, ?counts, "deliver");
    }
    Ok(QueueAnswer::failed(report.failed.into_iter().chain(strangers)))
}
