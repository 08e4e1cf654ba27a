//! Ranges, single messages and late marks.

use std::time::Duration;

use serde_json::{Value, json};
use sorl_core::ids::MessageId;
use sorl_core::ports::{LateMark, Log, LogQuery, Order};

use super::{NOW, entry, id, ids, key, log, room, row};
use crate::table::recorded::{Answer, Recorded};

fn query(limit: usize) -> LogQuery {
    LogQuery { channel: room(), after: None, before: None, order: Order::Ascending, limit }
}

fn rows(numbers: &[u64]) -> Value {
    json!({"Items": numbers.iter().map(|n| row(*n)).collect::<Vec<_>>()})
}

fn rows_and_more(numbers: &[u64]) -> Answer {
    let mut page = rows(numbers);
    page["LastEvaluatedKey"] = numbers.last().map_or_else(|| key(0), |last| key(*last));
    Answer::ok(page)
}

#[tokio::test]
async fn a_message_reads_back_byte_for_byte() {
    let recorded = Recorded::new([Answer::ok(rows(&[1]))]);
    let page = log(&recorded).range(&query(10)).await.unwrap();
    assert_eq!(page.entries[0].message.to_json(), entry(1).message.to_json());
    assert_eq!(page.entries[0].expires_at, entry(1).expires_at);
}

#[tokio::test]
async fn a_range_is_asked_strongly_consistent_between_its_bounds() {
    let recorded = Recorded::new([Answer::ok(rows(&[])), Answer::ok(rows(&[]))]);
    let log = log(&recorded);
    log.range(&query(10)).await.unwrap();
    let within = LogQuery { after: Some(id(1)), before: Some(id(5)), order: Order::Descending, ..query(1) };
    log.range(&within).await.unwrap();
    let asked = recorded.asked();
    assert_eq!(asked[0].body["ExpressionAttributeValues"][":pk"], json!({"S": "room:1"}));
    assert_eq!((&asked[0].body["Limit"], &asked[1].body["Limit"]), (&json!(11), &json!(2)));
    assert!(asked.iter().all(|asked| asked.operation == "Query" && asked.body["ConsistentRead"] == true));
    let bounds = &asked[1].body["ExpressionAttributeValues"];
    let (from, to) = (bounds[":from"]["S"].as_str().unwrap(), bounds[":to"]["S"].as_str().unwrap());
    let lies_within = |n: u64| (from..=to).contains(&id(n).to_string().as_str());
    assert_eq!([1, 2, 4, 5].map(lies_within), [false, true, true, false]);
    assert_eq!(asked[1].body["ScanIndexForward"], false);
}

#[tokio::test]
async fn an_empty_range_is_not_asked() {
    let log = log(&Recorded::new([]));
    for (after, before) in [(5, 5), (5, 1), (1, 2)] {
        let empty = LogQuery { after: Some(id(after)), before: Some(id(before)), ..query(1) };
        assert!(log.range(&empty).await.unwrap().entries.is_empty());
    }
}

#[tokio::test]
async fn more_is_said_only_with_evidence() {
    let cases: [(Vec<Answer>, usize, &[u64], bool); 6] = [
        (vec![Answer::ok(rows(&[1, 2]))], 2, &[1, 2], false),
        (vec![rows_and_more(&[1, 2, 3])], 2, &[1, 2], true),
        (vec![rows_and_more(&[1, 2])], 1, &[1], true),
        // A page that DynamoDB ended early: its last row is kept back.
        (vec![rows_and_more(&[1, 2, 3])], 9, &[1, 2], true),
        (vec![rows_and_more(&[1]), Answer::ok(rows(&[]))], 9, &[1], false),
        (vec![rows_and_more(&[]), rows_and_more(&[1]), Answer::ok(rows(&[2]))], 9, &[1, 2], false),
    ];
    for (number, (answers, limit, shown, more)) in cases.into_iter().enumerate() {
        let recorded = Recorded::new(answers);
        let page = log(&recorded).range(&query(limit)).await.unwrap();
        let expected: Vec<_> = shown.iter().map(|n| id(*n)).collect();
        assert_eq!((ids(&page.entries), page.more), (expected, more), "case {number}");
        recorded.asked();
    }
}

#[tokio::test]
async fn an_unreadable_message_is_left_out_and_the_page_goes_on() {
    let strange = json!({"pk": {"S": "room:1"}, "sk": {"S": id(1).to_string()}, "message": {"S": "{}"}});
    let recorded = Recorded::new([
        Answer::ok(json!({"Items": [strange], "LastEvaluatedKey": key(1)})),
        Answer::ok(json!({"Items": [strange, row(2)]})),
    ]);
    let page = log(&recorded).range(&query(1)).await.unwrap();
    assert_eq!((ids(&page.entries), page.more), (vec![id(2)], false));
    assert_eq!(recorded.asked()[1].body["ExclusiveStartKey"], key(1));
}

#[tokio::test]
async fn single_messages_are_asked_for_by_their_keys_each_once() {
    let recorded = Recorded::new([Answer::ok(rows(&[1])), Answer::ok(rows(&[])), Answer::ok(rows(&[3]))]);
    let entries = log(&recorded).read(&room(), &[id(3), id(1), id(2), id(3)]).await.unwrap();
    assert_eq!(ids(&entries), [id(1), id(3)]);
    let asked = recorded.asked();
    let sort_keys: Vec<_> =
        asked.iter().map(|asked| &asked.body["ExpressionAttributeValues"][":sk"]["S"]).collect();
    assert_eq!(sort_keys, [1, 2, 3].map(|n| id(n).to_string()).each_ref());
    assert!(asked.iter().all(|asked| asked.operation == "Query" && asked.body["ConsistentRead"] == true));
}

fn mark(ids: Vec<MessageId>) -> LateMark {
    LateMark { channel: room(), at: NOW, ids, expires_at: NOW.plus(Duration::from_secs(60)) }
}

#[tokio::test]
async fn what_a_mark_was_written_as_is_what_it_names() {
    let written = Recorded::new([Answer::ok(json!({}))]);
    log(&written).mark(&mark(vec![id(2), id(1)])).await.unwrap();
    let item = written.asked()[0].body["Item"].clone();
    assert_eq!(item["pk"], json!({"S": "room:1#marks"}));

    let read = Recorded::new(vec![Answer::ok(json!({"Items": [item]})); 2]);
    let log = log(&read);
    let marks = log.marks(&room(), NOW, NOW, 10).await.unwrap();
    assert_eq!((marks.ids, marks.truncated), (vec![id(1), id(2)], false));
    let expired = NOW.plus(Duration::from_secs(60));
    assert!(log.marks(&room(), NOW, expired, 10).await.unwrap().ids.is_empty());
    let body = &read.asked()[0].body;
    assert_eq!(body["ConsistentRead"], true);
    let from = body["ExpressionAttributeValues"][":from"]["S"].as_str().unwrap();
    let sort_key = item["sk"]["S"].as_str().unwrap();
    assert!(sort_key < from, "a mark of that very moment is not later");
}

#[tokio::test]
async fn marks_are_read_to_the_end_or_to_the_limit() {
    let mark = |n: u64| json!({"sk": {"S": n.to_string()}, "ids": {"S": id(n).to_string()}, "expires_ms": {"N": "1764000060500"}});
    let answers = || {
        let next = json!({"pk": {"S": "room:1#marks"}, "sk": {"S": "2"}});
        [
            Answer::ok(json!({"Items": [mark(1), mark(2)], "LastEvaluatedKey": next})),
            Answer::ok(json!({"Items": [mark(3)]})),
        ]
    };
    let recorded = Recorded::new(answers());
    let marks = log(&recorded).marks(&room(), NOW, NOW, 3).await.unwrap();
    assert_eq!((marks.ids, marks.truncated), (vec![id(1), id(2), id(3)], false));
    let recorded = Recorded::new(answers().into_iter().take(1));
    let marks = log(&recorded).marks(&room(), NOW, NOW, 1).await.unwrap();
    assert_eq!((marks.ids, marks.truncated), (vec![id(1)], true));
    assert_eq!(recorded.asked()[0].body["Limit"], 2);
}

#[tokio::test]
async fn a_mark_that_cannot_be_read_is_not_passed_over() {
    for strange in [json!({"sk": {"S": "1"}}), json!({"ids": {"S": "x"}, "expires_ms": {"N": "9"}})] {
        let recorded = Recorded::new([Answer::ok(json!({"Items": [strange]}))]);
        assert!(log(&recorded).marks(&room(), NOW, NOW, 10).await.unwrap().truncated);
    }
}

#[tokio::test]
async fn reads_that_fail_are_unavailable() {
    let recorded = Recorded::new(vec![Answer::throttled(); 3]);
    assert!(log(&recorded).range(&query(1)).await.is_err());
    let recorded = Recorded::new(vec![Answer::Reset; 3]);
    assert!(log(&recorded).marks(&room(), NOW, NOW, 1).await.is_err());
    let recorded = Recorded::new(vec![Answer::Text(500, "oops"); 3]);
    assert!(log(&recorded).mark(&mark(vec![id(1)])).await.is_err());
}
