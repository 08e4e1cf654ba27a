//! What a client missed: by cursor, in the same and in another region, with and without the right to history.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use sorl_tests::frame::{ids, text};
use sorl_tests::names::{cursor_of_age, room, unique};
use sorl_tests::server::Launch;
use sorl_tests::sns::Entry;
use sorl_tests::socket::Socket;
use sorl_tests::stage::Stage;

use crate::shared::stage;

const HOUR: Duration = Duration::from_secs(3600);
const MINUTE: Duration = Duration::from_secs(60);

/// A recovery as a client does it: `subscribe`, then pages of `history` while there are more.
struct Recovery {
    messages: Vec<Value>,
    pages: usize,
    recovered: bool,
    cursor: String,
}

async fn recover(socket: &mut Socket, channel: &str, since: &str, region: &str) -> Recovery {
    let request = json!({"action": "subscribe", "channel": channel, "since": since, "region": region});
    let mut result = socket.result(request).await;
    let recovered = result["recovered"].as_bool().expect("recovered is a bool");
    let mut messages: Vec<Value> = Vec::new();
    let mut pages = 0;
    loop {
        pages += 1;
        let page = result["messages"].as_array().expect("messages are a list");
        assert!(ids_in_order(page).is_sorted(), "a page is in id order");
        messages.extend(page.iter().cloned());
        let cursor = text(&result["cursor"]);
        if result["more"] == false {
            return Recovery { messages, pages, recovered, cursor };
        }
        result = socket
            .result(json!({"action": "history", "channel": channel, "since": cursor, "limit": 500}))
            .await;
    }
}

fn ids_in_order(messages: &[Value]) -> Vec<String> {
    messages.iter().map(|message| text(&message["id"])).collect()
}

/// The data of numbered messages.
fn numbers(messages: &[Value]) -> BTreeSet<u64> {
    messages.iter().filter_map(|message| message["data"].as_u64()).collect()
}

/// Publishes so many numbered messages in batches of ten.
async fn publish_many(stage: &Stage, region: &str, channel: &str, count: usize) {
    let numbers: Vec<_> = (0..count).collect();
    for batch in numbers.chunks(10) {
        let ids: Vec<_> = batch.iter().map(ToString::to_string).collect();
        let entries: Vec<Entry<'_>> = batch
            .iter()
            .zip(&ids)
            .map(|(n, id)| (id.as_str(), json!({"channel": channel, "data": n}).to_string(), None))
            .collect();
        let answer = stage.publish_batch(region, &entries).await;
        assert_eq!((answer.status, answer.body.contains("<Code>")), (200, false), "{answer:?}");
    }
}

#[tokio::test]
async fn a_client_that_missed_1000_messages_gets_them_all_in_another_region_in_id_order() {
    let stage = stage().await;
    let [here, there, elsewhere] = stage.three();
    let channel = room();
    let mut client = stage.somebody(here).await;
    client.subscribe(&channel).await;
    stage.publish(elsewhere, &json!({"channel": channel, "data": "seen"})).await;
    let seen = text(&client.message(&channel, "seen").await["id"]);
    let user = client.user.clone();
    client.close().await;

    publish_many(&stage, elsewhere, &channel, 1_000).await;
    let mut witness = stage.somebody(there).await;
    let mut again = stage.connect(there, &user).await;
    let all: BTreeSet<u64> = (0..1_000).collect();
    sorl_tests::eventually("the log there has them all", async || {
        let recovery = recover(&mut witness, &channel, &seen, there).await;
        all.is_subset(&numbers(&recovery.messages)).then_some(())
    })
    .await;
    let recovery = recover(&mut again, &channel, &seen, here).await;
    assert!(recovery.recovered);
    assert!(recovery.pages > 1, "1,000 messages do not fit one page");
    let order = ids_in_order(&recovery.messages);
    assert!(order.is_sorted(), "the pages follow each other");
    assert_eq!(order.iter().collect::<BTreeSet<_>>().len(), order.len(), "once each");
    assert_eq!(numbers(&recovery.messages), all);
    assert_eq!(recovery.cursor, *order.last().unwrap());

    again.publish(&channel, "live again").await;
    again.message(&channel, "live again").await;
}

#[tokio::test]
async fn a_client_that_had_seen_nothing_resumes_from_its_first_cursor() {
    let stage = stage().await;
    let [here, there, _] = stage.three();
    let channel = room();
    let mut client = stage.somebody(here).await;
    let first = text(&client.subscribe(&channel).await["cursor"]);
    client.close().await;
    let mut bob = stage.member(there, &channel).await;
    let missed = bob.publish(&channel, "missed").await;
    bob.message(&channel, "missed").await;
    for region in [here, there] {
        let mut again = stage.somebody(region).await;
        sorl_tests::eventually("the message is recovered", async || {
            let recovery = recover(&mut again, &channel, &first, here).await;
            assert!(recovery.recovered);
            ids(&recovery.messages).contains(&missed).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn an_answer_with_nothing_in_it_keeps_the_cursor() {
    let stage = stage().await;
    let (here, channel) = (stage.three()[0], room());
    let mut socket = stage.somebody(here).await;
    let cursor = text(&socket.subscribe(&channel).await["cursor"]);
    let recovery = recover(&mut socket, &channel, &cursor, here).await;
    assert_eq!((recovery.recovered, recovery.messages.len(), recovery.cursor), (true, 0, cursor));
}

#[tokio::test]
async fn an_answer_starts_a_minute_before_its_cursor() {
    let stage = stage().await;
    let here = stage.three()[0];
    let channel = room();
    let mut socket = stage.member(here, &channel).await;
    let first = socket.publish(&channel, 1).await;
    let second = socket.publish(&channel, 2).await;
    socket.live(&channel, 2).await;
    let recovery = recover(&mut socket, &channel, &second, here).await;
    assert_eq!(ids_in_order(&recovery.messages), [first, second.clone()], "the client drops what it knows");
    assert_eq!((recovery.recovered, recovery.cursor), (true, second));
}

#[tokio::test]
async fn a_cursor_older_than_the_history_is_told_and_what_is_there_comes() {
    let stage = stage().await;
    let here = stage.three()[0];
    let channel = room();
    let mut socket = stage.member(here, &channel).await;
    let id = socket.publish(&channel, "still there").await;
    socket.live(&channel, 1).await;
    for age in [25 * HOUR, 24 * 365 * HOUR] {
        let recovery = recover(&mut socket, &channel, &cursor_of_age(age), here).await;
        assert!(!recovery.recovered);
        assert_eq!(ids_in_order(&recovery.messages), std::slice::from_ref(&id));
    }
}

#[tokio::test]
async fn a_cursor_whose_start_falls_out_of_the_history_is_told_from_then_on() {
    let stage = stage().await;
    let here = stage.three()[0];
    let channel = unique("brief:test");
    let mut socket = stage.somebody(here).await;
    let cursor = text(&socket.subscribe(&channel).await["cursor"]);
    assert!(recover(&mut socket, &channel, &cursor, here).await.recovered);
    sorl_tests::eventually("the start is older than what is kept", async || {
        (!recover(&mut socket, &channel, &cursor, here).await.recovered).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_stage_is_complete_from_its_beginning() {
    let server = Launch::plain().start().await;
    let here = server.stage.three()[0];
    let mut socket = server.stage.somebody(here).await;
    for age in [Duration::ZERO, MINUTE, HOUR] {
        assert!(recover(&mut socket, &room(), &cursor_of_age(age), here).await.recovered);
    }
}

#[tokio::test]
async fn a_cursor_gained_elsewhere_reaches_16_minutes_further_back() {
    let stage = stage().await;
    let [here, there, _] = stage.three();
    let channel = unique("short:test");
    let mut socket = stage.somebody(here).await;
    let cursor = text(&socket.subscribe(&channel).await["cursor"]);
    assert!(recover(&mut socket, &channel, &cursor, here).await.recovered);
    assert!(!recover(&mut socket, &channel, &cursor, there).await.recovered);
    let absent = socket.result(json!({"action": "subscribe", "channel": channel, "since": cursor})).await;
    assert_eq!(absent["recovered"], false, "an absent region counts as elsewhere");
}

#[tokio::test]
async fn a_cursor_of_the_future_is_no_harm() {
    let stage = stage().await;
    let here = stage.three()[0];
    let channel = room();
    let mut socket = stage.member(here, &channel).await;
    let id = socket.publish(&channel, 1).await;
    socket.live(&channel, 1).await;
    let recovery = recover(&mut socket, &channel, "ffffffff-ffff-7fff-bfff-ffffffffffff", here).await;
    assert_eq!(ids_in_order(&recovery.messages), [id]);
}

#[tokio::test]
async fn without_the_right_to_history_recovery_reaches_back_an_hour_and_pages_90_minutes() {
    let stage = stage().await;
    let here = stage.three()[0];
    let channel = room();
    let mut bob = stage.member(here, &channel).await;
    let id = bob.publish(&channel, "recent").await;
    bob.live(&channel, 1).await;
    let listener = json!({ (channel.clone()): ["subscribe"] });
    let mut alice = stage.connect_with(here, &unique("alice"), listener).await;

    // The stage may be younger than that, so that something may be missing; what is there comes.
    let within = recover(&mut alice, &channel, &cursor_of_age(59 * MINUTE), here).await;
    assert_eq!(ids_in_order(&within.messages), std::slice::from_ref(&id));
    let beyond = recover(&mut alice, &channel, &cursor_of_age(61 * MINUTE), here).await;
    assert_eq!((beyond.recovered, beyond.messages.len()), (false, 0));

    let history = |more: Value| {
        let mut request = json!({"action": "history", "channel": channel});
        request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        request
    };
    let page = alice.result(history(json!({"since": cursor_of_age(89 * MINUTE)}))).await;
    assert_eq!(page["messages"][0]["id"], id.as_str());
    let now = cursor_of_age(Duration::ZERO);
    for forbidden in
        [json!({"since": cursor_of_age(91 * MINUTE)}), json!({}), json!({"before": now}), json!({"limit": 1})]
    {
        assert_eq!(alice.refusal(history(forbidden.clone())).await, "forbidden", "{forbidden}");
    }
    let rewind = json!({"action": "subscribe", "channel": channel, "rewind": 1});
    assert_eq!(alice.refusal(rewind).await, "forbidden");
}

#[tokio::test]
async fn history_without_subscribe_reads_everything_and_recovers_nothing() {
    let stage = stage().await;
    let here = stage.three()[0];
    let channel = room();
    let mut bob = stage.member(here, &channel).await;
    let id = bob.publish(&channel, 1).await;
    bob.live(&channel, 1).await;
    let mut reader =
        stage.connect_with(here, &unique("reader"), json!({ (channel.clone()): ["history"] })).await;
    for since in [cursor_of_age(MINUTE), cursor_of_age(20 * HOUR)] {
        let page = reader.result(json!({"action": "history", "channel": channel, "since": since})).await;
        assert_eq!(page["messages"][0]["id"], id.as_str());
        let request = json!({"action": "subscribe", "channel": channel, "since": since});
        assert_eq!(reader.refusal(request).await, "forbidden");
    }
}

#[tokio::test]
async fn a_drop_in_the_middle_of_a_paged_recovery_loses_nothing() {
    let stage = stage().await;
    let here = stage.three()[0];
    let channel = room();
    let mut witness = stage.somebody(here).await;
    let since = text(&witness.subscribe(&channel).await["cursor"]);
    publish_many(&stage, here, &channel, 1_200).await;
    witness.live(&channel, 1_200).await;

    // The first page comes, then live messages, then the line drops: those must not have moved the cursor.
    let mut client = stage.somebody(here).await;
    let request = json!({"action": "subscribe", "channel": channel, "since": since, "region": here});
    let first = client.result(request).await;
    assert_eq!((&first["more"], &first["recovered"]), (&json!(true), &json!(true)));
    client.publish(&channel, "live in between").await;
    client.message(&channel, "live in between").await;
    let user = client.user.clone();
    drop(client);

    let mut again = stage.connect(here, &user).await;
    let rest = recover(&mut again, &channel, &text(&first["cursor"]), here).await;
    assert!(rest.recovered);
    let page = first["messages"].as_array().unwrap();
    let data = page.iter().chain(&rest.messages).filter_map(|message| message["data"].as_u64());
    assert_eq!(data.collect::<BTreeSet<_>>(), (0..1_200).collect());
}

#[tokio::test]
async fn the_personal_channel_is_recovered_like_any_other() {
    let stage = stage().await;
    let [here, there, elsewhere] = stage.three();
    let user = unique("alice");
    let own = format!("@{user}");
    let mut first = stage.connect(here, &user).await;
    stage.publish(there, &json!({"channel": own, "data": "seen"})).await;
    let seen = text(&first.message(&own, "seen").await["id"]);
    first.close().await;
    stage.publish(there, &json!({"channel": own, "data": "missed"})).await;
    let mut again = stage.connect(elsewhere, &user).await;
    sorl_tests::eventually("the direct message is recovered", async || {
        let recovery = recover(&mut again, &own, &seen, here).await;
        assert!(recovery.recovered);
        recovery.messages.iter().any(|message| message["data"] == "missed").then_some(())
    })
    .await;
}
