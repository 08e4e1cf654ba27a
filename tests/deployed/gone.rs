//! Connections that are gone without a word: the next post finds out, and what they left is cleaned up.

use std::time::{Duration, Instant};

use sorl_core::limits::HANDSHAKE_MAX;
use sorl_tests::names::room;
use sorl_tests::{DEADLINE, eventually, within};

use crate::ghost::Ghost;
use crate::shared::stage;

#[tokio::test]
async fn a_connection_that_is_gone_leaves_all_its_channels_at_the_next_post() {
    let stage = stage().await;
    let here = stage.three()[1];
    let (channel, other) = (room(), room());
    let mut member = stage.member(here, &channel).await;
    let ghost = Ghost::in_channels(&stage, here, &[&channel, &other], HANDSHAKE_MAX * 2).await;
    assert_eq!(ghost.rows(&stage).await, 2);
    member.publish(&channel, "anybody there?").await;
    member.message(&channel, "anybody there?").await;
    eventually("the rows are gone", async || (ghost.rows(&stage).await == 0).then_some(())).await;
    let left = |frame: &serde_json::Value| {
        let mut events = frame["events"].as_array().into_iter().flatten();
        events.any(|event| event["event"] == "leave" && event["user"] == ghost.user.as_str())
    };
    // Once when the connection that it was made from ended, once as a ghost.
    for _ in 0..2 {
        member.frame("a leave of the ghost", left).await;
    }
}

/// A 410 of a young connection is retried by way of the bulk queue: nothing else comes back to it by itself.
#[tokio::test]
async fn a_young_connection_that_does_not_answer_is_tried_again_as_a_slice_until_it_is_gone() {
    let stage = stage().await;
    let here = stage.three()[2];
    let channel = room();
    let mut member = stage.member(here, &channel).await;
    let ghost = Ghost::in_channels(&stage, here, &[&channel], Duration::ZERO).await;
    let joined = Instant::now();
    member.publish(&channel, "only this").await;
    member.message(&channel, "only this").await;
    let deadline = HANDSHAKE_MAX + DEADLINE * 2;
    within(deadline, "the slice finds it gone", async || (ghost.rows(&stage).await == 0).then_some(())).await;
    assert!(joined.elapsed() > HANDSHAKE_MAX - Duration::from_secs(3), "{:?}", joined.elapsed());
    assert_eq!(member.kept(&channel).len(), 1, "who has it is not posted to again");
}
