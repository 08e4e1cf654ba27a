//! The AWS arm: the deployed adapters over the tables, topics and queues of the state template, on an emulator.
//!
//! Needs `SORL_EMULATOR`, the emulator's address, with the state of the stage `dev` deployed and nothing that runs
//! (`make deployed` sees to both); without it the arm fails, so that nobody believes that it ran. Its queues are
//! shared, so the clauses that need them run one after the other, and its time is real. It cannot cut a region off; that an
//! account is throttled or a batch written in part is told by recorded answers, beside the adapters.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_config::{Region as AwsRegion, SdkConfig};
use aws_sdk_sqs::types::{Message, MessageSystemAttributeName, QueueAttributeName};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sorl_aws::bus::AwsBus;
use sorl_aws::clients;
use sorl_aws::log::{AwsLog, Completeness};
use sorl_aws::queue::AwsQueue;
use sorl_aws::registry::AwsRegistry;
use sorl_core::ports::{Bus, DeadLetter, Log, Queue, RecordSource, Registry};
use sorl_core::region::Region;
use sorl_core::time::Timestamp;
use tokio::sync::{Mutex, MutexGuard};

use crate::arm::Arm;
use crate::disturbed::Disturbed;

/// The account that an emulator gives to everybody.
const ACCOUNT: &str = "000000000000";
/// Longer than this, nothing passes here but what a setting can prove.
const PASSABLE: Duration = Duration::from_mins(2);
/// A queue counts whole seconds; this is added to what passes.
const ROUNDING: Duration = Duration::from_millis(1_500);

static QUEUES: Mutex<()> = Mutex::const_new(());

/// Two regions of the stage, and perhaps the right to its queues.
pub(crate) struct AwsArm {
    configuration: SdkConfig,
    disturbed: Disturbed,
    regions: [Region; 2],
    _queues: Option<MutexGuard<'static, ()>>,
}

/// The stage at `SORL_EMULATOR`, for clauses that ask nothing of its queues.
pub(crate) async fn tables() -> AwsArm {
    let url = std::env::var("SORL_EMULATOR").expect("`make deployed` runs the clauses of this arm");
    let configuration = clients::configuration().await;
    let disturbed = Disturbed::over(configuration.http_client().expect("the clients' own"));
    let configuration = configuration.into_builder().endpoint_url(url).http_client(disturbed.clone()).build();
    let regions = ["us-east-1", "eu-north-1"].map(|name| Region::parse(name).unwrap());
    AwsArm { configuration, disturbed, regions, _queues: None }
}

/// The same with its queues, empty, for one clause at a time.
pub(crate) async fn queues() -> AwsArm {
    let arm = AwsArm { _queues: Some(QUEUES.lock().await), ..tables().await };
    for region in &arm.regions {
        for source in [RecordSource::Live, RecordSource::Bulk] {
            arm.take(region, source).await;
        }
    }
    arm
}

impl AwsArm {
    fn at(&self, region: &Region) -> SdkConfig {
        let region = AwsRegion::new(region.as_str().to_owned());
        self.configuration.clone().into_builder().region(region).build()
    }

    fn sqs(&self, region: &Region) -> aws_sdk_sqs::Client {
        clients::sqs(&self.at(region))
    }

    async fn url(&self, region: &Region, queue: &str) -> String {
        let found = self.sqs(region).get_queue_url().queue_name(format!("sorl-dev-{queue}")).send().await;
        found.expect("the state of the stage `dev` is deployed").queue_url.unwrap()
    }

    /// What a queue hands out now, hidden for `visibility` seconds.
    async fn receive(&self, region: &Region, queue: &str, visibility: i32) -> Vec<Message> {
        let url = self.url(region, queue).await;
        let mut received = Vec::new();
        loop {
            let request = self.sqs(region).receive_message().queue_url(&url).max_number_of_messages(10);
            let request = request
                .visibility_timeout(visibility)
                .message_system_attribute_names(MessageSystemAttributeName::All)
                .message_attribute_names("All")
                .wait_time_seconds(1);
            let batch = request.send().await.unwrap().messages.unwrap_or_default();
            if batch.is_empty() {
                return received;
            }
            received.extend(batch);
        }
    }

    /// No day passes here: what a queue keeps for so long is its setting.
    async fn is_kept_for(&self, queue: &str, time: Duration) {
        let url = self.url(&self.here(), queue).await;
        let asked = self.sqs(&self.here()).get_queue_attributes().queue_url(url);
        let answer = asked.attribute_names(QueueAttributeName::MessageRetentionPeriod).send().await.unwrap();
        let kept = &answer.attributes.unwrap()[&QueueAttributeName::MessageRetentionPeriod];
        assert!(kept.parse::<u64>().unwrap() >= time.as_secs(), "{queue} keeps for {kept} s");
    }
}

const fn name(source: RecordSource) -> &'static str {
    match source {
        RecordSource::Live => "live",
        RecordSource::Bulk => "bulk",
    }
}

fn bodies(messages: Vec<Message>) -> Vec<String> {
    messages.into_iter().map(|message| message.body.unwrap()).collect()
}

fn attribute(message: &Message, name: &str) -> String {
    let attributes = message.message_attributes.as_ref().expect("a dead letter has attributes");
    attributes[name].string_value.clone().unwrap()
}

/// The body as it was buried: what SQS does not take was encoded for it.
fn body(message: &Message) -> String {
    let body = message.body.clone().unwrap();
    let attributes = message.message_attributes.as_ref();
    if !attributes.is_some_and(|attributes| attributes.contains_key("encoding")) {
        return body;
    }
    assert_eq!(attribute(message, "encoding"), "base64");
    String::from_utf8(STANDARD.decode(body.trim()).unwrap()).unwrap()
}

#[async_trait]
impl Arm for AwsArm {
    fn here(&self) -> Region {
        self.regions[0].clone()
    }

    fn there(&self) -> Region {
        self.regions[1].clone()
    }

    fn registry(&self, region: &Region) -> Arc<dyn Registry> {
        let client = clients::dynamodb(&self.at(region));
        Arc::new(AwsRegistry::new(client, "sorl-dev-connections".to_owned(), region.clone()))
    }

    fn bus(&self, region: &Region) -> Arc<dyn Bus> {
        let topic = format!("arn:aws:sns:{region}:{ACCOUNT}:sorl-dev-relay");
        Arc::new(AwsBus::new(clients::sns(&self.at(region)), topic))
    }

    fn log(&self) -> Arc<dyn Log> {
        let client = clients::dynamodb(&self.at(&self.here()));
        Arc::new(AwsLog::new(client, "sorl-dev-messages".to_owned(), Completeness::FromStart))
    }

    fn queue(&self) -> Arc<dyn Queue> {
        let url =
            |queue| format!("{}/{ACCOUNT}/sorl-dev-{queue}", self.configuration.endpoint_url().unwrap());
        Arc::new(AwsQueue::new(self.sqs(&self.here()), url("bulk"), url("dead-letters")))
    }

    fn now(&self) -> Timestamp {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        Timestamp::from_millis(u64::try_from(now.as_millis()).unwrap())
    }

    async fn pass(&self, time: Duration) {
        if time > PASSABLE {
            self.is_kept_for("dead-letters", time).await;
        } else {
            tokio::time::sleep(time + ROUNDING).await;
        }
    }

    async fn settle(&self) {
        // The emulator answers a publish after it has delivered, and a write after it has replicated.
    }

    async fn take(&self, region: &Region, source: RecordSource) -> Vec<String> {
        let received = self.receive(region, name(source), 30).await;
        let url = self.url(region, name(source)).await;
        for message in &received {
            let handle = message.receipt_handle.clone().unwrap();
            let deletion = self.sqs(region).delete_message().queue_url(&url).receipt_handle(handle);
            deletion.send().await.unwrap();
        }
        bodies(received)
    }

    async fn lose(&self, region: &Region, source: RecordSource) -> Vec<String> {
        let received = self.receive(region, name(source), 5).await;
        self.pass(Duration::from_secs(5)).await;
        bodies(received)
    }

    async fn buried(&self) -> Vec<DeadLetter> {
        let received = self.receive(&self.here(), "dead-letters", 30).await;
        let letter = |message: Message| DeadLetter {
            source: match attribute(&message, "source").as_str() {
                "live" => RecordSource::Live,
                "bulk" => RecordSource::Bulk,
                other => panic!("{other} is no queue"),
            },
            reason: attribute(&message, "reason"),
            body: body(&message),
        };
        received.into_iter().map(letter).collect()
    }

    async fn cut(&self, _region: Option<&Region>) {
        panic!("no region of the emulator can be cut off");
    }

    fn disturb(&self, on: bool) {
        self.disturbed.set(on);
    }
}
