//! `sorl doctor` on a server of the test's own, which is healthy until the test breaks it.

use serde_json::{Value, json};
use sorl_tests::eventually;
use sorl_tests::program::{json as as_json, out, sorl_at};
use sorl_tests::server::Launch;
use sorl_tests::stage::Stage;

async fn findings(stage: &Stage) -> Vec<Value> {
    let report = as_json(&sorl_at(stage, &["doctor", "--json"]).await);
    report["findings"].as_array().expect("findings").clone()
}

fn state<'f>(findings: &'f [Value], subject: &str) -> Vec<&'f str> {
    let of = findings.iter().filter(|finding| finding["subject"] == subject);
    of.map(|finding| finding["state"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_healthy_server_is_all_ok_and_what_goes_wrong_is_found_with_a_remedy() {
    let server = Launch::plain().start().await;
    let stage = &server.stage;
    let healthy = findings(stage).await;
    assert_eq!(state(&healthy, "connect"), ["ok"; 3]);
    assert!(healthy.iter().all(|finding| finding["state"] == "ok"), "{healthy:?}");

    let topic = &stage.region(stage.three()[0]).topic;
    sorl_tests::sns::accepted(&stage.publish_to(topic, "nobody knows where to", None).await);
    eventually("a dead letter in each region", async || {
        (stage.dead_letters().await.len() == 3).then_some(())
    })
    .await;
    stage.faults(json!({"cut": [stage.three()[1]], "throttle": 0.5})).await;
    let ill = findings(stage).await;
    assert_eq!(state(&ill, "dead-letters"), ["warning"; 3]);
    assert_eq!(state(&ill, "faults"), ["warning"]);
    let faults = ill.iter().find(|finding| finding["subject"] == "faults").unwrap();
    let what = faults["what"].as_str().unwrap();
    assert!(what.contains(stage.three()[1]) && what.contains("50 %"), "{what}");
    for finding in ill.iter().filter(|finding| finding["state"] != "ok") {
        assert!(finding["remedy"].as_str().is_some_and(|remedy| !remedy.is_empty()), "{finding}");
    }
}

#[tokio::test]
async fn a_report_without_a_terminal_has_no_colours_and_one_line_a_finding() {
    let server = Launch::plain().start().await;
    let text = out(&sorl_at(&server.stage, &["doctor"]).await);
    assert!(!text.contains('\u{1b}'), "{text}");
    assert!(text.contains("ok     connect"), "{text}");
    assert!(text.lines().last().unwrap().contains("0 fault"), "{text}");
}
