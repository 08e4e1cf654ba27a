//! SNS's own API at `POST /`: `Publish` and `PublishBatch`, as any AWS SDK calls them, with any credentials.
//!
//! Not what Sorl makes of a message (`sorl_core::envelope`). Invariant: what is answered with a message id was
//! accepted by the topic, durably where the store is; the entries of one batch reach each queue together.

mod answer;
mod form;
mod publication;

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use bytes::Bytes;
use sorl_core::envelope::{Topic, TopicArn};
use sorl_core::limits::{BATCH_MAX, SNS_BYTES_MAX};
use sorl_metrics::outcomes;

use answer::{EntryOutcome, SnsFault};
use form::Form;
use publication::Publication;

use crate::clock::random_uuid;
use crate::stage::Stage;
use crate::topics::{Notice, NoticeAttribute, PublishError};

/// Characters of an entry's id.
const ENTRY_ID_LEN_MAX: usize = 80;

/// `POST /`.
pub(super) async fn call(State(stage): State<Arc<Stage>>, body: Bytes) -> Response {
    let request_id = random_uuid(stage.entropy.as_ref());
    match answer_call(&stage, &body, &request_id).await {
        Ok(response) => response,
        Err(fault) => {
            tracing::info!(outcome = "refused", code = fault.code, reason = fault.message, "publish");
            answer::refused(&fault, &request_id)
        }
    }
}

/// What a call brings, as far as its body says: each message that SNS would accept, without an id. For who throws
/// bytes at it; [`call`] also tells what is wrong with the others.
#[must_use]
pub fn read_notices(body: &[u8]) -> Vec<Notice> {
    let form = Form::parse(body).unwrap_or_default();
    let entries = match form.text("Action") {
        Some("Publish") => vec![form],
        Some("PublishBatch") => {
            let entries = form.list("PublishBatchRequestEntries.member");
            if entry_ids(&entries).is_ok() { entries } else { Vec::new() }
        }
        _ => Vec::new(),
    };
    let read = entries.iter().filter_map(|entry| Publication::read(entry).ok());
    read.map(|publication| notice(String::new(), publication)).collect()
}

async fn answer_call(stage: &Stage, body: &[u8], request_id: &str) -> Result<Response, SnsFault> {
    let form = Form::parse(body).ok_or_else(|| SnsFault::new("MalformedQueryString", "Too many fields"))?;
    match form.text("Action") {
        Some("Publish") => publish(stage, &form, request_id).await,
        Some("PublishBatch") => publish_batch(stage, &form, request_id).await,
        Some(other) => {
            let other: String = other.chars().take(80).collect();
            Err(SnsFault::new(
                "InvalidAction",
                format!("The action {other} is not valid for this web service."),
            ))
        }
        None => Err(SnsFault::new("MissingAction", "The request must contain the parameter Action.")),
    }
}

async fn publish(stage: &Stage, form: &Form, request_id: &str) -> Result<Response, SnsFault> {
    let topic = topic(stage, form)?;
    let notice = notice(random_uuid(stage.entropy.as_ref()), Publication::read(form)?);
    accept(stage, &topic, std::slice::from_ref(&notice)).await?;
    Ok(answer::published(&notice.message_id, request_id))
}

async fn publish_batch(stage: &Stage, form: &Form, request_id: &str) -> Result<Response, SnsFault> {
    let topic = topic(stage, form)?;
    let entries = form.list("PublishBatchRequestEntries.member");
    let ids = entry_ids(&entries)?;
    let read: Vec<_> = entries.iter().map(Publication::read).collect();
    let total: usize = read.iter().flatten().map(Publication::size).sum();
    if total > SNS_BYTES_MAX {
        return Err(SnsFault::new(
            "BatchRequestTooLong",
            "The length of all the messages put together is more than the limit.",
        ));
    }
    let mut notices = Vec::new();
    let outcomes: Vec<_> = ids
        .into_iter()
        .zip(read)
        .map(|(id, read)| {
            let outcome = read.map(|publication| {
                let message_id = random_uuid(stage.entropy.as_ref());
                let notice = notice(message_id.clone(), publication);
                notices.push(notice);
                message_id
            });
            EntryOutcome { id, outcome }
        })
        .collect();
    accept(stage, &topic, &notices).await?;
    Ok(answer::batch_published(&outcomes, request_id))
}

/// The topic that the request names, which exists and may be published to.
fn topic(stage: &Stage, form: &Form) -> Result<TopicArn, SnsFault> {
    let text = form
        .text("TopicArn")
        .or_else(|| form.text("TargetArn"))
        .ok_or_else(|| SnsFault::invalid("TopicArn or TargetArn Reason: no value for required parameter"))?;
    if !text.starts_with("arn:") || text.split(':').count() != 6 {
        return Err(SnsFault::invalid("TopicArn Reason: An ARN must have 6 elements and begin with arn"));
    }
    let missing = || SnsFault::new("NotFound", "Topic does not exist").with_status(StatusCode::NOT_FOUND);
    let arn = TopicArn::parse(text).filter(|arn| stage.world.topics().exists(arn)).ok_or_else(missing)?;
    if arn.topic == Topic::Relay {
        let denied = format!("User is not authorized to perform: SNS:Publish on resource: {arn}");
        return Err(SnsFault::new("AuthorizationError", denied).with_status(StatusCode::FORBIDDEN));
    }
    Ok(arn)
}

fn entry_ids(entries: &[Form]) -> Result<Vec<String>, SnsFault> {
    if entries.is_empty() {
        return Err(SnsFault::new("EmptyBatchRequest", "The batch request does not contain any entries."));
    }
    if entries.len() > BATCH_MAX {
        return Err(SnsFault::new(
            "TooManyEntriesInBatchRequest",
            "The batch request contains more entries than permissible.",
        ));
    }
    let ids: Vec<_> = entries.iter().map(|entry| entry.text("Id").unwrap_or_default().to_owned()).collect();
    if !ids.iter().all(|id| is_entry_id(id)) {
        return Err(SnsFault::new(
            "InvalidBatchEntryId",
            "The Id of a batch entry in a batch request doesn't abide by the specification.",
        ));
    }
    if ids.iter().collect::<BTreeSet<_>>().len() < ids.len() {
        return Err(SnsFault::new(
            "BatchEntryIdsNotDistinct",
            "Two or more batch entries in the request have the same Id.",
        ));
    }
    Ok(ids)
}

fn is_entry_id(id: &str) -> bool {
    (1..=ENTRY_ID_LEN_MAX).contains(&id.len())
        && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

fn notice(message_id: String, publication: Publication) -> Notice {
    let attributes = publication.attributes.into_iter().map(|(name, attribute)| {
        let value = NoticeAttribute { kind: attribute.kind, value: attribute.value };
        (name, value)
    });
    Notice {
        message_id,
        message: publication.message,
        subject: publication.subject,
        attributes: attributes.collect(),
    }
}

async fn accept(stage: &Stage, topic: &TopicArn, notices: &[Notice]) -> Result<(), SnsFault> {
    if notices.is_empty() {
        return Ok(());
    }
    stage.world.topics().publish(topic, notices).await.map_err(|fault| refusal(&fault))?;
    if let Some(station) = stage.station(topic.region.as_str()) {
        station.metered.tab.published(notices.iter().map(|notice| notice.message.len()).sum());
    }
    if topic.topic == Topic::Messages {
        stage.metrics.take(&topic.region, &outcomes::accepted_by_sns(notices.len()));
    }
    tracing::info!(outcome = "accepted", %topic, messages = notices.len(), "publish");
    Ok(())
}

fn refusal(fault: &PublishError) -> SnsFault {
    match fault {
        PublishError::UnknownTopic(_) => {
            SnsFault::new("NotFound", "Topic does not exist").with_status(StatusCode::NOT_FOUND)
        }
        PublishError::Throttled => {
            SnsFault::new("Throttled", "Rate exceeded").with_status(StatusCode::TOO_MANY_REQUESTS)
        }
        PublishError::Store(source) => {
            tracing::error!(%source, "a publish could not be stored");
            SnsFault::new("InternalError", "The request could not be stored; try again")
                .with_status(StatusCode::INTERNAL_SERVER_ERROR)
        }
    }
}
