//! Publishing with the clients that people have: boto3, the AWS CLI, the AWS SDK for JavaScript.
//!
//! They are needed: one that is not installed fails the test, with what to run.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};
use sorl_tests::frame::text;
use sorl_tests::names::room;
use sorl_tests::server::repository;
use sorl_tests::stage::Stage;

use crate::shared::stage;

fn python() -> PathBuf {
    let python =
        std::env::var_os("SORL_PYTHON").map_or_else(|| repository().join(".venv/bin/python"), PathBuf::from);
    assert!(python.exists(), "{} is missing: run `make .venv/.ready`, or set SORL_PYTHON", python.display());
    python
}

fn node() -> PathBuf {
    let sdk = repository().join("node_modules/@aws-sdk/client-sns");
    assert!(sdk.exists(), "{} is missing: run `npm ci`", sdk.display());
    PathBuf::from("node")
}

fn program(name: &str) -> PathBuf {
    repository().join("tests/clients").join(name)
}

/// Runs a client against the stage alone, with credentials that the emulator knows; `sorl dev` takes any.
async fn run(stage: &Stage, interpreter: PathBuf, arguments: Vec<String>) -> Output {
    let url = stage.url.clone();
    let running = tokio::task::spawn_blocking(move || {
        Command::new(&interpreter)
            .args(&arguments)
            .env("AWS_ENDPOINT_URL_SNS", url)
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("AWS_CONFIG_FILE", "/dev/null")
            .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
            .env_remove("AWS_PROFILE")
            .output()
            .unwrap_or_else(|fault| panic!("{} does not run: {fault}", interpreter.display()))
    });
    running.await.unwrap()
}

/// The JSON that a client that ended well has printed.
fn printed(output: &Output) -> Value {
    let (out, told) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}{told}");
    serde_json::from_str(&out).unwrap_or_else(|fault| panic!("{fault}: {out}{told}"))
}

fn script(path: &Path, more: &[&str]) -> Vec<String> {
    std::iter::once(path.display().to_string()).chain(more.iter().map(ToString::to_string)).collect()
}

/// The client publishes one message, a text with the attribute, a batch of ten of which SNS refuses one and Sorl
/// another, and to `relay`; all three regions see what is to be seen, with one id, once.
async fn publishes_everything(interpreter: PathBuf, path: &Path) {
    let stage = stage().await;
    let region = stage.three()[1];
    let channel = room();
    let mut members = stage.members(&channel).await;
    let topic = &stage.region(region).topic;
    let output = run(&stage, interpreter, script(path, &[region, topic, &channel])).await;
    let said = printed(&output);
    assert!(said["message_id"].is_string(), "{said}");
    assert_eq!((&said["failed"], &said["successful"]), (&json!(["refused"]), &json!(9)), "{said}");
    assert_eq!(said["relay"], "AuthorizationError", "{said}");

    let mut seen = Vec::new();
    for member in &mut members {
        let envelope = member.message(&channel, json!({"text": "hello"})).await;
        assert_eq!((&envelope["user"], &envelope["verified"]), (&json!("billing-bot"), &json!(false)));
        let plain = member.message(&channel, "plain text").await;
        let mut ids = vec![text(&envelope["id"]), text(&plain["id"])];
        for n in 0..8 {
            ids.push(text(&member.message(&channel, n).await["id"]));
        }
        assert_eq!(member.kept(&channel).len(), 10, "once each");
        seen.push(ids);
    }
    assert_eq!((&seen[0], &seen[1]), (&seen[1], &seen[2]), "one id in all regions");
}

#[tokio::test]
async fn boto3_publishes_to_all_regions() {
    publishes_everything(python(), &program("publish.py")).await;
}

#[tokio::test]
async fn the_aws_sdk_for_javascript_publishes_to_all_regions() {
    publishes_everything(node(), &program("publish.mjs")).await;
}

#[tokio::test]
async fn the_aws_cli_publishes_to_all_regions() {
    let stage = stage().await;
    let region = stage.three()[2];
    let topic = &stage.region(region).topic;
    let channel = room();
    let mut members = stage.members(&channel).await;
    let aws = |more: &[&str]| {
        let fixed = [
            "-m",
            "awscli",
            "sns",
            "publish",
            "--output",
            "json",
            "--endpoint-url",
            &stage.url,
            "--region",
            region,
        ];
        let arguments = fixed.iter().chain(more).map(ToString::to_string).collect();
        run(&stage, python(), arguments)
    };
    let message = json!({"channel": channel, "data": {"text": "hello from the shell"}}).to_string();
    let said = printed(&aws(&["--topic-arn", topic, "--message", &message]).await);
    assert!(said["MessageId"].is_string(), "{said}");
    let attribute = format!("channel={{DataType=String,StringValue={channel}}}");
    printed(&aws(&["--topic-arn", topic, "--message", "plain", "--message-attributes", &attribute]).await);
    let mut seen = std::collections::BTreeSet::new();
    for member in &mut members {
        seen.insert(text(&member.message(&channel, json!({"text": "hello from the shell"})).await["id"]));
        seen.insert(text(&member.message(&channel, "plain").await["id"]));
    }
    assert_eq!(seen.len(), 2, "one id in all regions");
    let refused = aws(&["--topic-arn", &stage.sibling(region, "nothing"), "--message", "x"]).await;
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("NotFound"), "{refused:?}");
}
