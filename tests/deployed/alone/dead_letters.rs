//! `sorl dlq` on the queues of a deployed stage. Alone, since other tests take letters out of them.

use std::time::Duration;

use serde_json::{Value, json};
use sorl_tests::names::unique;
use sorl_tests::program::{complaint, json as as_json, out, sorl_at};
use sorl_tests::stage::Stage;
use sorl_tests::within;

use crate::shared::stage;

/// Every listing takes all letters that the tests before left, ten at a time.
const PATIENCE: Duration = Duration::from_mins(2);

async fn listed(stage: &Stage, region: &str) -> Vec<Value> {
    let output = sorl_at(stage, &["dlq", "list", "--json", "--region", region]).await;
    as_json(&output).as_array().expect("a list").clone()
}

/// The letters that tell of this text.
async fn telling(stage: &Stage, region: &str, text: &str) -> Vec<Value> {
    let mut letters = listed(stage, region).await;
    letters.retain(|letter| letter["body"].as_str().is_some_and(|body| body.contains(text)));
    letters
}

#[tokio::test]
async fn letters_are_listed_without_being_hidden_then_redriven_and_purged_region_by_region() {
    let stage = stage().await;
    let [one, two, _] = stage.three();
    let text = unique("nobody-knows-where-to");
    let topic = stage.region(one).topic.clone();
    sorl_tests::sns::accepted(&stage.publish_to(&topic, &text, None).await);
    for region in stage.three() {
        within(PATIENCE, "a dead letter", async || {
            (telling(&stage, region, &text).await.len() == 1).then_some(())
        })
        .await;
        // Looked at again at once, it is still there: a listing hides nothing from the next.
        assert_eq!(telling(&stage, region, &text).await.len(), 1, "{region}");
    }
    let letter = telling(&stage, one, &text).await.remove(0);
    let id = letter["id"].as_str().unwrap();
    assert!(letter["reason"].as_str().is_some_and(|reason| !reason.is_empty()), "{letter}");
    let shown = out(&sorl_at(&stage, &["dlq", "show", id]).await);
    assert!(shown.contains(&text) && shown.contains(one), "{shown}");

    let done = as_json(&sorl_at(&stage, &["dlq", "redrive", id, "--json"]).await);
    assert_eq!(done, json!({"redriven": [id], "failed": []}));
    // It is no better than before, so it is buried again, in this region alone.
    let again =
        within(PATIENCE, "it is buried again", async || telling(&stage, one, &text).await.pop()).await;
    assert_ne!(again["id"], id);
    assert_eq!(telling(&stage, two, &text).await.len(), 1);

    let refused = sorl_at(&stage, &["dlq", "purge", "--all"]).await;
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    assert!(complaint(&refused).contains("--yes"), "{refused:?}");
    assert_eq!(telling(&stage, two, &text).await.len(), 1, "what was not purged is let go of");
    out(&sorl_at(&stage, &["dlq", "purge", "--all", "--yes"]).await);
    for region in stage.three() {
        assert_eq!(listed(&stage, region).await, Vec::<Value>::new(), "{region}");
    }
}
