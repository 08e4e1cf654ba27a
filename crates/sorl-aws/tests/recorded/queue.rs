//! The queue on SQS's answers.

use std::time::Duration;

use serde_json::{Value, json};
use sorl_aws::clients;
use sorl_aws::queue::AwsQueue;
use sorl_core::envelope::Slice;
use sorl_core::ports::{DeadLetter, Queue, RecordSource};
use sorl_core::time::Timestamp;

use crate::aws::{Answer, Aws};

const BULK: &str = "https://sqs.eu-north-1.amazonaws.com/123456789012/sorl-prod-bulk";
const DEAD_LETTERS: &str = "https://sqs.eu-north-1.amazonaws.com/123456789012/sorl-prod-dead-letters";

async fn queue(aws: &Aws) -> AwsQueue {
    let client = clients::sqs(&aws.configuration().await);
    AwsQueue::new(client, BULK.to_owned(), DEAD_LETTERS.to_owned())
}

fn slice(delay: Duration) -> Slice {
    let mut slice = Slice::new(Vec::new(), Vec::new(), Timestamp::from_millis(1_764_000_000_000));
    slice.delay = delay;
    slice
}

fn taken(done: &[usize], refused: &[usize]) -> Answer {
    let done: Vec<_> = done
        .iter()
        .map(|id| json!({"Id": id.to_string(), "MessageId": "m", "MD5OfMessageBody": "0"}))
        .collect();
    let refused: Vec<_> = refused
        .iter()
        .map(|id| json!({"Id": id.to_string(), "SenderFault": false, "Code": "InternalError", "Message": "no"}))
        .collect();
    Answer::Status(200, json!({"Successful": done, "Failed": refused}).to_string())
}

async fn failed(queue: &AwsQueue, slices: &[Slice]) -> Vec<usize> {
    queue.send(slices).await.map_or_else(|partial| partial.failed, |()| Vec::new())
}

fn asked(aws: &Aws) -> Value {
    serde_json::from_str(&aws.asked()[0].body).unwrap()
}

#[tokio::test]
async fn a_slice_is_held_back_for_its_delay_and_no_shorter() {
    let aws = Aws::answering([taken(&[0, 1, 2], &[])]);
    let delays = [Duration::ZERO, Duration::from_millis(1_001), Duration::from_hours(1)];
    assert!(failed(&queue(&aws).await, &delays.map(slice)).await.is_empty());
    let entries = asked(&aws)["Entries"].clone();
    assert_eq!([0, 1, 2].map(|n| entries[n]["DelaySeconds"].as_u64()), [Some(0), Some(2), Some(900)]);
    assert_eq!(asked(&aws)["QueueUrl"], BULK);
}

#[tokio::test]
async fn only_the_slice_that_sqs_refused_has_failed() {
    let aws = Aws::answering([taken(&[0, 2], &[1])]);
    let slices = [(); 3].map(|()| slice(Duration::ZERO));
    let partial = queue(&aws).await.send(&slices).await.unwrap_err();
    assert_eq!(partial.failed, [1]);
    assert!(partial.source.source.to_string().contains("InternalError"));
}

#[tokio::test]
async fn a_broken_call_is_tried_again_and_then_the_whole_batch_has_failed() {
    let aws = Aws::answering([Answer::Reset, taken(&[0], &[])]);
    assert!(failed(&queue(&aws).await, &[slice(Duration::ZERO)]).await.is_empty());
    let aws = Aws::answering([Answer::Status(500, "<html>".to_owned())]);
    assert_eq!(failed(&queue(&aws).await, &[slice(Duration::ZERO), slice(Duration::ZERO)]).await, [0, 1]);
    assert_eq!(aws.asked().len(), 3);
}

#[tokio::test]
async fn a_dead_letter_keeps_its_body_and_says_why_and_whence() {
    let aws = Aws::answering([Answer::Status(200, json!({"MessageId": "m"}).to_string())]);
    let letter = |body: &str| DeadLetter {
        source: RecordSource::Bulk,
        body: body.to_owned(),
        reason: "not a slice: \u{1}".to_owned(),
    };
    queue(&aws).await.bury(&letter("{ \"as\": \"it was\" }")).await.unwrap();
    let sent = asked(&aws);
    assert_eq!(sent["QueueUrl"], DEAD_LETTERS);
    assert_eq!(sent["MessageBody"], "{ \"as\": \"it was\" }");
    assert_eq!(sent["MessageAttributes"]["source"]["StringValue"], "bulk");
    assert_eq!(sent["MessageAttributes"]["reason"]["StringValue"], "not a slice: \u{fffd}");
    assert!(sent["MessageAttributes"]["encoding"].is_null());

    let aws = Aws::answering([Answer::Status(200, json!({"MessageId": "m"}).to_string())]);
    queue(&aws).await.bury(&letter("\u{0}")).await.unwrap();
    assert_eq!(asked(&aws)["MessageAttributes"]["encoding"]["StringValue"], "base64");
    assert_eq!(asked(&aws)["MessageBody"], "AA==");
}

#[tokio::test]
async fn a_dead_letter_that_sqs_does_not_take_is_not_buried() {
    let aws = Aws::answering([Answer::Silence]);
    let letter = DeadLetter { source: RecordSource::Live, body: "x".to_owned(), reason: "y".to_owned() };
    let queue = queue(&aws).await;
    let buried = tokio::time::timeout(Duration::from_secs(30), queue.bury(&letter)).await;
    assert!(buried.expect("in time").is_err());
}
