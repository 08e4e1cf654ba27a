//! `sorl probe` against `sorl dev`: every pair of regions is told, and a pair that fails fails the probe.

use std::process::Output;

use serde_json::{Value, json};
use sorl_tests::program::{complaint, out, sorl, sorl_at};
use sorl_tests::server::{Folder, Launch};
use sorl_tests::stage::Stage;

use crate::load_command::told;
use crate::shared::stage;

async fn probe(stage: &Stage, flags: &[&str]) -> Output {
    sorl_at(stage, &[&["probe"], flags].concat()).await
}

fn pair<'r>(report: &'r Value, from: &str, to: &str) -> &'r Value {
    let mut pairs = report["pairs"].as_array().expect("pairs").iter();
    pairs.find(|pair| pair["from"] == from && pair["to"] == to).expect("every pair is there")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_probe_tells_every_pair_of_regions() {
    let stage = stage().await;
    let folder = Folder::new("probe");
    let svg = folder.path().join("probe.svg");
    for via in ["ws", "sns"] {
        // Far above what it takes: only a fault runs into it.
        let flags = ["--rounds", "3", "--bound", "30s", "--publish-via", via, "--json"];
        let flags = [&flags[..], &["--svg", svg.to_str().unwrap()]].concat();
        let (report, code) = told(&probe(&stage, &flags).await);
        assert_eq!((code, &report["ok"], &report["rounds"]), (Some(0), &json!(true), &json!(3)), "{report}");
        for from in stage.three() {
            for to in stage.three() {
                let pair = pair(&report, from, to);
                assert!(pair["median_ms"].as_f64() > Some(0.0), "{pair}");
                assert!(pair["worst_ms"].as_f64() >= pair["median_ms"].as_f64(), "{pair}");
            }
        }
        let picture = std::fs::read_to_string(&svg).unwrap();
        assert_eq!(picture.matches("<title>from ").count(), 9, "{picture}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_probe_for_people_keeps_within_80_columns() {
    let stage = stage().await;
    let output = probe(&stage, &["--rounds", "1", "--bound", "30s"]).await;
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    assert!(text.contains("9 of 9 pairs"), "{text}");
    for region in stage.three() {
        assert_eq!(text.matches(region).count(), 2, "a row and a column: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_region_that_is_cut_off_fails_the_probe_in_its_row_and_column_alone() {
    let server = Launch::plain().start().await;
    let [cut, here, there] = server.stage.three();
    server.stage.faults(json!({ "cut": [cut] })).await;
    let output = probe(&server.stage, &["--rounds", "1", "--bound", "5s", "--json"]).await;
    let (report, code) = told(&output);
    assert_eq!((code, &report["ok"]), (Some(1), &json!(false)), "{report}");
    for (from, to) in [(cut, here), (there, cut)] {
        let pair = pair(&report, from, to);
        assert_eq!((&pair["missing"], &pair["median_ms"]), (&json!(1), &Value::Null), "{pair}");
    }
    for (from, to) in [(cut, cut), (here, there), (there, here)] {
        assert_eq!(pair(&report, from, to)["missing"], 0, "{report}");
    }
    let said = complaint(&output);
    assert!(said.contains("of 9 pairs arrived within"), "{said}");
}

#[tokio::test]
async fn bad_flags_of_a_probe_are_refused() {
    let stage = stage().await;
    for flags in [&["--rounds", "0"], &["--bound", "soon"]] {
        let output = probe(&stage, flags).await;
        assert_eq!(output.status.code(), Some(2), "{output:?}");
    }
}

#[tokio::test]
async fn load_and_probe_have_help_with_examples() {
    for command in ["load", "probe"] {
        let help = out(&sorl(&[command, "--help"]).await);
        assert!(help.contains(&format!("Examples:\n  sorl {command}")) && help.contains("--json"), "{help}");
    }
}
