//! What operators do by the command line, on `sorl dev` and on a deployed stage alike: the same commands, the same ends.

use serde_json::{Value, json};
use sorl_tests::eventually;
use sorl_tests::names::{room, unique};
use sorl_tests::program::{complaint, json as as_json, json_lines, out, sorl_at};
use sorl_tests::socket::Socket;

use crate::shared::stage;

fn ids(lines: &[Value]) -> Vec<&str> {
    lines.iter().map(|message| message["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn history_prints_every_message_once_in_the_order_of_ids() {
    let stage = stage().await;
    let here = stage.three()[1];
    let channel = room();
    let mut alice = stage.member(here, &channel).await;
    let mut published = Vec::new();
    for number in 0..5 {
        published.push(alice.publish(&channel, number).await);
    }
    alice.live(&channel, 5).await;
    let history = async |more: &[&str]| {
        let arguments = [&["history", channel.as_str(), "--region", here, "--json"][..], more].concat();
        sorl_at(&stage, &arguments).await
    };
    assert_eq!(ids(&json_lines(&history(&[]).await)), published);
    assert_eq!(ids(&json_lines(&history(&["--all"]).await)), published);
    let last = history(&["--limit", "2"]).await;
    assert_eq!(ids(&json_lines(&last)), published[3..]);
    assert!(complaint(&last).contains(&format!("--before {}", published[3])), "{last:?}");
    let middle = history(&["--since", &published[0], "--before", &published[3], "--all"]).await;
    assert_eq!(ids(&json_lines(&middle)), published[1..3]);
    let recent = history(&["--since", "10m", "--limit", "1"]).await;
    assert_eq!(ids(&json_lines(&recent)), published[..1]);
    assert!(complaint(&recent).contains("there are more"), "{recent:?}");
}

#[tokio::test]
async fn a_personal_channel_is_read_as_its_owner() {
    let stage = stage().await;
    let here = stage.three()[0];
    let mut bob = stage.somebody(here).await;
    let own = format!("@{}", bob.user);
    stage.publish(here, &json!({"channel": own, "data": "for you"})).await;
    bob.message(&own, "for you").await;
    let lines = json_lines(&sorl_at(&stage, &["history", &own, "--region", here, "--json"]).await);
    assert_eq!(lines.last().unwrap()["data"], "for you");
}

#[tokio::test]
async fn members_are_listed_over_all_regions_and_who_asks_is_none() {
    let stage = stage().await;
    let [one, two, _] = stage.three();
    let channel = room();
    let alice = stage.member(one, &channel).await;
    let bob = stage.member(two, &channel).await;
    let listed = eventually("both are listed", async || {
        let listed = as_json(&sorl_at(&stage, &["members", &channel, "--json"]).await);
        (listed["count"] == 2).then_some(listed)
    })
    .await;
    for (user, region) in [(&alice.user, one), (&bob.user, two)] {
        let mut members = listed["members"].as_array().unwrap().iter();
        let member = members.find(|member| member["user"] == user.as_str()).unwrap();
        assert_eq!((&member["connections"], &member["regions"]), (&json!(1), &json!([region])));
    }
    let table = out(&sorl_at(&stage, &["members", &channel]).await);
    assert!(table.contains(&alice.user) && table.ends_with(&format!("2 users in {channel}")), "{table}");
}

#[tokio::test]
async fn what_a_user_wrote_and_was_sent_is_erased_in_every_region_and_nothing_else() {
    let stage = stage().await;
    let [one, two, _] = stage.three();
    let channel = room();
    let (mut bob, mut alice) = (stage.member(one, &channel).await, stage.member(two, &channel).await);
    let user = bob.user.clone();
    bob.publish(&channel, "from bob").await;
    alice.publish(&channel, format!("to \"{user}\"")).await;
    stage.publish(two, &json!({"channel": format!("@{user}"), "data": "for bob"})).await;
    let erase = async |more: &[&str]| {
        let arguments = [&["erase", user.as_str(), "--channel", &channel, "--json"][..], more].concat();
        as_json(&sorl_at(&stage, &arguments).await)
    };
    let counts = |told: &Value| {
        let regions = told["regions"].as_array().unwrap().clone();
        regions.iter().map(|found| found["messages"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    eventually("every region has logged them", async || {
        (counts(&erase(&["--dry-run"]).await) == [2, 2, 2]).then_some(())
    })
    .await;
    let unsaid = sorl_at(&stage, &["erase", &user]).await;
    assert_eq!(unsaid.status.code(), Some(2), "{unsaid:?}");
    assert_eq!(counts(&erase(&["--yes"]).await), [2, 2, 2]);
    bob.frame("a bye", |frame| frame["type"] == "bye").await;
    for region in stage.three() {
        let mut reader = stage.somebody(region).await;
        let left = reader.result(json!({"action": "history", "channel": channel})).await;
        let left = left["messages"].as_array().unwrap();
        assert_eq!((left.len(), &left[0]["user"]), (1, &json!(alice.user)), "{region}: {left:?}");
    }
}

#[tokio::test]
async fn a_kicked_user_is_put_out_and_kept_out_until_the_order_is_lifted() {
    let stage = stage().await;
    let here = stage.three()[2];
    let bob = unique("bob");
    let mut connection = stage.connect(here, &bob).await;
    let given = as_json(&sorl_at(&stage, &["kick", &bob, "--for", "1h", "--json"]).await);
    assert_eq!((&given["control"], &given["user"]), (&json!("disconnect"), &json!(bob)));
    let bye = connection.frame("a bye", |frame| frame["type"] == "bye").await;
    assert_eq!(bye["code"], "kicked");
    let is_admitted = async || {
        let token = stage.token(&bob).await;
        Socket::try_open(&bob, &stage.region(here).url, &token, None).await.is_ok()
    };
    assert!(!is_admitted().await);
    let lifted = out(&sorl_at(&stage, &["kick", &bob, "--lift"]).await);
    assert!(lifted.contains("may come back"), "{lifted}");
    eventually("he may come back", async || is_admitted().await.then_some(())).await;
}

#[tokio::test]
async fn a_user_is_put_out_of_one_channel_alone() {
    let stage = stage().await;
    let here = stage.three()[0];
    let (channel, other) = (room(), room());
    let mut bob = stage.member(here, &channel).await;
    bob.subscribe(&other).await;
    out(&sorl_at(&stage, &["kick", &bob.user.clone(), "--channel", &channel]).await);
    let frame = bob.frame("unsubscribed", |frame| frame["type"] == "unsubscribed").await;
    assert_eq!(frame["channel"], channel);
    bob.publish(&other, "still here").await;
    bob.message(&other, "still here").await;
}

#[tokio::test]
async fn a_minted_token_opens_a_connection_with_its_grants_and_no_more() {
    let stage = stage().await;
    let channel = room();
    let grants = json!({ (channel.as_str()): ["subscribe"] }).to_string();
    let token = out(&sorl_at(&stage, &["token", "alice", "--grants", &grants, "--ttl", "5m"]).await);
    let mut alice = Socket::open("alice", &stage.regions[0].url, &token).await;
    alice.subscribe(&channel).await;
    assert_eq!(alice.refusal(json!({"action": "presence", "channel": channel})).await, "forbidden");
}

#[tokio::test]
async fn what_is_published_by_command_reaches_every_region() {
    let stage = stage().await;
    let channel = room();
    let mut members = stage.members(&channel).await;
    let region = stage.three()[1];
    let arguments =
        ["publish", &channel, "{\"text\":\"hello\"}", "--user", "bot", "--region", region, "--json"];
    let accepted = as_json(&sorl_at(&stage, &arguments).await);
    assert!(accepted["topic"].as_str().unwrap().contains(region), "{accepted}");
    for member in &mut members {
        let message = member.message(&channel, json!({"text": "hello"})).await;
        assert_eq!((&message["user"], &message["region"]), (&json!("bot"), &json!(region)));
    }
}

#[tokio::test]
async fn a_region_that_there_is_not_is_wrong_usage_and_the_others_are_named() {
    let stage = stage().await;
    let output = sorl_at(&stage, &["history", "room:a", "--region", "mars-north-1"]).await;
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(complaint(&output).contains(stage.three()[0]), "{output:?}");
}
