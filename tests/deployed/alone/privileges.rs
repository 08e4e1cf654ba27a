//! Least privilege: every right that a function's role has is needed by something that the function does.
//!
//! The rights are read from the deployed roles, so that one which no test here knows is a failure; each is taken
//! away alone, and what needs it must be refused by exactly that right. Those that the emulator does not enforce
//! are named, and left to the test of the templates.

use std::time::Duration;

use serde_json::json;
use sorl_core::limits::{HANDSHAKE_MAX, LATE_AFTER};
use sorl_local::clock::{OsEntropy, iso8601, random_uuid};
use sorl_tests::DEADLINE;
use sorl_tests::names::{now, room, unique};
use sorl_tests::socket::Socket;
use sorl_tests::stage::Stage;
use tokio::time::Instant;

use super::process;
use super::role::{Right, Role};
use crate::ghost::Ghost;
use crate::shared::stage;

/// Rights that Lambda itself uses in the function's name, which the emulator does without.
const NOT_ENFORCED: [&str; 5] = [
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "sqs:ReceiveMessage",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
];

/// How long a refusal may take to stand in the log: a retry of the queue is among what is provoked.
const LINE_WITHIN: Duration = Duration::from_secs(20);

#[tokio::test]
async fn every_right_of_authorize_is_needed() {
    each_right_is_needed("authorize").await;
}

#[tokio::test]
async fn every_right_of_connect_is_needed() {
    each_right_is_needed("connect").await;
}

#[tokio::test]
async fn every_right_of_disconnect_is_needed() {
    each_right_is_needed("disconnect").await;
}

#[tokio::test]
async fn every_right_of_command_is_needed() {
    each_right_is_needed("command").await;
}

#[tokio::test]
async fn every_right_of_deliver_is_needed() {
    each_right_is_needed("deliver").await;
}

async fn each_right_is_needed(function: &'static str) {
    let stage = stage().await;
    let region = stage.three()[1].to_owned();
    let role = Role { stage: &stage, region: &region, function };
    let mut missing = Vec::new();
    for right in role.rights().await {
        if NOT_ENFORCED.contains(&right.action.as_str()) {
            println!("{function}: {} {}: not enforced by the emulator", right.action, right.of);
            continue;
        }
        let refusals = role.refusals(&right).await;
        role.take(&right).await;
        let refused = is_refused(&role, &right, refusals).await;
        role.give_back().await;
        recover(&stage, &region, function).await;
        println!(
            "{function}: {} {}: {}",
            right.action,
            right.of,
            if refused { "needed" } else { "NOT needed" }
        );
        if !refused {
            missing.push(right);
        }
    }
    assert!(missing.is_empty(), "rights that nothing needed: {missing:?}");
}

/// `authorize` remembers for a while that it had no keys; one that starts anew does not.
async fn recover(stage: &Stage, region: &str, function: &str) {
    if function == "authorize" {
        process::end(stage, region, function);
        stage.somebody(region).await.lives().await;
    }
}

/// Whether doing what needs the right is refused. On a busy machine the emulator misses an invocation's last line and
/// tells it with the next one, so there is a next one.
async fn is_refused(role: &Role<'_>, right: &Right, before: usize) -> bool {
    let deadline = Instant::now() + DEADLINE;
    while Instant::now() < deadline {
        provoke(role.stage, role.region, role.function, right).await;
        let patience = Instant::now() + LINE_WITHIN;
        while Instant::now() < patience {
            if role.refusals(right).await > before {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    false
}

/// Does what needs the right; that it fails is seen by who is refused, not by who asked.
async fn provoke(stage: &Stage, region: &str, function: &str, right: &Right) {
    let (action, of) = (right.action.as_str(), right.of.as_str());
    match (function, action, of) {
        ("authorize", ..) => {
            process::end(stage, region, "authorize");
            refused_to_open(stage, region).await;
        }
        ("connect", ..) => refused_to_open(stage, region).await,
        ("disconnect", ..) => stage.member(region, &room()).await.close().await,
        ("command", "dynamodb:Query", "messages") => ask(stage, region, "history").await,
        ("command", "dynamodb:DeleteItem", _) => ask(stage, region, "unsubscribe").await,
        ("command", "sns:Publish", _) => ask(stage, region, "publish").await,
        ("command", ..) => ask(stage, region, "subscribe").await,
        ("deliver", "dynamodb:PutItem", "connections") => order(stage, region, true).await,
        ("deliver", "dynamodb:PutItem", "messages") => late_message(stage, region).await,
        ("deliver", "dynamodb:Query", "by-connection")
        | ("deliver", "dynamodb:DeleteItem" | "sns:Publish", _) => {
            haunted(stage, region, HANDSHAKE_MAX * 2).await;
        }
        ("deliver", "sqs:SendMessage", "bulk") => haunted(stage, region, Duration::ZERO).await,
        ("deliver", "sqs:SendMessage", "dead-letters") => {
            stage.publish(region, &json!({ "no": "message" })).await;
        }
        ("deliver", "execute-api:ManageConnections", "DELETE") => order(stage, region, false).await,
        ("deliver", ..) => message(stage, region).await,
        _ => panic!("{function} has a right that no test knows: {right:?}"),
    }
}

async fn refused_to_open(stage: &Stage, region: &str) {
    let user = unique("nobody");
    let token = stage.token(&user).await;
    let opened = Socket::try_open(&user, &stage.region(region).url, &token, None).await;
    assert!(opened.is_err(), "a connection was opened without the right that it needs");
}

/// A command of a member, of which an error is as good an answer as any.
async fn ask(stage: &Stage, region: &str, action: &str) {
    let mut somebody = stage.somebody(region).await;
    let channel = room();
    if action == "unsubscribe" {
        somebody.ask(json!({ "action": "subscribe", "channel": channel })).await;
    }
    let answer = somebody.ask(json!({ "action": action, "channel": channel, "data": 1 })).await;
    assert_eq!(answer["error"]["code"], "unavailable", "{action}: {answer}");
}

async fn order(stage: &Stage, region: &str, blocks: bool) {
    let mut somebody = stage.somebody(region).await;
    let mut order = json!({ "control": "disconnect", "user": somebody.user });
    if blocks {
        order["until"] = json!(now().as_millis() + 5_000);
    }
    stage.control(region, &order).await;
    // Still there when the order is carried out, which may be never.
    tokio::spawn(async move { somebody.closed().await });
}

async fn message(stage: &Stage, region: &str) {
    let channel = room();
    let mut member = stage.member(region, &channel).await;
    member.publish(&channel, "hello").await;
}

/// A record as SNS would have put it into the queue a minute ago.
async fn late_message(stage: &Stage, region: &str) {
    let deployed = stage.deployed();
    let topic = &stage.region(region).topic;
    let body = json!({
        "Type": "Notification", "MessageId": random_uuid(&OsEntropy), "TopicArn": topic,
        "Message": json!({ "channel": room(), "data": "late" }).to_string(),
        "Timestamp": iso8601(now().minus(LATE_AFTER * 4)), "MessageAttributes": {},
    });
    let send = json!({ "QueueUrl": deployed.queue(region, "live").await, "MessageBody": body.to_string() });
    deployed.aws.json(region, "sqs", "AmazonSQS.SendMessage", &send).await;
}

async fn haunted(stage: &Stage, region: &str, age: std::time::Duration) {
    let channel = room();
    Ghost::in_channels(stage, region, &[&channel], age).await;
    stage.publish(region, &json!({ "channel": channel, "data": "boo" })).await;
}
