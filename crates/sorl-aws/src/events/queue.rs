//! SQS's batches, and which records of them Lambda shall leave in their queue.
//!
//! The invariant: a record is either handed to `deliver` or named as failed. Bodies are texts here, whatever they
//! hold: reading them, each alone, is `deliver`'s.

use serde::{Deserialize, Serialize};
use sorl_core::deliver::Record;
use sorl_core::ports::RecordSource;

/// A batch of records of one queue.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct QueueEvent {
    #[serde(rename = "Records")]
    records: Vec<Received>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Received {
    message_id: String,
    body: Option<String>,
    #[serde(rename = "eventSourceARN")]
    event_source_arn: String,
}

impl QueueEvent {
    /// The records of the two queues that Sorl knows, and the ids of records of any other, which wait there until
    /// somebody sees to the deployment.
    #[must_use]
    pub fn records(self) -> (Vec<Record>, Vec<String>) {
        let (mut records, mut strangers) = (Vec::new(), Vec::new());
        for Received { message_id: id, body, event_source_arn } in self.records {
            match source(&event_source_arn) {
                Some(source) => records.push(Record { id, source, body: body.unwrap_or_default() }),
                None => strangers.push(id),
            }
        }
        (records, strangers)
    }
}

fn source(arn: &str) -> Option<RecordSource> {
    let (_, name) = arn.rsplit_once(':')?;
    let (_, queue) = name.rsplit_once('-')?;
    match queue {
        "live" => Some(RecordSource::Live),
        "bulk" => Some(RecordSource::Bulk),
        _ => None,
    }
}

/// The records that were not done with; Lambda deletes all others.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct QueueAnswer {
    batch_item_failures: Vec<Failure>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Failure {
    item_identifier: String,
}

impl QueueAnswer {
    /// All records but these are done with.
    #[must_use]
    pub fn failed(ids: impl IntoIterator<Item = String>) -> Self {
        let failures = ids.into_iter().map(|item_identifier| Failure { item_identifier });
        Self { batch_item_failures: failures.collect() }
    }
}
