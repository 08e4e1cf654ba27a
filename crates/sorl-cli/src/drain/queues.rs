//! The queues of a region that was drained: what is left in them is for nobody, but the log keeps it.
//!
//! Only looks. While others publish, `live` is never empty for long, so it is enough that each was empty at some look.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use aws_sdk_sqs::types::QueueAttributeName;
use serde::{Deserialize, Serialize};
use sorl_core::region::Region;

use crate::target::{DevServer, Place, Stage, told};
use crate::terminal::Busy;

const NAMES: [&str; 2] = ["live", "bulk"];
/// How long it is waited for: slices wait up to 15 minutes, but not for connections that are gone.
const WAIT_MAX: Duration = Duration::from_mins(2);
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// The fewest records that were seen in each queue.
#[derive(Debug, Clone, Serialize, PartialEq, Eq)]
pub(super) struct Fewest(BTreeMap<&'static str, u64>);

impl Fewest {
    /// Whether each was empty at some look.
    pub(super) fn are_empty(&self) -> bool {
        self.0.values().all(|records| *records == 0)
    }

    /// `live 3, bulk 0`
    pub(super) fn told(&self) -> String {
        self.0.iter().map(|(name, records)| format!("{name} {records}")).collect::<Vec<_>>().join(", ")
    }
}

/// Where to look.
pub(super) enum Queues {
    Dev { server: DevServer, region: Region },
    Sqs { sqs: aws_sdk_sqs::Client, urls: BTreeMap<&'static str, String> },
}

impl Queues {
    pub(super) async fn of(place: &Place, region: &Region) -> anyhow::Result<Self> {
        match place {
            Place::Dev(server) => Ok(Self::Dev { server: server.clone(), region: region.clone() }),
            Place::Stage(stage) => {
                let sqs = aws_sdk_sqs::Client::new(&stage.aws(region).await);
                let mut urls = BTreeMap::new();
                for name in NAMES {
                    urls.insert(name, url(&sqs, stage, name).await?);
                }
                Ok(Self::Sqs { sqs, urls })
            }
        }
    }

    /// Waits until each was empty once, or no longer: looks once, however late it is.
    pub(super) async fn wait_until_empty(&self, until: Instant) -> anyhow::Result<Fewest> {
        let _busy = Busy::with("waiting for the queues to be empty".to_owned());
        let until = until.min(Instant::now() + WAIT_MAX);
        let mut fewest = Fewest(self.look().await?);
        while !fewest.are_empty() && Instant::now() < until {
            tokio::time::sleep(LOOK_AGAIN).await;
            for (name, records) in self.look().await? {
                fewest.0.entry(name).and_modify(|least| *least = records.min(*least));
            }
        }
        Ok(fewest)
    }

    async fn look(&self) -> anyhow::Result<BTreeMap<&'static str, u64>> {
        let mut counts = BTreeMap::new();
        match self {
            Self::Dev { server, region } => {
                let metrics: Metrics = server.get("/metrics").await?;
                counts.extend(NAMES.map(|name| (name, metrics.records(region, name))));
            }
            Self::Sqs { sqs, urls } => {
                for (name, url) in urls {
                    counts.insert(*name, waiting(sqs, url).await?);
                }
            }
        }
        Ok(counts)
    }
}

/// What `sorl dev` tells.
#[derive(Deserialize)]
struct Metrics {
    samples: Vec<Sample>,
}

#[derive(Deserialize)]
struct Sample {
    name: String,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    value: f64,
}

impl Metrics {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a number of records is whole and not negative"
    )]
    fn records(&self, region: &Region, queue: &str) -> u64 {
        let has = |sample: &Sample, label: &str, value: &str| {
            sample.labels.get(label).is_some_and(|told| told == value)
        };
        let found = self.samples.iter().find(|sample| {
            sample.name == "sorl_records"
                && has(sample, "region", region.as_str())
                && has(sample, "queue", queue)
        });
        found.map_or(0, |sample| sample.value as u64)
    }
}

async fn url(sqs: &aws_sdk_sqs::Client, stage: &Stage, name: &str) -> anyhow::Result<String> {
    let name = stage.resource(name);
    let found = sqs.get_queue_url().queue_name(&name).send().await;
    let found = found.map_err(told).with_context(|| format!("the queue {name}"))?;
    found.queue_url.with_context(|| format!("the queue {name} has no address"))
}

/// All records: those that wait, are being worked on, or are held back.
async fn waiting(sqs: &aws_sdk_sqs::Client, url: &str) -> anyhow::Result<u64> {
    let counts = [
        QueueAttributeName::ApproximateNumberOfMessages,
        QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
        QueueAttributeName::ApproximateNumberOfMessagesDelayed,
    ];
    let call = sqs.get_queue_attributes().queue_url(url).set_attribute_names(Some(counts.to_vec()));
    let answer = call.send().await.map_err(told).with_context(|| format!("the queue {url}"))?;
    let told = |name| answer.attributes()?.get(name)?.parse::<u64>().ok();
    counts.iter().map(told).sum::<Option<u64>>().with_context(|| format!("{url} tells no number of records"))
}
