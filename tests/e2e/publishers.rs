//! The publishers' contract: what a program may write to the topics, and what becomes of it.

use serde_json::{Value, json};
use sorl_core::ids::MessageId;
use sorl_tests::frame::{ids, text};
use sorl_tests::names::{room, unique};
use sorl_tests::server::Launch;
use sorl_tests::sns::{Entry, elements};
use sorl_tests::stage::Stage;

use crate::shared::stage;

/// The dead letters whose body holds this text.
async fn dead_letters(stage: &Stage, holding: &str) -> Vec<Value> {
    let holds = |letter: &Value| letter["body"].as_str().is_some_and(|body| body.contains(holding));
    stage.dead_letters().await.into_iter().filter(holds).collect()
}

/// Waits until every region has one dead letter of this text, and returns them.
async fn buried_everywhere(stage: &Stage, holding: &str) -> Vec<Value> {
    let letters = sorl_tests::eventually(&format!("dead letters of {holding}"), async || {
        let letters = dead_letters(stage, holding).await;
        (letters.len() >= 3).then_some(letters)
    })
    .await;
    let regions: std::collections::BTreeSet<_> =
        letters.iter().map(|letter| text(&letter["region"])).collect();
    assert_eq!((letters.len(), regions.len()), (3, 3), "one a region: {letters:?}");
    letters
}

#[tokio::test]
async fn an_envelope_reaches_all_regions_with_every_field() {
    let stage = stage().await;
    let channel = room();
    let mut members = stage.members(&channel).await;
    let region = stage.three()[1];
    let envelope = json!({
        "channel": channel, "data": {"text": "hello"}, "user": "billing-bot", "key": "invoice-17",
        "ephemeral": false, "colour": "unknown fields are ignored",
    });
    stage.publish(region, &envelope).await;
    let mut seen = std::collections::BTreeSet::new();
    for member in &mut members {
        let message = member.message(&channel, json!({"text": "hello"})).await;
        let fields: Vec<_> = message.as_object().unwrap().keys().cloned().collect();
        assert_eq!(fields, ["at", "channel", "data", "id", "region", "user", "verified"]);
        assert_eq!((&message["user"], &message["verified"]), (&json!("billing-bot"), &json!(false)));
        assert_eq!(message["region"], region);
        let id = MessageId::parse(message["id"].as_str().unwrap()).expect("a UUIDv7");
        assert_eq!(message["at"], id.time().as_millis());
        seen.insert(text(&message["id"]));
    }
    assert_eq!(seen.len(), 1, "one id in all regions");
}

#[tokio::test]
async fn without_a_user_neither_user_nor_verified_is_there() {
    let stage = stage().await;
    let channel = room();
    let mut member = stage.member(stage.three()[0], &channel).await;
    stage.publish(stage.three()[2], &json!({"channel": channel, "data": 1})).await;
    let message = member.message(&channel, 1).await;
    let fields: Vec<_> = message.as_object().unwrap().keys().cloned().collect();
    assert_eq!(fields, ["at", "channel", "data", "id", "region"]);
}

#[tokio::test]
async fn a_claimed_user_is_never_verified() {
    let stage = stage().await;
    let channel = room();
    let mut alice = stage.member(stage.three()[0], &channel).await;
    let forged = json!({"channel": channel, "data": 1, "user": alice.user, "verified": true, "region": "mars-1", "id": "x", "at": 5});
    stage.publish(stage.three()[0], &forged).await;
    let message = alice.message(&channel, 1).await;
    assert_eq!((&message["verified"], &message["region"]), (&json!(false), &json!(stage.three()[0])));
}

#[tokio::test]
async fn a_text_with_the_attribute_channel_is_data() {
    let stage = stage().await;
    let channel = room();
    let mut member = stage.member(stage.three()[0], &channel).await;
    for (message, data) in [
        ("plain text", json!("plain text")),
        (r#"{"a":[1,2]}"#, json!({"a": [1, 2]})),
        ("17", json!(17)),
        ("{not json", json!("{not json")),
        ("\"quoted\"", json!("quoted")),
    ] {
        stage.publish_text(stage.three()[1], &channel, message).await;
        member.message(&channel, data).await;
    }
}

#[tokio::test]
async fn the_attribute_wins_where_both_are_there() {
    let stage = stage().await;
    let (named, inside) = (room(), room());
    let mut member = stage.member(stage.three()[0], &named).await;
    member.subscribe(&inside).await;
    let envelope = json!({"channel": inside, "data": "inside", "user": "x"});
    stage.publish_text(stage.three()[0], &named, &envelope.to_string()).await;
    let message = member.message(&named, envelope).await;
    assert_eq!(message.get("user"), None);
    assert!(member.kept(&inside).is_empty());
}

#[tokio::test]
async fn an_ephemeral_envelope_is_delivered_and_not_logged() {
    let stage = stage().await;
    let channel = room();
    let mut member = stage.member(stage.three()[0], &channel).await;
    stage.publish(stage.three()[0], &json!({"channel": channel, "data": "gone", "ephemeral": true})).await;
    stage.publish(stage.three()[0], &json!({"channel": channel, "data": "kept"})).await;
    member.message(&channel, "gone").await;
    member.message(&channel, "kept").await;
    let history = member.result(json!({"action": "history", "channel": channel})).await;
    let data: Vec<_> =
        history["messages"].as_array().unwrap().iter().map(|message| &message["data"]).collect();
    assert_eq!(data, [&json!("kept")]);
}

#[tokio::test]
async fn a_key_makes_a_retried_publish_the_same_message_but_never_a_verified_one() {
    let stage = stage().await;
    let channel = room();
    let mut alice = stage.member(stage.three()[0], &channel).await;
    let envelope = json!({"channel": channel, "data": "paid", "user": alice.user, "key": "invoice-17"});
    stage.publish(stage.three()[0], &envelope).await;
    stage.publish(stage.three()[2], &envelope).await;
    let verified = json!({"action": "publish", "channel": channel, "data": "mine", "key": "invoice-17"});
    alice.result(verified).await;
    let messages = alice.live_until(&channel, |messages| ids(messages).len() >= 3).await;
    let tail = |data: &str| -> std::collections::BTreeSet<String> {
        messages.iter().filter(|m| m["data"] == data).map(|m| text(&m["id"])[19..].to_owned()).collect()
    };
    assert_eq!((tail("paid").len(), tail("mine").len()), (1, 1));
    assert!(tail("paid").is_disjoint(&tail("mine")), "the two kinds of keys are kept apart");
    let history = alice.result(json!({"action": "history", "channel": channel})).await;
    assert_eq!(history["messages"].as_array().unwrap().len(), 2, "a page shows it once");
}

#[tokio::test]
async fn what_is_no_message_is_a_dead_letter_with_its_reason_in_every_region() {
    let stage = stage().await;
    let mark = unique("mark");
    for (message, reason) in [
        (format!("just text {mark}-a"), "channel"),
        (json!({"data": format!("{mark}-b")}).to_string(), "channel"),
        (json!({"channel": room(), "text": format!("{mark}-c")}).to_string(), "data"),
        (json!({"channel": format!("ro om {mark}-d"), "data": 1}).to_string(), "name"),
        (json!({"channel": room(), "data": format!("{mark}-e"), "key": 5}).to_string(), "key|string"),
        (json!({"channel": room(), "data": format!("{mark}-f"), "user": "no body"}).to_string(), "name"),
        (json!([room(), format!("{mark}-g"), null, null, null]).to_string(), "object"),
    ] {
        let topic = stage.region(stage.three()[0]).topic.clone();
        sorl_tests::sns::accepted(&stage.publish_to(&topic, &message, None).await);
        let holding = message.find(&mark).map(|at| message[at..=at + mark.len() + 1].to_owned()).unwrap();
        for letter in buried_everywhere(&stage, &holding).await {
            let fields: Vec<_> = letter.as_object().unwrap().keys().cloned().collect();
            assert_eq!(fields, ["at", "body", "id", "queue", "reason", "region"]);
            assert_eq!(letter["queue"], "live");
            let told = letter["reason"].as_str().unwrap();
            assert!(reason.split('|').any(|word| told.contains(word)), "{message}: {told}");
        }
    }
}

#[tokio::test]
async fn of_a_batch_of_ten_the_good_ones_arrive_whatever_the_bad_ones_are() {
    let stage = stage().await;
    let channel = room();
    let mut members = stage.members(&channel).await;
    let mark = unique("useless");
    let names: Vec<_> = (0..10).map(|n| format!("entry-{n}")).collect();
    let entries: Vec<Entry<'_>> = names
        .iter()
        .enumerate()
        .map(|(n, name)| match n {
            3 => (name.as_str(), String::new(), None),
            6 => (name.as_str(), format!("no channel: {mark}"), None),
            _ => (name.as_str(), json!({"channel": channel, "data": n}).to_string(), None),
        })
        .collect();
    let answer = stage.publish_batch(stage.three()[0], &entries).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let failed = elements(&answer.body, "Failed").next().expect("a list of those that failed");
    assert_eq!(elements(failed, "Id").collect::<Vec<_>>(), ["entry-3"]);
    assert!(elements(failed, "Code").next().is_some_and(|code| !code.is_empty()));
    let successful = elements(&answer.body, "Successful").next().expect("a list of those that did not");
    assert_eq!(elements(successful, "MessageId").count(), 9);
    for member in &mut members {
        let messages = member.live(&channel, 8).await;
        let data: std::collections::BTreeSet<_> =
            messages.iter().filter_map(|m| m["data"].as_u64()).collect();
        assert_eq!(data, [0, 1, 2, 4, 5, 7, 8, 9].into());
        assert_eq!(messages.len(), 8, "once each");
    }
    buried_everywhere(&stage, &mark).await;
}

#[tokio::test]
async fn a_message_above_96_kilobytes_is_a_dead_letter_and_one_below_arrives() {
    let stage = stage().await;
    let channel = room();
    let mut member = stage.member(stage.three()[0], &channel).await;
    let mark = unique("large");
    let large = |len: usize| json!({"channel": channel, "data": format!("{mark}{}", "x".repeat(len))});
    stage.publish(stage.three()[0], &large(96 * 1024)).await;
    stage.publish(stage.three()[0], &large(95 * 1024)).await;
    let message = member.live(&channel, 1).await.remove(0);
    assert_eq!(message["data"].as_str().unwrap().len(), mark.len() + 95 * 1024);
    for letter in buried_everywhere(&stage, &mark).await {
        assert!(letter["reason"].as_str().unwrap().contains("large"), "{}", letter["reason"]);
    }
}

#[tokio::test]
async fn many_messages_to_one_user_reach_all_his_connections() {
    let stage = stage().await;
    let [one, two, _] = stage.three();
    let bob = unique("bob");
    let own = format!("@{bob}");
    let mut bobs =
        [stage.connect(one, &bob).await, stage.connect(one, &bob).await, stage.connect(two, &bob).await];
    let mut alice = stage.connect_with(two, &unique("alice"), json!({ (own.clone()): ["publish"] })).await;
    let id = alice.publish(&own, "for your eyes").await;
    for connection in &mut bobs {
        assert_eq!(connection.message(&own, "for your eyes").await["id"], id.as_str());
    }
    alice.lives().await;
    assert!(alice.kept(&own).is_empty());
}

#[tokio::test]
async fn ten_messages_of_one_batch_cost_one_post_a_connection() {
    let server = Launch::plain().start().await;
    let stage = &server.stage;
    // Of a namespace that tells no joins: nothing else is posted.
    let channel = unique("calm:test");
    let grants = json!({"calm:*": ["*"]});
    let mut members = Vec::new();
    for region in stage.three() {
        for _ in 0..3 {
            let mut member = stage.connect_with(region, &unique("user"), grants.clone()).await;
            member.subscribe(&channel).await;
            members.push(member);
        }
    }
    let before = stage.metric("sorl_posts_total", &[]).await;
    let names: Vec<_> = (0..10).map(|n| format!("n{n}")).collect();
    let entries: Vec<Entry<'_>> = names
        .iter()
        .enumerate()
        .map(|(n, name)| (name.as_str(), json!({"channel": channel, "data": n}).to_string(), None))
        .collect();
    assert_eq!(stage.publish_batch(stage.three()[0], &entries).await.status, 200);
    for member in &mut members {
        let frame = member.frame("messages", |frame| frame["type"] == "messages").await;
        let messages = frame["messages"].as_array().unwrap();
        assert_eq!(messages.len(), 10, "all in one frame: {frame}");
        let order: Vec<_> = messages.iter().map(|message| text(&message["id"])).collect();
        assert!(order.is_sorted(), "in id order");
    }
    let posts = sorl_tests::eventually("the posts are counted", async || {
        let posts = stage.metric("sorl_posts_total", &[]).await - before;
        (stage.metric("sorl_delivered_total", &[]).await >= 90.0).then_some(posts)
    })
    .await;
    assert!((posts - 9.0).abs() < 0.5, "{posts} posts for nine connections");
}
