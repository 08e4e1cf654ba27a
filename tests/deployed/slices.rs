//! Slices, from the bulk queue to the clients: what a mass audience beyond one run of `deliver` gets, in small.

use serde_json::{Value, json};
use sorl_core::envelope::{Owed, Recipient, Slice};
use sorl_core::message::Message;
use sorl_tests::names::{now, unique};

use crate::shared::stage;

/// The channel keeps no join and leave frames, so that what comes is what was sent.
#[tokio::test]
async fn a_slice_reaches_those_whom_it_names_who_still_are_members() {
    let stage = stage().await;
    let here = stage.three()[1];
    let channel = unique("calm:slice");
    let mut named = stage.member(here, &channel).await;
    let mut other = stage.member(here, &channel).await;
    let mut elsewhere = stage.member(stage.three()[0], &channel).await;
    named.publish(&channel, "first").await;
    let message = named.message(&channel, "first").await;
    for socket in [&mut other, &mut elsewhere] {
        socket.message(&channel, "first").await;
    }

    let row = crate::ghost::row(&stage, here, &channel, &named.user).await;
    let recipient: Recipient = serde_json::from_value(json!({
        "connection": row["sk"]["S"], "user": named.user, "since": number(&row["since"]),
        "expires_at": now().as_millis() + 600_000, "attempts": 0,
    }))
    .unwrap();
    let mut again = message.clone();
    again["data"] = json!("owed");
    let message: Message = serde_json::from_value(again).unwrap();
    let slice = Slice::new(vec![Owed { message, ephemeral: false }], vec![recipient], now());

    let deployed = stage.deployed();
    let queue = deployed.queue(here, "bulk").await;
    let send = json!({ "QueueUrl": queue, "MessageBody": slice.to_json() });
    deployed.aws.json(here, "sqs", "AmazonSQS.SendMessage", &send).await;

    named.message(&channel, "owed").await;
    named.publish(&channel, "last").await;
    for socket in [&mut other, &mut elsewhere] {
        socket.message(&channel, "last").await;
        assert!(socket.kept(&channel).iter().all(|message| message["data"] != "owed"));
    }
}

fn number(attribute: &Value) -> u64 {
    attribute["N"].as_str().and_then(|text| text.parse().ok()).expect("a number")
}
