//! What outlives the process: nothing acknowledged is lost over `kill -9`, and a stop says goodbye.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::json;
use sorl_tests::frame::text;
use sorl_tests::http::{form, request};
use sorl_tests::names::{cursor_of_age, room, unique};
use sorl_tests::server::{Folder, Launch, binary};
use sorl_tests::sns::elements;
use sorl_tests::socket::{Incoming, Socket};
use sorl_tests::stage::Stage;
use tokio::task::JoinSet;

/// The data of every message in a channel's history, in this region.
async fn history(socket: &mut Socket, channel: &str) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    let mut since = cursor_of_age(Duration::from_secs(3600));
    loop {
        let request = json!({"action": "history", "channel": channel, "since": since, "limit": 500});
        let page = socket.result(request).await;
        all.extend(page["messages"].as_array().unwrap().iter().map(|message| text(&message["data"])));
        since = text(&page["cursor"]);
        if page["more"] == false {
            return all;
        }
    }
}

/// Publishes until the server is gone; returns what was acknowledged.
async fn chat_until_the_end(mut socket: Socket, channel: String, count: Arc<AtomicUsize>) -> Vec<String> {
    let mut acknowledged = Vec::new();
    for n in 0_u64.. {
        let data = format!("{}:{n}", socket.user);
        let frame = json!({"id": n, "action": "publish", "channel": channel, "data": data});
        if socket.send_raw(frame.to_string().into()).await.is_err() {
            break;
        }
        let Some(frame) = reply_to(&mut socket, n).await else { break };
        assert_eq!(frame["type"], "reply", "{frame}");
        acknowledged.push(data);
        count.fetch_add(1, Ordering::Relaxed);
    }
    acknowledged
}

async fn reply_to(socket: &mut Socket, id: u64) -> Option<serde_json::Value> {
    loop {
        match socket.next().await {
            Incoming::Frame(frame) if frame["id"] == id => return Some(frame),
            Incoming::Frame(_) => {}
            Incoming::Closed(_) => return None,
        }
    }
}

/// As [`chat_until_the_end`], from outside.
async fn publish_until_the_end(
    stage: Stage,
    region: String,
    channel: String,
    count: Arc<AtomicUsize>,
) -> Vec<String> {
    let topic = &stage.region(&region).topic;
    let publisher = unique("sns");
    let mut acknowledged = Vec::new();
    for n in 0_u64.. {
        let data = format!("{publisher}:{n}");
        let message = json!({"channel": channel, "data": data}).to_string();
        let body = form(&[("Action", "Publish"), ("TopicArn", topic), ("Message", &message)]);
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        match request("POST", &format!("{}/", stage.url), &headers, body).await {
            Ok(answer) if answer.status == 200 && elements(&answer.body, "MessageId").count() == 1 => {
                acknowledged.push(data);
                count.fetch_add(1, Ordering::Relaxed);
            }
            Ok(answer) => panic!("{answer:?}"),
            Err(_gone) => break,
        }
    }
    acknowledged
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_acknowledged_survives_kill_9_under_load() {
    let data = Folder::new("data");
    let channel = room();
    let mut acknowledged = BTreeSet::new();
    // Twice, so that the second life writes into the data of the first.
    for _ in 0..2 {
        let mut server = Launch::plain().data(&data).start().await;
        let count = Arc::new(AtomicUsize::new(0));
        let mut publishers = JoinSet::new();
        for region in server.stage.three() {
            for _ in 0..3 {
                let socket = server.stage.member(region, &channel).await;
                publishers.spawn(chat_until_the_end(socket, channel.clone(), Arc::clone(&count)));
            }
            let (stage, region) = (server.stage.clone(), region.to_owned());
            publishers.spawn(publish_until_the_end(stage, region, channel.clone(), Arc::clone(&count)));
        }
        sorl_tests::eventually("there is load", async || {
            (count.load(Ordering::Relaxed) > 1_500).then_some(())
        })
        .await;
        server.signal("KILL");
        server.ended().await;
        for batch in publishers.join_all().await {
            acknowledged.extend(batch);
        }
    }
    assert!(acknowledged.len() > 3_000);
    let server = Launch::plain().data(&data).start().await;
    for region in server.stage.three() {
        let mut reader = server.stage.somebody(region).await;
        sorl_tests::eventually(&format!("{region} has all that was acknowledged"), async || {
            acknowledged.is_subset(&history(&mut reader, &channel).await).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn a_message_that_waited_for_a_cut_region_survives_kill_9() {
    let data = Folder::new("data");
    let channel = room();
    let mut server = Launch::plain().data(&data).start().await;
    let [here, cut, _] = server.stage.three().map(str::to_owned);
    server.stage.faults(json!({"cut": [cut]})).await;
    server.stage.somebody(&here).await.publish(&channel, "waits").await;
    server.signal("KILL");
    server.ended().await;
    let server = Launch::plain().data(&data).start().await;
    let mut reader = server.stage.somebody(&cut).await;
    sorl_tests::eventually("a restart heals", async || {
        history(&mut reader, &channel).await.contains("waits").then_some(())
    })
    .await;
}

#[tokio::test]
async fn tokens_and_dead_letters_survive_a_restart() {
    let data = Folder::new("data");
    let mut server = Launch::plain().data(&data).start().await;
    let region = server.stage.three()[0].to_owned();
    let token = server.stage.token("alice").await;
    let topic = server.stage.region(&region).topic.clone();
    sorl_tests::sns::accepted(&server.stage.publish_to(&topic, "to nowhere", None).await);
    let letters = async |stage: &Stage| {
        sorl_tests::eventually("three dead letters", async || {
            let letters = stage.get("/dead-letters").await.json();
            (letters.as_array().unwrap().len() == 3).then_some(letters)
        })
        .await
    };
    let before = letters(&server.stage).await;
    server.signal("TERM");
    assert!(server.ended().await.success());
    let server = Launch::plain().data(&data).start().await;
    assert_eq!(letters(&server.stage).await, before);
    Socket::open("alice", &server.stage.region(&region).url, &token).await.lives().await;
}

#[tokio::test]
async fn a_stop_says_bye_to_everybody_and_ends_well() {
    for signal in ["TERM", "INT"] {
        let data = Folder::new("data");
        let mut server = Launch::plain().data(&data).start().await;
        let channel = room();
        let mut members = server.stage.members(&channel).await;
        members[0].publish(&channel, "accepted").await;
        server.signal(signal);
        for member in &mut members {
            let bye = member.frame("a bye", |frame| frame["type"] == "bye").await;
            assert_eq!(bye, json!({"type": "bye", "code": "shutdown", "reconnect": true}));
            assert_eq!(member.closed().await, Some(1001));
        }
        let status = server.ended().await;
        assert_eq!(status.code(), Some(0), "SIG{signal}: {status}");
        let server = Launch::plain().data(&data).start().await;
        for region in server.stage.three() {
            let mut reader = server.stage.somebody(region).await;
            sorl_tests::eventually("it is in history", async || {
                history(&mut reader, &channel).await.contains("accepted").then_some(())
            })
            .await;
        }
    }
}

#[tokio::test]
async fn on_a_full_disk_a_publish_is_unavailable_and_the_rest_lives_on() {
    let data = Folder::new("data");
    let server = Launch::plain().data(&data).file_kilobytes(6 * 1024).start().await;
    let stage = &server.stage;
    let channel = room();
    let mut alice = stage.member(stage.three()[0], &channel).await;
    let publish = json!({"action": "publish", "channel": channel, "data": "x".repeat(30_000)});
    sorl_tests::within(Duration::from_secs(60), "the disk is full", async || {
        let answer = alice.ask(publish.clone()).await;
        (answer["type"] == "error").then(|| {
            assert_eq!(sorl_tests::frame::code_of(&answer), "unavailable");
        })
    })
    .await;
    alice.lives().await;
    alice.result(json!({"action": "history", "channel": channel})).await;
    alice.result(json!({"action": "presence", "channel": channel})).await;
}

fn run(folder: &Folder, arguments: &[&str]) -> Output {
    Command::new(binary()).args(arguments).current_dir(folder.path()).output().expect("the program runs")
}

#[test]
fn a_taken_port_is_said_with_what_to_do() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let output = run(&Folder::new("port"), &["dev", "--port", &port]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains(&port) && told.contains("--port"), "{told}");
}

#[test]
fn a_wrong_configuration_is_refused_with_every_fault_by_line() {
    let folder = Folder::new("config");
    let text = "stage = 5\nregion = \"x\"\n\n[namespaces.room]\nhistory = \"soon\"\nshards = 4\nshards_read = 2\n\
                colour = 1\n[auth]\nalgorithm = \"none\"\n";
    std::fs::write(folder.path().join("sorl.toml"), text).unwrap();
    for arguments in [&["dev", "--port", "0"][..], &["dev", "--port", "0", "--config", "sorl.toml"]] {
        let output = run(&folder, arguments);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{told}");
        for line in [1, 2, 4, 5, 8, 10] {
            let place = format!("sorl.toml:{line}: ");
            assert!(told.lines().any(|fault| fault.starts_with(&place)), "{place} in {told}");
        }
    }
}

#[test]
fn a_configuration_that_is_not_there_is_said() {
    let output = run(&Folder::new("config"), &["dev", "--port", "0", "--config", "nowhere.toml"]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "{told}");
    assert!(told.contains("nowhere.toml"), "{told}");
}
