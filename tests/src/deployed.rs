//! A stage that `make deploy` put on AWS, or on an emulator of it: where it is, whose secret signs its tokens,
//! what lies in its dead-letter queues.
//!
//! Not how it is deployed. What `sorl dev` offers by addresses of its own is made here from AWS's.

use serde::Deserialize;
use serde_json::{Value, json};
use sorl_core::time::Timestamp;
use tokio::sync::Mutex;

use crate::aws::Aws;
use crate::names::now;
use crate::stage::RegionAddress;

/// What the deploy tool wrote about a stage, and what belongs to it.
#[derive(Debug, Clone)]
pub struct Deployed {
    /// Its name.
    pub stage: String,
    /// Where AWS is asked.
    pub aws: Aws,
    secret: String,
}

/// The file that the deploy tool writes; what else it holds is for others.
#[derive(Debug, Deserialize)]
struct Written {
    stage: String,
    regions: Vec<WrittenRegion>,
    secret: Option<String>,
}

/// A region as the deploy tool writes it, which is more than an address.
#[derive(Debug, Deserialize)]
struct WrittenRegion {
    region: String,
    url: String,
    topic: String,
}

/// The dead letters that were taken out of the queues: who asks, asks for all that ever lay there.
static LETTERS: Mutex<Vec<Value>> = Mutex::const_new(Vec::new());

impl Deployed {
    /// Reads the file at `path` and the stage's secret.
    ///
    /// # Panics
    /// If either cannot be had.
    pub async fn read(path: &str, endpoint: &str) -> (Self, Vec<RegionAddress>) {
        let text = std::fs::read_to_string(path).unwrap_or_else(|fault| panic!("{path}: {fault}"));
        let written: Written = serde_json::from_str(&text).unwrap_or_else(|fault| panic!("{path}: {fault}"));
        let aws = Aws { endpoint: endpoint.to_owned() };
        let name = written.secret.unwrap_or_else(|| format!("sorl-{}-jwt", written.stage));
        let secret = aws.secret(&written.regions[0].region, &name).await;
        let regions = written.regions.into_iter();
        let regions =
            regions.map(|WrittenRegion { region, url, topic }| RegionAddress { region, url, topic });
        (Self { stage: written.stage, aws, secret }, regions.collect())
    }

    /// A token as an application's own server would make it.
    ///
    /// # Panics
    /// If it cannot be signed.
    #[must_use]
    pub fn mint(&self, user: &str, grants: Option<&Value>, ttl: i64) -> String {
        let issued = seconds(now());
        let mut claims = json!({ "sub": user, "iat": issued, "exp": issued.saturating_add(ttl) });
        if let Some(grants) = grants {
            claims["sorl"] = grants.clone();
        }
        let key = jsonwebtoken::EncodingKey::from_secret(self.secret.as_bytes());
        jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &key).expect("a token")
    }

    /// Everything that was ever found in the dead-letter queues of these regions, in the words of `sorl dev`.
    pub async fn dead_letters(&self, regions: &[RegionAddress]) -> Vec<Value> {
        let mut letters = LETTERS.lock().await;
        for RegionAddress { region, .. } in regions {
            letters.append(&mut self.take_dead_letters(region).await);
        }
        letters.clone()
    }

    async fn take_dead_letters(&self, region: &str) -> Vec<Value> {
        let queue = self.queue(region, "dead-letters").await;
        let mut taken = Vec::new();
        loop {
            let wanted = json!({
                "QueueUrl": queue, "MaxNumberOfMessages": 10, "MessageAttributeNames": ["All"],
                "MessageSystemAttributeNames": ["SentTimestamp"],
            });
            let answer = self.aws.json(region, "sqs", "AmazonSQS.ReceiveMessage", &wanted).await;
            let Some(messages) = answer["Messages"].as_array().filter(|messages| !messages.is_empty()) else {
                return taken;
            };
            for message in messages {
                let gone = json!({ "QueueUrl": queue, "ReceiptHandle": message["ReceiptHandle"] });
                self.aws.json(region, "sqs", "AmazonSQS.DeleteMessage", &gone).await;
                taken.push(letter(region, message));
            }
        }
    }

    /// The address of one of the stage's queues.
    ///
    /// # Panics
    /// If there is none.
    pub async fn queue(&self, region: &str, name: &str) -> String {
        let wanted = json!({ "QueueName": format!("sorl-{}-{name}", self.stage) });
        let answer = self.aws.json(region, "sqs", "AmazonSQS.GetQueueUrl", &wanted).await;
        answer["QueueUrl"].as_str().expect("a queue has an address").to_owned()
    }
}

fn letter(region: &str, message: &Value) -> Value {
    let attribute = |name: &str| message["MessageAttributes"][name]["StringValue"].clone();
    json!({
        "id": message["MessageId"], "region": region, "queue": attribute("source"),
        "reason": attribute("reason"), "body": message["Body"], "at": message["Attributes"]["SentTimestamp"],
    })
}

fn seconds(time: Timestamp) -> i64 {
    i64::try_from(time.as_millis() / 1000).unwrap_or(i64::MAX)
}
