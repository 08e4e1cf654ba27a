//! Late marks: a message that was held up longer than any overlap still reaches who reconnected meanwhile.
//!
//! Played both ways of the race: the client is back before the region heals, or after.

use std::time::Duration;

use serde_json::{Value, json};
use sorl_core::ids::MessageId;
use sorl_tests::frame::text;
use sorl_tests::names::{room, unique};
use sorl_tests::server::Launch;
use sorl_tests::socket::Socket;
use sorl_tests::stage::Stage;

/// Longer than the minute by which a recovery overlaps in the region of its cursor.
const HELD_UP: Duration = Duration::from_secs(64);

struct Story {
    channel: String,
    user: String,
    /// Accepted elsewhere while this region was cut off.
    held_up: String,
    /// Accepted here at the same time; delivered at once, so it is nobody's business later.
    neighbour: String,
    /// What the client has seen when it leaves.
    cursor: String,
}

/// The first act: a message is held up, and its would-be reader sees later ones.
async fn hold_up(stage: &Stage, cut: &str, open: &str) -> Story {
    let channel = room();
    let mut client = stage.member(cut, &channel).await;
    let held_up = stage.somebody(open).await.publish(&channel, "held up").await;
    let neighbour = client.publish(&channel, "neighbour").await;
    client.message(&channel, "neighbour").await;
    let user = client.user.clone();
    Story { channel, user, held_up, neighbour, cursor: String::new() }
}

async fn see_later_ones(stage: &Stage, cut: &str, story: &mut Story) {
    let mut client = stage.connect(cut, &story.user).await;
    client.subscribe(&story.channel).await;
    story.cursor = client.publish(&story.channel, "much later").await;
    client.message(&story.channel, "much later").await;
    let time = |id: &str| MessageId::parse(id).unwrap().time().as_millis();
    assert!(time(&story.cursor) - time(&story.held_up) > 60_000, "the ordinary overlap must not reach it");
    client.close().await;
}

async fn resume(stage: &Stage, story: &Story, region: &str, gained: &str, grants: Value) -> (Socket, Value) {
    let mut client = stage.connect_with(region, &story.user, grants).await;
    let request =
        json!({"action": "subscribe", "channel": story.channel, "since": story.cursor, "region": gained});
    let result = client.result(request).await;
    assert_eq!((&result["recovered"], &result["more"]), (&json!(true), &json!(false)), "{result}");
    (client, result)
}

fn shown(result: &Value) -> Vec<String> {
    result["messages"].as_array().unwrap().iter().map(|message| text(&message["id"])).collect()
}

#[tokio::test]
async fn a_message_held_up_for_a_minute_reaches_who_came_back_before_and_who_came_back_after() {
    let server = Launch::plain().start().await;
    let stage = &server.stage;
    let [open, cut, third] = stage.three();
    stage.faults(json!({"cut": [cut]})).await;
    let (mut before, mut after) = (hold_up(stage, cut, open).await, hold_up(stage, cut, open).await);
    tokio::time::sleep(HELD_UP).await;
    see_later_ones(stage, cut, &mut before).await;
    see_later_ones(stage, cut, &mut after).await;

    let everything = json!({"*": ["*"]});
    let (mut early, answer) = resume(stage, &before, cut, cut, everything.clone()).await;
    assert_eq!(shown(&answer), [before.cursor.clone()], "nothing of it is here yet");
    let marks = stage.metric("sorl_marks_total", &[("region", cut)]).await;
    stage.faults(json!({})).await;
    assert_eq!(early.message(&before.channel, "held up").await["id"], before.held_up.as_str());

    let mut witness = stage.somebody(cut).await;
    sorl_tests::eventually("the held up message stands in the log", async || {
        let history = witness.result(json!({"action": "history", "channel": after.channel})).await;
        shown(&history).contains(&after.held_up).then_some(())
    })
    .await;
    assert!(stage.metric("sorl_marks_total", &[("region", cut)]).await > marks);

    // Who may only listen gets the very message, and not its neighbour.
    let listener = json!({ (after.channel.clone()): ["subscribe"] });
    for grants in [everything.clone(), listener] {
        sorl_tests::eventually("the mark stands", async || {
            let (_, answer) = resume(stage, &after, cut, cut, grants.clone()).await;
            let shown = shown(&answer);
            assert!(!shown.contains(&after.neighbour), "only the very messages that were marked: {answer}");
            (shown == [after.held_up.clone(), after.cursor.clone()]).then_some(())
        })
        .await;
    }
    // In another region the ordinary start reaches 16 minutes back; what this region accepted was held up there.
    sorl_tests::eventually("the other region recovers everything", async || {
        let (_, answer) = resume(stage, &after, third, cut, everything.clone()).await;
        let shown = shown(&answer);
        [&after.held_up, &after.neighbour, &after.cursor].iter().all(|id| shown.contains(id)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_message_held_up_for_20_seconds_is_marked_and_one_in_time_is_not() {
    let server = Launch::plain().start().await;
    let stage = &server.stage;
    let [open, cut, _] = stage.three();
    let channel = room();
    let mut member = stage.member(cut, &channel).await;
    let mut sender = stage.connect(open, &unique("sender")).await;
    sender.publish(&channel, "in time").await;
    member.message(&channel, "in time").await;
    assert!(stage.metric("sorl_marks_total", &[]).await < 1.0);
    stage.faults(json!({"cut": [cut]})).await;
    sender.publish(&channel, "late").await;
    tokio::time::sleep(Duration::from_secs(17)).await;
    assert!(member.kept(&channel).iter().all(|message| message["data"] != "late"));
    stage.faults(json!({})).await;
    member.message(&channel, "late").await;
    // The counters are written when the delivery has ended.
    sorl_tests::eventually("the mark is counted", async || {
        (stage.metric("sorl_marks_total", &[("region", cut)]).await >= 1.0).then_some(())
    })
    .await;
    assert!(stage.metric("sorl_marks_total", &[("region", open)]).await < 1.0);
}
