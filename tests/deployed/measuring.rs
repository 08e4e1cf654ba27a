//! `sorl load` and `sorl probe` on the deployed stage, found by its name: tokens from its secret, SNS of its regions.
//!
//! Not how fast it is: the emulator says nothing of that.

use serde_json::{Value, json as data};
use sorl_tests::program::{json, sorl_at};

use crate::shared::stage;

/// Runs a command against the stage and reads what it prints; it must succeed.
async fn measured(flags: &[&str]) -> Value {
    let output = sorl_at(&stage().await, flags).await;
    assert!(output.status.success(), "{output:?}");
    json(&output)
}

#[tokio::test]
async fn a_probe_reaches_every_pair_of_the_stages_regions() {
    // A first marker finds every function cold, on the cores of all regions: the bound is not what is tested.
    let flags = ["probe", "--json", "--rounds", "2", "--bound", "60s", "--publish-via", "sns"];
    let report = measured(&flags).await;
    assert_eq!(
        (&report["ok"], report["pairs"].as_array().map(Vec::len)),
        (&data!(true), Some(9)),
        "{report}"
    );
}

#[tokio::test]
async fn a_load_on_the_stage_loses_nothing() {
    let flags =
        ["load", "--json", "--connections", "6", "--channels", "2", "--rate", "4", "--duration", "3s"];
    let report = measured(&[&flags[..], &["--connect-rate", "4", "--patience", "60s"]].concat()).await;
    assert_eq!(report["published"]["accepted"], 12, "{report}");
    assert_eq!(
        (&report["deliveries"]["owed"], &report["deliveries"]["arrived"]),
        (&data!(36), &data!(36)),
        "{report}"
    );
}
