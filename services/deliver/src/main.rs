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
    BULK_CONCURRENCY, BULK_QUEUE, CONNECTIONS_TABLE, DEAD_LETTERS_QUEUE, GATEWAY, MESSAGES_TABLE,
    RELAY_TOPIC, Settings,
};
use sorl_aws::telemetry::Telemetry;
use sorl_core::config::Site;
use sorl_core::deliver::{Ports, Record, Report, deliver};
use sorl_core::ports::{Clock, Gateway, RecordSource};
use sorl_core::time::Timestamp;
use sorl_host::clock::SystemClock;
use sorl_host::pace::{Pace, Paced};
use sorl_host::trace::{Invocation, Traces};
use sorl_host::witness::{Moment, Witness, message_ids};
use sorl_metrics::outcomes;

struct Adapters {
    site: Site,
    registry: AwsRegistry,
    log: AwsLog,
    bus: AwsBus,
    queue: AwsQueue,
    gateway: AwsGateway,
    /// How fast this instance posts what slices hold.
    bulk_pace: Pace,
    telemetry: Telemetry,
    traces: Traces,
}

// One thread: a Lambda below 1,769 MB has less than one processor, and on one thread no post wakes another.
#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let mut settings = Settings::open();
    let (connections, messages) = (settings.text(CONNECTIONS_TABLE), settings.text(MESSAGES_TABLE));
    let (relay, gateway) = (settings.text(RELAY_TOPIC), settings.url(GATEWAY));
    let (bulk, dead_letters) = (settings.url(BULK_QUEUE), settings.url(DEAD_LETTERS_QUEUE));
    let (complete, bulk_concurrency) = (settings.completeness(), settings.count(BULK_CONCURRENCY));
    let (telemetry, traces) = (settings.telemetry("deliver"), settings.traces());
    let site = settings.site()?;
    let sdk = clients::configuration().await;
    let dynamodb = clients::dynamodb(&sdk);
    let adapters = Arc::new(Adapters {
        registry: AwsRegistry::new(dynamodb.clone(), connections, site.region.clone()),
        log: AwsLog::new(dynamodb, messages, complete),
        bus: AwsBus::new(clients::sns(&sdk), relay),
        queue: AwsQueue::new(clients::sqs(&sdk), bulk, dead_letters),
        gateway: AwsGateway::new(&sdk, &gateway)?,
        bulk_pace: Pace::per_second(site.config.delivery.bulk_rate() / f64::from(bulk_concurrency)),
        site,
        telemetry,
        traces,
    });
    let run = lambda_runtime::run(service_fn(|event| handle(event, Arc::clone(&adapters)))).await;
    run.map_err(anyhow::Error::from_boxed)
}

async fn handle(
    LambdaEvent { payload: event, context }: LambdaEvent<QueueEvent>,
    adapters: Arc<Adapters>,
) -> Result<QueueAnswer, Error> {
    let Adapters { site, registry, log, bus, queue, gateway, bulk_pace, telemetry, traces } = &*adapters;
    if let Err(fault) = log.declare(&site.config, SystemClock.now()).await {
        tracing::error!(outcome = "undeclared", source = %fault.source, "deliver");
        return Err(fault.into());
    }
    let (records, strangers) = event.records();
    if !strangers.is_empty() {
        tracing::error!(outcome = "unknown_queue", records = strangers.len(), "deliver");
    }
    let paced = Paced { pace: bulk_pace, gateway };
    let is_bulk = records.iter().all(|record| record.source == RecordSource::Bulk);
    let gateway: &dyn Gateway = if is_bulk { &paced } else { gateway };
    let begun = Moment::now(&SystemClock);
    let witness = traces.is_on().then(|| Witness::new(gateway, &SystemClock));
    let gateway = witness.as_ref().map_or(gateway, |witness| witness);
    let ports = Ports { registry, log, bus, queue, gateway, clock: &SystemClock };
    let report = deliver(&records, ports, site, Timestamp::from_millis(context.deadline)).await;
    let now = SystemClock.now();
    telemetry.tell(outcomes::deliver(&report, now), &context.request_id, now);
    if let Some(witness) = witness {
        let (region, stage) = (&site.region, site.config.stage.as_str());
        let invocation = Invocation { region, stage, begun, records: &records, report: &report };
        traces.delivered(&invocation, &witness.posted());
    }
    if !report.failed.is_empty() || telemetry.is_logged(&context.request_id) {
        tell(&records, &report, site);
    }
    Ok(QueueAnswer::failed(report.failed.into_iter().chain(strangers)))
}

/// One line an invocation, each count a field that a query of the logs can sum.
fn tell(records: &[Record], report: &Report, site: &Site) {
    let (failed, counts) = (report.failed.len(), &report.counts);
    let which = records.iter().filter(|record| failed == 0 || report.failed.contains(&record.id));
    let message_ids = message_ids(which, &site.config.stage);
    macro_rules! line {
        ($level:ident, $outcome:literal) => {
            tracing::$level!(
                outcome = $outcome,
                records = records.len(),
                failed,
                message_ids,
                messages = counts.messages,
                posts = counts.posts,
                deliveries = counts.deliveries,
                bytes = counts.bytes,
                gone = counts.gone,
                throttled = counts.throttled,
                retries = counts.retries,
                unanswered = counts.unanswered,
                forbidden = counts.forbidden,
                slices = counts.slices,
                marks = counts.marks,
                closed_slow = counts.closed_slow,
                dead_letters = counts.dead_letters,
                "deliver"
            )
        };
    }
    if failed > 0 { line!(warn, "failed") } else { line!(info, "delivered") }
}
