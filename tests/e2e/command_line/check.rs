//! `sorl check` of files of the test's own.

use serde_json::json;
use sorl_tests::program::{complaint, json as as_json, out, sorl};
use sorl_tests::server::Folder;

fn file(folder: &Folder, text: &str) -> String {
    let path = folder.path().join("sorl.toml");
    std::fs::write(&path, text).expect("a file of the test's own");
    path.display().to_string()
}

#[tokio::test]
async fn a_wrong_file_is_refused_with_every_fault_and_its_line() {
    let folder = Folder::new("check-wrong");
    let path = file(&folder, "stage = 7\n\nnonsense = 1\n");
    let output = sorl(&["check", &path]).await;
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let told = complaint(&output);
    assert!(told.contains("sorl.toml:1: ") && told.contains("sorl.toml:3: "), "{told}");
    let refused = as_json(&sorl(&["check", &path, "--json"]).await);
    assert_eq!((&refused["valid"], refused["faults"].as_array().map(Vec::len)), (&json!(false), Some(2)));
    let missing = sorl(&["check", "/no/such/sorl.toml"]).await;
    assert_eq!(missing.status.code(), Some(2));
}

#[tokio::test]
async fn what_is_odd_is_named_by_line_and_fails_only_where_that_is_asked() {
    let folder = Folder::new("check-odd");
    let path = file(&folder, "[namespaces.game]\nhistory = \"0\"\ngrants = [\"history\"]\n");
    let report = as_json(&sorl(&["check", &path, "--json"]).await);
    let remarks = report["remarks"].as_array().unwrap();
    assert!(remarks.iter().any(|remark| remark["level"] == "warning" && remark["line"] == 1), "{report}");
    assert!(out(&sorl(&["check", &path]).await).contains("keeps none"));
    assert_eq!(sorl(&["check", &path, "--strict"]).await.status.code(), Some(1));
}

#[tokio::test]
async fn a_tokens_grants_and_the_members_expected_are_judged_too() {
    let folder = Folder::new("check-grants");
    let path = file(&folder, "[namespaces.room]\njoin_leave = true\n");
    let grants = r#"{"ro*m":["publish"]}"#;
    let text = out(&sorl(&["check", &path, "--grants", grants, "--members", "room=100000"]).await);
    assert!(text.contains("matches nothing") && text.contains("shards = 2"), "{text}");
    assert_eq!(sorl(&["check", &path, "--members", "room"]).await.status.code(), Some(2));
}
