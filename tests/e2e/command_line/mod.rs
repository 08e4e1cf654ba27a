//! The command line as a person or a script uses it, against `sorl dev`.
//!
//! What it does in the same way on a deployed stage is in `operating`.

mod check;
mod dlq;
mod doctor;
mod drain;
mod help;

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

use serde_json::{Value, json};
use sorl_tests::DEADLINE;
use sorl_tests::frame::text;
use sorl_tests::names::room;
use sorl_tests::program::{out, sorl};
use sorl_tests::server::binary;
use sorl_tests::socket::Socket;

use crate::shared::stage;

#[tokio::test]
async fn token_prints_a_token_that_opens_a_connection() {
    let stage = stage().await;
    let grants = r#"{"room:*":["subscribe"]}"#;
    let token =
        out(&sorl(&["token", "alice", "--url", &stage.url, "--grants", grants, "--ttl", "60s"]).await);
    let mut alice = Socket::open("alice", &stage.regions[0].url, &token).await;
    alice.subscribe(&room()).await;
    assert_eq!(alice.refusal(json!({"action": "history", "channel": room()})).await, "forbidden");
    let printed: Value =
        serde_json::from_str(&out(&sorl(&["token", "alice", "--url", &stage.url, "--json"]).await)).unwrap();
    assert!(printed["token"].is_string(), "{printed}");
}

#[tokio::test]
async fn publish_goes_through_the_aws_sdk_without_any_credentials() {
    let stage = stage().await;
    let region = stage.three()[1];
    let channel = room();
    let mut members = stage.members(&channel).await;
    let data = json!({"text": "hello"});
    let arguments =
        ["publish", &channel, &data.to_string(), "--user", "bot", "--key", "k", "--region", region];
    let arguments = [&arguments[..], &["--endpoint-url", &stage.url, "--json"]].concat();
    let printed: Value = serde_json::from_str(&out(&sorl(&arguments).await)).unwrap();
    assert!(printed["message_id"].is_string(), "{printed}");
    for member in &mut members {
        let message = member.message(&channel, data.clone()).await;
        assert_eq!((&message["user"], &message["region"]), (&json!("bot"), &json!(region)));
    }
    // Any text is data.
    out(&sorl(&["publish", &channel, "plain text", "--endpoint-url", &stage.url]).await);
    members[0].message(&channel, "plain text").await;
}

#[tokio::test]
async fn what_went_wrong_is_one_sentence_and_exit_1() {
    // Nothing listens on port 1.
    for arguments in [
        &["token", "alice", "--url", "http://127.0.0.1:1"][..],
        &["tail", "room:a", "--url", "http://127.0.0.1:1"],
        &["publish", "room:a", "1", "--endpoint-url", "http://127.0.0.1:1"],
        &["history", "room:a", "--url", "http://127.0.0.1:1"],
        &["members", "room:a", "--url", "http://127.0.0.1:1"],
        &["kick", "bob", "--url", "http://127.0.0.1:1"],
        &["dlq", "list", "--url", "http://127.0.0.1:1"],
        &["doctor", "--url", "http://127.0.0.1:1"],
    ] {
        let output = sorl(arguments).await;
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {told}");
        assert!(told.contains("127.0.0.1:1"), "{arguments:?}: {told}");
        assert!(!told.contains("panicked"), "{told}");
    }
}

#[tokio::test]
async fn capacity_answers_in_json_for_the_usual_loads_and_for_ones_own() {
    let usual: Value =
        serde_json::from_str(&out(&sorl(&["capacity", "--json", "--seconds", "2"]).await)).unwrap();
    assert_eq!(usual["cases"].as_array().map(Vec::len), Some(4), "{usual}");
    for assumption in usual["assumptions"].as_array().unwrap() {
        assert!(assumption["what"].is_string() && assumption["value"].is_number(), "{assumption}");
        assert!(assumption["source"].as_str().is_some_and(|source| !source.is_empty()), "{assumption}");
    }
    let own = ["capacity", "--json", "--audience", "1000", "--messages-per-second", "2", "--seconds", "5"];
    let own: Value = serde_json::from_str(&out(&sorl(&own).await)).unwrap();
    let case = &own["cases"][0];
    assert_eq!(case["load"]["room_size"], 1_000);
    for run in case["runs"].as_array().unwrap() {
        for key in ["p50", "p90", "p99", "max"] {
            assert!(run["latency_ms"][key].as_f64() > Some(0.0), "{run}");
        }
        for lane in ["live", "bulk"] {
            assert!(run["concurrency"][lane]["peak"].is_number(), "{run}");
        }
        for key in ["posts", "posts_per_second", "messages_per_frame", "frame_fill", "keeps_up", "binds"] {
            assert!(!run[key].is_null(), "{key}: {run}");
        }
        for need in run["needs"].as_array().unwrap() {
            assert!(need["needed"].is_number() && need["binds"].is_boolean(), "{need}");
        }
        let owed = run["messages"].as_f64().unwrap() * 1_000.0;
        assert!((run["deliveries"].as_f64().unwrap() - owed).abs() < 1e-3 * owed, "{run}");
    }
}

#[tokio::test]
async fn capacity_refuses_what_lambda_refuses() {
    let output = sorl(&["capacity", "--audience", "10", "--batch", "11"]).await;
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("--window"), "{output:?}");
}

/// `sorl tail`, killed with the test.
struct Tail {
    child: Child,
    lines: Receiver<String>,
}

impl Tail {
    fn start(arguments: &[&str]) -> Self {
        let mut command = Command::new(binary());
        command.arg("tail").args(arguments).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("the program runs");
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let (sender, receiver) = channel();
        std::thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Self { child, lines: receiver }
    }

    fn line(&self) -> String {
        self.lines.recv_timeout(DEADLINE).expect("a line in time")
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        self.child.kill().and_then(|()| self.child.wait()).expect("it can be killed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tail_prints_what_was_and_what_comes_until_it_is_interrupted() {
    let stage = stage().await;
    let [here, there, _] = stage.three();
    let channel = room();
    let mut alice = stage.member(here, &channel).await;
    let first = alice.publish(&channel, "what was").await;
    alice.live(&channel, 1).await;
    let mut tail = Tail::start(&[&channel, "--url", &stage.url, "--region", here, "--rewind", "5", "--json"]);
    let message: Value = serde_json::from_str(&tail.line()).unwrap();
    assert_eq!((text(&message["id"]), &message["data"]), (first, &json!("what was")));
    let mut bob = stage.somebody(there).await;
    bob.publish(&channel, "what comes").await;
    let message: Value = serde_json::from_str(&tail.line()).unwrap();
    assert_eq!((&message["data"], &message["user"]), (&json!("what comes"), &json!(bob.user)));

    let pid = tail.child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let status = sorl_tests::eventually("tail ends", async || tail.child.try_wait().unwrap()).await;
    assert_eq!(status.code(), Some(0), "{status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn tail_for_people_shows_who_said_what() {
    let stage = stage().await;
    let here = stage.three()[0];
    let channel = room();
    let mut alice = stage.member(here, &channel).await;
    alice.publish(&channel, "hello there").await;
    alice.live(&channel, 1).await;
    let tail = Tail::start(&[&channel, "--url", &stage.url, "--rewind", "1"]);
    let line = tail.line();
    assert!(line.contains(&alice.user) && line.contains("hello there") && line.contains(here), "{line}");
}

#[tokio::test]
async fn tail_without_a_grant_says_so_and_ends() {
    let stage = stage().await;
    let token = stage.mint("nobody", Some(&json!({})), 60).await;
    let output = sorl(&["tail", &room(), "--token", &token, "--url", &stage.url]).await;
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("grant"), "{told}");
}
