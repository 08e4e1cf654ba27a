//! A `deliver` that dies in the middle of its batch.

use sorl_tests::eventually;
use sorl_tests::names::unique;

use super::process;
use super::queues::{attribute, set_visibility};
use crate::shared::stage;

/// The process is stopped while it is idle, gets the message, and is killed before it can do anything with it.
#[tokio::test]
async fn a_message_in_the_hands_of_a_killed_deliver_comes_again() {
    let stage = stage().await;
    let [here, there, _] = stage.three();
    let channel = unique("calm:killed");
    let mut member = stage.member(here, &channel).await;
    let mut sender = stage.member(there, &channel).await;
    sender.publish(&channel, "warm").await;
    member.message(&channel, "warm").await;

    let visibility = attribute(&stage, here, "live", "VisibilityTimeout").await;
    set_visibility(&stage, here, "live", "5").await;
    let pids = process::of(&stage, here, "deliver");
    assert!(!pids.is_empty(), "a deliver that was called has a process");
    process::signal(&pids, "STOP");
    sender.publish(&channel, "again").await;
    sender.message(&channel, "again").await;
    eventually("the stopped deliver has the message", async || {
        (attribute(&stage, here, "live", "ApproximateNumberOfMessagesNotVisible").await != "0").then_some(())
    })
    .await;
    assert!(member.kept(&channel).iter().all(|message| message["data"] != "again"));
    process::signal(&pids, "KILL");

    member.message(&channel, "again").await;
    set_visibility(&stage, here, "live", &visibility).await;
}
