//! The bus on SNS's answers.

use std::time::Duration;

use serde_json::value::RawValue;
use sorl_aws::bus::AwsBus;
use sorl_aws::clients;
use sorl_core::envelope::Relayed;
use sorl_core::ids::{MessageId, Tail};
use sorl_core::message::Message;
use sorl_core::names::ChannelName;
use sorl_core::ports::Bus;
use sorl_core::region::Region;
use sorl_core::time::Timestamp;

use crate::aws::{Answer, Aws};

const TOPIC: &str = "arn:aws:sns:eu-north-1:123456789012:sorl-prod-relay";

async fn bus(aws: &Aws) -> AwsBus {
    AwsBus::new(clients::sns(&aws.configuration().await), TOPIC.to_owned())
}

fn items(data: &[&str]) -> Vec<Relayed> {
    let item = |(n, data): (usize, &&str)| {
        let id = MessageId::new(Timestamp::from_millis(1_764_000_000_000), 0, Tail::from_bits(n as u64));
        let data = RawValue::from_string((*data).to_owned()).unwrap();
        let channel = ChannelName::parse("room:1").unwrap();
        let message = Message::new(id, channel, data, None, Region::parse("eu-north-1").unwrap());
        Relayed::Message { message, ephemeral: false }
    };
    data.iter().enumerate().map(item).collect()
}

/// SNS's answer to a batch of which it took `done` and refused `refused`.
fn taken(done: &[usize], refused: &[usize]) -> Answer {
    let done: String = done
        .iter()
        .map(|id| format!("<member><Id>{id}</Id><MessageId>m-{id}</MessageId></member>"))
        .collect();
    let refused: String = refused
        .iter()
        .map(|id| {
            format!(
                "<member><Id>{id}</Id><Code>Throttled</Code><Message>Rate exceeded</Message>\
                 <SenderFault>false</SenderFault></member>"
            )
        })
        .collect();
    Answer::Status(
        200,
        format!(
            "<PublishBatchResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><PublishBatchResult>\
             <Failed>{refused}</Failed><Successful>{done}</Successful></PublishBatchResult>\
             <ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></PublishBatchResponse>"
        ),
    )
}

fn refused(status: u16, code: &str) -> Answer {
    Answer::Status(
        status,
        format!(
            "<ErrorResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><Error><Type>Sender</Type>\
             <Code>{code}</Code><Message>Rate exceeded</Message></Error><RequestId>r</RequestId></ErrorResponse>"
        ),
    )
}

async fn failed(bus: &AwsBus, items: &[Relayed]) -> Vec<usize> {
    bus.publish(items).await.map_or_else(|partial| partial.failed, |()| Vec::new())
}

#[tokio::test]
async fn what_sns_took_is_published_with_an_attribute_and_without_what_a_queue_refuses() {
    let aws = Aws::answering([taken(&[0], &[])]);
    assert!(failed(&bus(&aws).await, &items(&["\"a\u{ffff}\""])).await.is_empty());
    let body = aws.asked()[0].body.clone();
    assert!(body.contains("MessageAttributes.entry.1.Name=kind"), "{body}");
    // The escape of U+FFFF, as a form writes it.
    assert!(body.contains("a%5Cuffff%22") && !body.contains("%EF%BF%BF"), "{body}");
}

#[tokio::test]
async fn only_the_entries_that_sns_refused_have_failed() {
    let aws = Aws::answering([taken(&[0, 2], &[1])]);
    let partial = bus(&aws).await.publish(&items(&["1", "2", "3"])).await.unwrap_err();
    assert_eq!(partial.failed, [1]);
    assert!(partial.source.source.to_string().contains("Throttled"));
    assert_eq!(aws.asked().len(), 1, "an entry is its caller's to try again");
}

#[tokio::test]
async fn an_entry_that_sns_does_not_name_has_failed() {
    let aws = Aws::answering([taken(&[1], &[])]);
    assert_eq!(failed(&bus(&aws).await, &items(&["1", "2"])).await, [0]);
}

#[tokio::test]
async fn a_throttled_call_is_tried_again_and_then_the_whole_batch_has_failed() {
    for (status, code) in [(429, "Throttled"), (400, "Throttling")] {
        let aws = Aws::answering([refused(status, code), taken(&[0, 1], &[])]);
        assert!(failed(&bus(&aws).await, &items(&["1", "2"])).await.is_empty(), "{code}");
        let aws = Aws::answering([refused(status, code)]);
        assert_eq!(failed(&bus(&aws).await, &items(&["1", "2"])).await, [0, 1]);
        assert_eq!(aws.asked().len(), 3, "{code}");
    }
}

#[tokio::test]
async fn only_the_batch_that_failed_has_failed() {
    let aws = Aws::answering([taken(&(0..10).collect::<Vec<_>>(), &[]), refused(400, "InvalidParameter")]);
    assert_eq!(failed(&bus(&aws).await, &items(&["1"; 12])).await, [10, 11]);
}

#[tokio::test]
async fn an_item_too_large_for_a_topic_fails_alone() {
    let aws = Aws::answering([taken(&[0, 2], &[])]);
    let large = format!("\"{}\"", "x".repeat(256 * 1024));
    assert_eq!(failed(&bus(&aws).await, &items(&["1", &large, "3"])).await, [1]);
}

#[tokio::test]
async fn answers_in_time() {
    let aws = Aws::answering([Answer::Silence]);
    let bus = bus(&aws).await;
    let failed = tokio::time::timeout(Duration::from_secs(30), failed(&bus, &items(&["1"]))).await;
    assert_eq!(failed.unwrap(), [0]);
}
