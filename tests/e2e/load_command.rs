//! `sorl load` against `sorl dev`: it counts every delivery, and a stage that loses some makes it fail.

use std::io::{BufRead, BufReader};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json as data};
use sorl_tests::program::{complaint, json, sorl_at};
use sorl_tests::server::{Folder, Launch, binary};
use sorl_tests::stage::Stage;

use crate::shared::stage;

/// What a command printed as JSON, and its exit code.
pub(crate) fn told(output: &Output) -> (Value, Option<i32>) {
    (json(output), output.status.code())
}

async fn load(stage: &Stage, flags: &[&str]) -> Output {
    sorl_at(stage, &[&["load"], flags].concat()).await
}

/// The figures of all pairs of regions that `select` takes.
fn pairs(report: &Value, figure: &str, select: impl Fn(&str, &str) -> bool) -> u64 {
    let pairs = report["pairs"].as_array().expect("pairs");
    let selected = pairs.iter().filter(|pair| {
        select(pair["from"].as_str().unwrap_or_default(), pair["to"].as_str().unwrap_or_default())
    });
    selected.map(|pair| pair[figure].as_u64().expect(figure)).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_delivery_of_a_load_is_counted() {
    let stage = stage().await;
    let folder = Folder::new("load");
    let svg = folder.path().join("load.svg");
    for via in ["ws", "sns"] {
        let flags = ["--connections", "24", "--channels", "4", "--rate", "20", "--duration", "2s"];
        let flags = [&flags[..], &["--publish-via", via, "--json", "--svg", svg.to_str().unwrap()]].concat();
        let (report, code) = told(&load(&stage, &flags).await);
        assert_eq!(code, Some(0), "{report}");
        assert_eq!(report["published"]["accepted"], 40, "{report}");
        // Six members a channel.
        assert_eq!(report["deliveries"]["owed"], 240, "{report}");
        assert_eq!(report["deliveries"]["arrived"], 240, "{report}");
        assert_eq!(
            (&report["deliveries"]["lost"], &report["deliveries"]["shown_twice"]),
            (&data!(0), &data!(0))
        );
        assert_eq!(pairs(&report, "arrived", |_, _| true), 240, "{report}");
        for pair in report["pairs"].as_array().unwrap() {
            assert!(pair["arrived"].as_u64() > Some(0), "every pair of regions is measured: {report}");
            let latency = |quantile: &str| pair["latency_ms"][quantile].as_f64().unwrap();
            assert!(latency("p50") <= latency("p99") && latency("p99") <= latency("max"), "{pair}");
        }
        let picture = std::fs::read_to_string(&svg).unwrap();
        assert!(picture.starts_with("<svg ") && picture.ends_with("</svg>\n"), "{picture}");
        for region in stage.three() {
            assert!(picture.contains(region), "{region}: {picture}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_for_people_keeps_within_80_columns() {
    let stage = stage().await;
    let flags = ["--connections", "6", "--channels", "2", "--rate", "10", "--duration", "1s"];
    let output = load(&stage, &flags).await;
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    for word in ["p50", "p99", "lost", "repeated", "reconnects", "█"] {
        assert!(text.contains(word), "{word}: {text}");
    }
    assert!(!text.contains('\u{1b}'), "no colours without a terminal: {text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_loss_is_counted_by_its_pairs_and_fails_the_load() {
    let server = Launch::plain().start().await;
    let [cut, ..] = server.stage.three();
    server.stage.faults(data!({ "cut": [cut] })).await;
    let flags =
        ["--connections", "9", "--channels", "3", "--rate", "10", "--duration", "1s", "--patience", "8s"];
    let output = load(&server.stage, &[&flags[..], &["--json"]].concat()).await;
    let (report, code) = told(&output);
    assert_eq!(code, Some(1), "{report}");
    let across = |from: &str, to: &str| (from == cut) != (to == cut);
    assert!(pairs(&report, "lost", across) > 0, "{report}");
    assert_eq!(pairs(&report, "arrived", across), 0, "{report}");
    assert_eq!(pairs(&report, "lost", |from, to| !across(from, to)), 0, "{report}");
    assert_eq!(report["deliveries"]["lost"], pairs(&report, "lost", across));
    let said = complaint(&output);
    assert!(said.contains("did not arrive"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_wire_brings_twice_is_counted_and_shown_once() {
    let server = Launch::plain().start().await;
    server.stage.faults(data!({ "duplicate": 1.0 })).await;
    let flags = ["--connections", "6", "--channels", "2", "--rate", "10", "--duration", "2s", "--json"];
    let (report, code) = told(&load(&server.stage, &flags).await);
    assert_eq!(code, Some(0), "{report}");
    assert!(report["deliveries"]["repeated"].as_u64() > Some(0), "{report}");
    assert_eq!(report["deliveries"]["shown_twice"], 0, "{report}");
    assert_eq!(report["deliveries"]["owed"], report["deliveries"]["arrived"], "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_are_counted_by_their_code() {
    // The namespace takes two messages a second of each user, and each region has one that publishes.
    let stage = stage().await;
    let flags = ["--namespace", "slow", "--connections", "3", "--channels", "1", "--rate", "30"];
    let flags = [&flags[..], &["--duration", "1s", "--json"]].concat();
    let (report, code) = told(&load(&stage, &flags).await);
    assert_eq!(code, Some(0), "what was refused is not owed: {report}");
    let refused = report["published"]["refused"]["rate_limited"].as_u64().expect("refusals");
    assert_eq!(
        report["published"]["accepted"].as_u64().map(|accepted| accepted + refused),
        Some(30),
        "{report}"
    );
}

#[tokio::test]
async fn a_load_that_cannot_be_carried_out_is_refused() {
    let stage = stage().await;
    for (flags, word) in [
        (&["--connections", "0"][..], "--connections"),
        (&["--connections", "5", "--channels", "6"], "more than --connections"),
        (&["--size", "40000"], "bytes of data"),
        (&["--rate", "0.1", "--duration", "1s"], "no message"),
        (&["--rate", "0"], "above 0"),
    ] {
        let output = load(&stage, flags).await;
        let said = complaint(&output);
        assert_eq!(output.status.code(), Some(2), "{flags:?}: {said}");
        assert!(said.contains(word), "{flags:?}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_ends_a_load_with_what_was_measured() {
    let stage = stage().await;
    let mut program = Command::new(binary());
    program.args([
        "load",
        "--url",
        &stage.url,
        "--connections",
        "6",
        "--channels",
        "2",
        "--duration",
        "1h",
        "--json",
    ]);
    let running = tokio::task::spawn_blocking(move || {
        let mut child =
            program.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program runs");
        let lines = BufReader::new(child.stderr.take().expect("piped")).lines();
        let publishing = |line: &std::io::Result<String>| {
            line.as_ref().is_ok_and(|line| line.starts_with("publishing") && !line.contains(" 0 arrived"))
        };
        let found = lines.into_iter().find(publishing);
        assert!(found.is_some(), "it says that it publishes");
        let pid = child.id().to_string();
        assert!(Command::new("kill").args(["-INT", &pid]).status().expect("kill").success());
        child.wait_with_output().expect("it ends")
    });
    let (report, code) = told(&running.await.expect("a thread"));
    assert_eq!(code, Some(0), "{report}");
    assert_eq!(
        (&report["interrupted"], &report["deliveries"]["lost"]),
        (&data!(true), &data!(0)),
        "{report}"
    );
    assert!(report["deliveries"]["arrived"].as_u64() > Some(0), "{report}");
}
