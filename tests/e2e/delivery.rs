//! What delivery does about connections that are gone or do not read, and that others do not feel it.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sorl_tests::frame::{ids, text};
use sorl_tests::names::{room, unique};
use sorl_tests::server::Launch;
use sorl_tests::socket::Socket;
use sorl_tests::stage::Stage;

/// Two connections' delivery, and the first message of each, may take this long at the worst.
const PATIENCE: Duration = Duration::from_secs(90);

#[tokio::test]
async fn a_connection_that_vanished_leaves_presence_after_its_failed_posts() {
    let server = Launch::plain().start().await;
    let stage = &server.stage;
    let here = stage.three()[0];
    let channel = room();
    let mut watcher = stage.member(here, &channel).await;
    // The index lags ten seconds, so `disconnect` does not find the row: as if it had never been called.
    stage.faults(json!({"lag_ms": 100_000})).await;
    let ghost = stage.member(here, &channel).await;
    let name = ghost.user.clone();
    drop(ghost);
    let closed = ("sorl_connections", [("region", here)]);
    sorl_tests::eventually("the gateway knows that it is gone", async || {
        (stage.metric(closed.0, &closed.1).await < 1.5).then_some(())
    })
    .await;
    stage.faults(json!({})).await;
    let presence = json!({"action": "presence", "channel": channel});
    assert_eq!(watcher.result(presence.clone()).await["count"], 2, "the row still stands");

    // A member younger than half a minute may be a handshake that is still pending: it is tried again first.
    let id = watcher.publish(&channel, "is anybody there").await;
    assert_eq!(watcher.message(&channel, "is anybody there").await["id"], id.as_str());
    sorl_tests::within(PATIENCE, "the ghost's row is removed", async || {
        watcher.publish(&channel, "still there?").await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        (watcher.result(presence.clone()).await["count"] == 1).then_some(())
    })
    .await;
    let leave = json!({"event": "leave", "user": name, "region": here});
    watcher
        .frame("the ghost's leave", |frame| {
            frame["type"] == "presence"
                && frame["events"].as_array().is_some_and(|events| events.contains(&leave))
        })
        .await;
    assert!(stage.metric("sorl_gone_total", &[("region", here)]).await >= 1.0);
}

/// The time from acceptance to arrival of so many messages, ascending.
async fn latencies(sender: &mut Socket, member: &mut Socket, channel: &str, count: usize) -> Vec<Duration> {
    let mut took = Vec::new();
    for n in 0..count {
        let started = Instant::now();
        let data = json!({"probe": n, "mark": unique("probe")});
        sender.publish(channel, data.clone()).await;
        member.message(channel, data).await;
        took.push(started.elapsed());
    }
    took.sort();
    took
}

fn p99(sorted: &[Duration]) -> Duration {
    sorted[sorted.len() * 99 / 100]
}

async fn publish_twenty(sender: &mut Socket, channel: &str, filler: &str) -> Vec<String> {
    let mut published = Vec::new();
    for n in 0..20 {
        published.push(sender.publish(channel, format!("{n}{filler}")).await);
    }
    published
}

async fn recover_all(stage: &Stage, region: &str, user: &str, channel: &str, since: &str) -> Vec<Value> {
    let mut again = stage.connect(region, user).await;
    let request = json!({"action": "subscribe", "channel": channel, "since": since, "region": region});
    let mut page = again.result(request).await;
    assert_eq!(page["recovered"], true);
    let mut messages = page["messages"].as_array().unwrap().clone();
    while page["more"] == true {
        let more = json!({"action": "history", "channel": channel, "since": page["cursor"], "limit": 500});
        page = again.result(more).await;
        messages.extend(page["messages"].as_array().unwrap().iter().cloned());
    }
    messages
}

#[tokio::test]
async fn a_client_that_does_not_read_is_closed_as_slow_and_recovers_and_others_are_not_harmed() {
    let server = Launch::plain().start().await;
    let stage = &server.stage;
    let [here, there, _] = stage.three();
    let (channel, probes) = (room(), room());
    let mut others = stage.members(&channel).await;
    let (mut sender, mut probe) = (stage.somebody(there).await, stage.member(here, &probes).await);
    let before = latencies(&mut sender, &mut probe, &probes, 200).await;

    let user = unique("deaf");
    let mut deaf = Socket::open_narrow(&user, &stage.region(here).url, &stage.token(&user).await).await;
    let cursor = text(&deaf.subscribe(&channel).await["cursor"]);
    // From here on it reads nothing, until the server has given it up.
    let filler = "x".repeat(30_000);
    let mut published = BTreeSet::new();
    let throttled = async || stage.metric("sorl_throttled_total", &[("region", here)]).await >= 1.0;
    let mut rounds = 0;
    while !throttled().await {
        rounds += 1;
        assert!(rounds < 100, "60 MB went to a client that does not read");
        published.extend(publish_twenty(&mut others[1], &channel, &filler).await);
    }
    // What was just being written makes room once more: more than that.
    for _ in 0..3 {
        published.extend(publish_twenty(&mut others[1], &channel, &filler).await);
    }
    let during = latencies(&mut sender, &mut probe, &probes, 200).await;
    for member in &mut others {
        let messages = member.live(&channel, published.len()).await;
        assert_eq!(ids(&messages), published);
    }
    sorl_tests::within(PATIENCE, "the deaf one is closed", async || {
        (stage.metric("sorl_closed_slow_total", &[("region", here)]).await >= 1.0).then_some(())
    })
    .await;
    assert!(
        stage.metric("sorl_throttled_total", &[("region", here)]).await >= 5.0,
        "five attempts come first"
    );
    let bye = deaf.frame("a bye", |frame| frame["type"] == "bye").await;
    assert_eq!(bye, json!({"type": "bye", "code": "slow", "reconnect": true}));
    deaf.closed().await;

    let recovered = recover_all(stage, here, &user, &channel, &cursor).await;
    assert_eq!(ids(&recovered), published);
    println!(
        "p99 of others: {:?} before, {:?} beside a client that does not read",
        p99(&before),
        p99(&during)
    );
    // A fifth, and what two busy cores add by chance.
    assert!(p99(&during) < p99(&before) * 6 / 5 + Duration::from_millis(50));
}

#[tokio::test]
async fn a_large_backlog_for_many_connections_is_coalesced_up_to_32_kilobytes() {
    let server = Launch::plain().start().await;
    let stage = &server.stage;
    let here = stage.three()[0];
    let channel = room();
    let mut member = stage.member(here, &channel).await;
    let names: Vec<_> = (0..10).map(|n| format!("n{n}")).collect();
    let filler = "x".repeat(8_000);
    let entries: Vec<_> = names
        .iter()
        .map(|name| (name.as_str(), json!({"channel": channel, "data": filler}).to_string(), None))
        .collect();
    assert_eq!(stage.publish_batch(here, &entries).await.status, 200);
    member.live(&channel, 10).await;
    let frames: Vec<_> =
        member.texts().filter(|text| text.contains(r#""type":"messages""#)).map(str::len).collect();
    assert!(frames.iter().all(|len| *len <= 32 * 1024), "{frames:?}");
    assert!(frames.len() < 10, "{frames:?}");
}

#[tokio::test]
async fn a_region_that_is_cut_off_catches_up_and_the_others_chat_on() {
    let server = Launch::plain().start().await;
    let stage = &server.stage;
    let [one, two, cut] = stage.three();
    let channel = room();
    let mut members = stage.members(&channel).await;
    let cursor = text(&members[0].subscribe(&channel).await["cursor"]);
    stage.faults(json!({"cut": [cut]})).await;
    for n in 0..30 {
        members[0].publish(&channel, format!("one {n}")).await;
        members[1].publish(&channel, format!("two {n}")).await;
        members[2].publish(&channel, format!("cut {n}")).await;
    }
    for member in &mut members[..2] {
        let messages = member.live(&channel, 60).await;
        assert!(messages.iter().all(|message| !text(&message["data"]).starts_with("cut")));
    }
    let inside = members[2].live(&channel, 30).await;
    assert!(
        inside.iter().all(|message| text(&message["data"]).starts_with("cut")),
        "a cut region goes on by itself"
    );

    stage.faults(json!({})).await;
    members[2].live(&channel, 60).await;
    for member in &mut members[..2] {
        member.live(&channel, 30).await;
    }
    for region in [one, two, cut] {
        let user = unique("back");
        sorl_tests::eventually("every region's log has everything", async || {
            let all = recover_all(stage, region, &user, &channel, &cursor).await;
            (ids(&all).len() == 90).then_some(())
        })
        .await;
    }
}
