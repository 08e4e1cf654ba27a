//! The dead-letter queues of a deployed stage: receive, hold, let go, put back, delete.
//!
//! SQS has no way to look without taking: what is taken is hidden from everybody else for [`HELD_FOR`]. The invariant:
//! a letter is deleted only after the queue that it goes to has acknowledged it, or when its deletion is what was asked.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, bail};
use aws_sdk_sqs::types::{ChangeMessageVisibilityBatchRequestEntry, Message, MessageSystemAttributeName};
use futures::future::try_join_all;
use sorl_core::limits::BATCH_MAX;
use sorl_core::region::Region;
use sorl_core::time::Timestamp;

use super::letter::{Attributes, Held, Letter, Source, came_from, decoded, reason, undelivered};
use super::missed;
use crate::target::{Stage, no_such_region, told};

/// How long a letter is hidden at most if this program is killed while it holds it.
const HELD_FOR: Duration = Duration::from_secs(60);
/// A receive that waits asks all of SQS's servers, so that an empty answer means an empty queue.
const WAIT_S: i32 = 1;

/// The queues of the regions that are looked at.
pub(super) struct Queues {
    stage: Stage,
    places: Vec<Place>,
}

/// One region's queues.
struct Place {
    region: Region,
    sqs: aws_sdk_sqs::Client,
    dead_letters: String,
}

impl Queues {
    /// Those of `regions`; of all that the configuration names, if none is.
    pub(super) async fn open(stage: Stage, regions: &[Region]) -> anyhow::Result<Self> {
        let all = &stage.config.regions;
        if let Some(stranger) = regions.iter().find(|region| !all.contains(region)) {
            return Err(no_such_region(Some(stranger), all.iter()));
        }
        let regions = if regions.is_empty() { all } else { regions };
        let places = try_join_all(regions.iter().map(|region| Place::open(&stage, region))).await?;
        Ok(Self { stage, places })
    }

    pub(super) async fn take(&self, most: usize) -> anyhow::Result<Vec<Held>> {
        let taken = try_join_all(self.places.iter().map(|place| place.take(most))).await?;
        Ok(taken.into_iter().flatten().collect())
    }

    pub(super) async fn let_go(&self, held: &[&Held]) -> anyhow::Result<()> {
        try_join_all(self.places.iter().map(|place| place.let_go(held))).await.map(drop)
    }

    /// To the own region's queue only: the other regions had the record, or have a letter of their own. But what SNS
    /// could not deliver lies where it was published, and goes to the region that missed it.
    pub(super) async fn redrive(&self, held: &Held) -> anyhow::Result<()> {
        let letter = &held.letter;
        if let Some(damage) = &letter.damaged {
            bail!("{damage}; it can only be purged");
        }
        let goes_to = match &letter.undelivered {
            Some(subscription) => missed::regions(&self.stage, &letter.region, subscription).await?,
            None => vec![letter.region.clone()],
        };
        for region in &goes_to {
            send(&self.stage, region, letter.queue, &letter.body).await?;
        }
        // Only now: a letter that is there twice is handled twice, which does not matter; one that is nowhere is lost.
        self.delete(held).await
    }

    pub(super) async fn delete(&self, held: &Held) -> anyhow::Result<()> {
        let place = self.places.iter().find(|place| place.region == held.letter.region);
        let (place, receipt) = place.zip(held.receipt.as_ref()).context("the letter is not held")?;
        let call = place.sqs.delete_message().queue_url(&place.dead_letters).receipt_handle(receipt);
        call.send().await.map(drop).map_err(told).context("it cannot be deleted")
    }
}

impl Place {
    async fn open(stage: &Stage, region: &Region) -> anyhow::Result<Self> {
        let sqs = aws_sdk_sqs::Client::new(&stage.aws(region).await);
        let dead_letters = url(stage, region, &sqs, "dead-letters").await?;
        Ok(Self { region: region.clone(), sqs, dead_letters })
    }

    async fn take(&self, most: usize) -> anyhow::Result<Vec<Held>> {
        let mut taken = BTreeMap::new();
        while taken.len() < most {
            let messages = self.receive(most - taken.len()).await?;
            let before = taken.len();
            for message in &messages {
                let held = self.held(message);
                taken.insert(held.letter.id.clone(), held);
            }
            if taken.len() == before {
                break;
            }
        }
        Ok(taken.into_values().collect())
    }

    async fn receive(&self, most: usize) -> anyhow::Result<Vec<Message>> {
        let call = self.sqs.receive_message().queue_url(&self.dead_letters).wait_time_seconds(WAIT_S);
        let answer = call
            .max_number_of_messages(i32::try_from(most.min(BATCH_MAX)).unwrap_or(1))
            .visibility_timeout(i32::try_from(HELD_FOR.as_secs()).unwrap_or(i32::MAX))
            .message_attribute_names("All")
            .message_system_attribute_names(MessageSystemAttributeName::All)
            .send()
            .await;
        let answer = answer.map_err(told).with_context(|| format!("the dead letters in {}", self.region))?;
        Ok(answer.messages.unwrap_or_default())
    }

    fn held(&self, message: &Message) -> Held {
        let id = message.message_id().unwrap_or_default().to_owned();
        let text = |name: &str| message.message_attributes()?.get(name)?.string_value();
        let system = |name| message.attributes()?.get(&name).map(String::as_str);
        let attributes = Attributes {
            reason: text("reason"),
            source: text("source"),
            encoding: text("encoding"),
            error: text("ErrorMessage").or_else(|| text("ErrorCode")),
            moved_from: system(MessageSystemAttributeName::DeadLetterQueueSourceArn),
        };
        let raw = message.body().unwrap_or_default();
        let (body, damaged) = match decoded(raw, attributes.encoding) {
            Ok(body) => (body, None),
            // One letter keeps nobody from the others.
            Err(fault) => (raw.to_owned(), Some(fault.to_string())),
        };
        let sent = system(MessageSystemAttributeName::SentTimestamp).and_then(|ms| ms.parse().ok());
        let letter = Letter {
            id,
            region: self.region.clone(),
            queue: came_from(&attributes, &body),
            reason: reason(&attributes),
            at: Timestamp::from_millis(sent.unwrap_or_default()),
            undelivered: undelivered(&attributes, &body),
            body,
            damaged,
        };
        Held { letter, receipt: message.receipt_handle().map(str::to_owned) }
    }

    async fn let_go(&self, held: &[&Held]) -> anyhow::Result<()> {
        let own = held.iter().filter(|held| held.letter.region == self.region);
        let receipts: Vec<_> = own.filter_map(|held| held.receipt.clone()).collect();
        for batch in receipts.chunks(BATCH_MAX) {
            let entries: Result<Vec<_>, _> =
                batch.iter().enumerate().map(|(at, receipt)| visible(at, receipt)).collect();
            let call = self.sqs.change_message_visibility_batch().queue_url(&self.dead_letters);
            call.set_entries(Some(entries?)).send().await.map_err(told).with_context(|| {
                format!("letters in {} stay hidden for {} s", self.region, HELD_FOR.as_secs())
            })?;
        }
        Ok(())
    }
}

fn visible(
    at: usize,
    receipt: &str,
) -> Result<ChangeMessageVisibilityBatchRequestEntry, aws_sdk_sqs::error::BuildError> {
    ChangeMessageVisibilityBatchRequestEntry::builder()
        .id(at.to_string())
        .receipt_handle(receipt)
        .visibility_timeout(0)
        .build()
}

/// The address of one of the stage's queues.
async fn url(
    stage: &Stage,
    region: &Region,
    sqs: &aws_sdk_sqs::Client,
    queue: &str,
) -> anyhow::Result<String> {
    let name = stage.resource(queue);
    let found = sqs.get_queue_url().queue_name(&name).send().await;
    let found = found.map_err(told).with_context(|| format!("the queue {name} in {region}"))?;
    found.queue_url.with_context(|| format!("the queue {name} in {region} has no address"))
}

/// Puts a record on a queue, and returns once SQS has acknowledged it.
async fn send(stage: &Stage, region: &Region, queue: Source, body: &str) -> anyhow::Result<()> {
    let sqs = aws_sdk_sqs::Client::new(&stage.aws(region).await);
    let to = url(stage, region, &sqs, queue.as_str()).await?;
    let sent = sqs.send_message().queue_url(to).message_body(body).send().await;
    sent.map(drop)
        .map_err(told)
        .with_context(|| format!("the queue {} in {region} did not take it", queue.as_str()))
}
