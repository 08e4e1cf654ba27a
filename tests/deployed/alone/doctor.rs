//! `sorl doctor` and `sorl check --against` of a deployed stage. Alone, since the test takes a subscription away, and
//! gives it back.

use serde_json::{Value, json};
use sorl_tests::program::{json as as_json, out, sorl_at, sorl_on_aws};
use sorl_tests::server::{Folder, repository};
use sorl_tests::sns::elements;
use sorl_tests::stage::Stage;

use crate::shared::stage;

async fn findings(stage: &Stage) -> (Option<i32>, Vec<Value>) {
    let output = sorl_at(stage, &["doctor", "--json"]).await;
    let report = as_json(&output);
    (output.status.code(), report["findings"].as_array().expect("findings").clone())
}

fn of<'f>(findings: &'f [Value], subject: &str) -> Vec<&'f Value> {
    findings.iter().filter(|finding| finding["subject"] == subject).collect()
}

#[tokio::test]
async fn a_stage_is_healthy_and_a_subscription_that_is_gone_is_a_fault() {
    let stage = stage().await;
    out(&sorl_at(&stage, &["dlq", "purge", "--all", "--yes"]).await);
    let (code, healthy) = findings(&stage).await;
    for subject in ["stacks", "subscriptions", "tables", "secret", "connect", "clock", "dead-letters"] {
        let found = of(&healthy, subject);
        assert!(found.len() >= 3, "{subject}: one a region: {found:?}");
        assert!(found.iter().all(|finding| finding["state"] == "ok"), "{found:?}");
    }
    // The emulator has no quotas to tell, so they are unknown, and never ok.
    let quotas = of(&healthy, "quotas");
    assert_eq!(quotas.len(), 9, "{quotas:?}");
    assert!(
        quotas.iter().all(|finding| finding["state"] == "unknown" && finding["remedy"].is_string()),
        "{quotas:?}"
    );
    assert_eq!(code, Some(0));

    let [here, there, _] = stage.three();
    let taken = Link::between(&stage, here, there).await;
    taken.cut().await;
    let (code, ill) = findings(&stage).await;
    taken.mend().await;
    let faults: Vec<_> = ill.iter().filter(|finding| finding["state"] == "fault").collect();
    assert_eq!((code, faults.len()), (Some(1), 1), "{faults:?}");
    assert_eq!((&faults[0]["subject"], &faults[0]["region"]), (&json!("subscriptions"), &json!(here)));
    assert!(faults[0]["what"].as_str().unwrap().contains(there), "{faults:?}");
    assert!(faults[0]["remedy"].as_str().unwrap().contains("make deploy"), "{faults:?}");
    assert_eq!(findings(&stage).await.0, Some(0), "it is mended");
}

#[tokio::test]
async fn check_tells_what_deploying_a_configuration_would_change() {
    let stage = stage().await;
    let name = stage.deployed().stage.clone();
    let same = repository().join("tests/e2e/sorl.toml").display().to_string();
    let against = ["--against", &name, "--endpoint-url", &stage.url, "--json"];
    let unchanged = as_json(&sorl_on_aws(&[&["check", same.as_str()][..], &against[..]].concat()).await);
    assert_eq!(unchanged["changes"], json!([]), "{unchanged}");

    let folder = Folder::new("check-against");
    let file = folder.path().join("sorl.toml");
    let text = std::fs::read_to_string(&same).unwrap().replace("shards = 4", "shards = 8");
    std::fs::write(&file, text).unwrap();
    let file = file.display().to_string();
    let output = sorl_on_aws(&[&["check", file.as_str()][..], &against[..]].concat()).await;
    let changes = as_json(&output)["changes"].as_array().unwrap().clone();
    assert!(changes.iter().any(|change| change["level"] == "fault" && change["of"] == "namespaces.sharded"));
    assert_eq!(output.status.code(), Some(1), "{output:?}");
}

/// The subscription by which one region's `relay` reaches another's queue.
struct Link<'s> {
    stage: &'s Stage,
    here: &'s str,
    topic: String,
    queue: String,
    arn: String,
    redrive: String,
}

impl<'s> Link<'s> {
    async fn between(stage: &'s Stage, here: &'s str, there: &str) -> Self {
        let topic = stage.sibling(here, "relay");
        let listed = sns(stage, here, &[("Action", "ListSubscriptionsByTopic"), ("TopicArn", &topic)]).await;
        let name = format!(":sqs:{there}:");
        let members = elements(&listed, "member");
        let member = members.into_iter().find(|member| member.contains(&name)).expect("the subscription");
        let text = |name| elements(member, name).next().expect("it is told").to_owned();
        let (queue, arn) = (text("Endpoint"), text("SubscriptionArn"));
        let redrive = format!(
            "{{\"deadLetterTargetArn\":\"{}\"}}",
            queue.replace(there, here).replace("-live", "-dead-letters")
        );
        Self { stage, here, topic, queue, arn, redrive }
    }

    async fn cut(&self) {
        sns(self.stage, self.here, &[("Action", "Unsubscribe"), ("SubscriptionArn", &self.arn)]).await;
    }

    async fn mend(&self) {
        let fields = [
            ("Action", "Subscribe"),
            ("TopicArn", self.topic.as_str()),
            ("Protocol", "sqs"),
            ("Endpoint", &self.queue),
            ("Attributes.entry.1.key", "RedrivePolicy"),
            ("Attributes.entry.1.value", &self.redrive),
        ];
        sns(self.stage, self.here, &fields).await;
    }
}

async fn sns(stage: &Stage, region: &str, fields: &[(&str, &str)]) -> String {
    let all = [&[("Version", "2010-03-31")], fields].concat();
    let answer = stage.deployed().aws.query(region, "sns", &all).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body
}
