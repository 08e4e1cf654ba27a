//! Batches, what DynamoDB leaves over of them, and what fails.

use serde_json::{Value, json};

use sorl_core::ports::Log;

use super::{TABLE, entry, id, log, row};
use crate::table::recorded::{Answer, Recorded};

fn done() -> Answer {
    Answer::ok(json!({"UnprocessedItems": {}}))
}

fn left_over(numbers: &[u64]) -> Answer {
    let requests: Vec<_> = numbers.iter().map(|n| json!({"PutRequest": {"Item": row(*n)}})).collect();
    Answer::ok(json!({"UnprocessedItems": {TABLE: requests}}))
}

fn written(body: &Value) -> Vec<Value> {
    let requests = body["RequestItems"][TABLE].as_array().unwrap();
    requests.iter().map(|request| request["PutRequest"]["Item"].clone()).collect()
}

#[tokio::test]
async fn a_key_stands_once_in_a_batch_and_a_message_as_it_is_in_frames() {
    let recorded = Recorded::new([done()]);
    log(&recorded).append(&[entry(1), entry(2), entry(1)]).await.unwrap();
    assert_eq!(written(&recorded.asked()[0].body), [row(1), row(2)]);
}

#[tokio::test]
async fn nothing_is_asked_for_nothing() {
    log(&Recorded::new([])).append(&[]).await.unwrap();
}

#[tokio::test]
async fn batches_have_25_rows() {
    let recorded = Recorded::new([done(), done(), done()]);
    let entries: Vec<_> = (0..60).map(entry).collect();
    log(&recorded).append(&entries).await.unwrap();
    let mut sizes: Vec<_> = recorded.asked().iter().map(|asked| written(&asked.body).len()).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [10, 25, 25]);
}

#[tokio::test]
async fn what_is_left_over_is_written_again_and_nothing_else() {
    let recorded = Recorded::new([left_over(&[2]), done()]);
    log(&recorded).append(&[entry(1), entry(2), entry(3)]).await.unwrap();
    assert_eq!(written(&recorded.asked()[1].body), [row(2)]);
    assert_eq!(recorded.operations(), ["BatchWriteItem"; 2]);
}

#[tokio::test]
async fn what_is_left_over_for_good_is_named() {
    let recorded = Recorded::new(vec![left_over(&[2]); 6]);
    let partial = log(&recorded).append(&[entry(1), entry(2), entry(3), entry(2)]).await.unwrap_err();
    assert_eq!(partial.failed, [1, 3]);
    assert_eq!(recorded.asked().len(), 6);
}

#[tokio::test]
async fn what_is_left_over_in_other_words_is_all_of_it() {
    let strange = Answer::ok(json!({"UnprocessedItems": {TABLE: [{"DeleteRequest": {"Key": {}}}]}}));
    let recorded = Recorded::new([strange, done()]);
    log(&recorded).append(&[entry(1), entry(2)]).await.unwrap();
    assert_eq!(written(&recorded.asked()[1].body).len(), 2);
}

#[tokio::test]
async fn a_batch_that_fails_harms_no_other() {
    // Whichever batch comes first is refused, which is not retried.
    let recorded = Recorded::new([Answer::fault("ValidationException"), done()]);
    let entries: Vec<_> = (0..50).map(entry).collect();
    let partial = log(&recorded).append(&entries).await.unwrap_err();
    assert_eq!(partial.failed.len(), 25);
    let refused = written(&recorded.asked()[0].body);
    for index in partial.failed {
        let sort_key = json!({"S": id(index as u64).to_string()});
        assert!(refused.iter().any(|item| item["sk"] == sort_key), "{index} was in the refused batch");
    }
}

#[tokio::test]
async fn throttles_and_resets_pass_or_fail_the_whole_batch() {
    for passing in [Answer::throttled(), Answer::Reset, Answer::Text(500, "oops")] {
        let recorded = Recorded::new([passing.clone(), done()]);
        log(&recorded).append(&[entry(1)]).await.unwrap();
        let recorded = Recorded::new(vec![passing; 3]);
        let partial = log(&recorded).append(&[entry(1), entry(2)]).await.unwrap_err();
        assert_eq!(partial.failed, [0, 1]);
        assert_eq!(recorded.asked().len(), 3);
    }
}
