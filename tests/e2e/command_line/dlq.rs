//! Dead letters by command, on a server of the test's own: others bury theirs on the shared one.

use serde_json::{Value, json};
use sorl_tests::eventually;
use sorl_tests::program::{complaint, json as as_json, out, sorl, sorl_at};
use sorl_tests::server::{Launch, Server};
use sorl_tests::stage::Stage;

/// A server in each of whose three regions a letter lies, since nobody knows where its message was to go.
async fn with_letters() -> Server {
    let server = Launch::plain().start().await;
    let stage = &server.stage;
    let topic = &stage.region(stage.three()[0]).topic;
    sorl_tests::sns::accepted(&stage.publish_to(topic, "nobody knows where to", None).await);
    eventually("a dead letter in each region", async || (listed(stage, &[]).await.len() == 3).then_some(()))
        .await;
    server
}

async fn listed(stage: &Stage, more: &[&str]) -> Vec<Value> {
    let output = sorl_at(stage, &[&["dlq", "list", "--json"][..], more].concat()).await;
    as_json(&output).as_array().expect("a list").clone()
}

#[tokio::test]
async fn letters_are_listed_by_region_with_reasons_and_shown_whole() {
    let server = with_letters().await;
    let stage = &server.stage;
    let [one, two, _] = stage.three();
    let here = listed(stage, &["--region", two]).await;
    assert_eq!((here.len(), &here[0]["region"], &here[0]["queue"]), (1, &json!(two), &json!("live")));
    assert_eq!(listed(stage, &["--region", one, "--region", two]).await.len(), 2);
    let table = out(&sorl_at(stage, &["dlq", "list"]).await);
    assert!(
        table.contains(here[0]["reason"].as_str().unwrap()) && table.ends_with("3 dead letters"),
        "{table}"
    );
    let shown = out(&sorl_at(stage, &["dlq", "show", here[0]["id"].as_str().unwrap()]).await);
    assert!(shown.contains("nobody knows where to") && shown.contains(two), "{shown}");
    let missing = sorl_at(stage, &["dlq", "show", "zz"]).await;
    assert_eq!(missing.status.code(), Some(1));
    assert!(complaint(&missing).contains("sorl dlq list"), "{missing:?}");
}

#[tokio::test]
async fn a_redriven_letter_is_handled_again_in_its_region_alone() {
    let server = with_letters().await;
    let stage = &server.stage;
    let [one, two, _] = stage.three();
    let before = listed(stage, &[]).await;
    let done = as_json(&sorl_at(stage, &["dlq", "redrive", "--all", "--region", one, "--json"]).await);
    assert_eq!((done["redriven"].as_array().unwrap().len(), &done["failed"]), (1, &json!([])));
    // It is no better than before, so it is buried again, under another id.
    let of = |letters: &[Value], region: &str| {
        letters.iter().find(|letter| letter["region"] == region).map(|letter| letter["id"].clone())
    };
    let after = eventually("it is buried again", async || {
        let after = listed(stage, &[]).await;
        (after.len() == 3).then_some(after)
    })
    .await;
    assert_ne!(of(&after, one), of(&before, one));
    assert_eq!(of(&after, two), of(&before, two));
}

#[tokio::test]
async fn nothing_is_purged_without_a_word_and_then_only_what_was_meant() {
    let server = with_letters().await;
    let stage = &server.stage;
    let refused = sorl_at(stage, &["dlq", "purge", "--all"]).await;
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    assert!(
        complaint(&refused).contains("--yes") && complaint(&refused).contains("3 dead letters"),
        "{refused:?}"
    );
    let spared = sorl_at(stage, &["dlq", "purge", "--all", "--yes", "--reason", "of another kind"]).await;
    assert_eq!(out(&spared), "0 letters purged");
    assert_eq!(listed(stage, &[]).await.len(), 3);
    let region = stage.three()[2];
    assert_eq!(
        out(&sorl_at(stage, &["dlq", "purge", "--all", "--yes", "--region", region]).await),
        "1 letter purged"
    );
    let left = listed(stage, &[]).await;
    assert!(left.len() == 2 && left.iter().all(|letter| letter["region"] != region), "{left:?}");
    let which = sorl(&["dlq", "purge", "--yes"]).await;
    assert_eq!(which.status.code(), Some(2), "somebody says what is purged: {which:?}");
}
