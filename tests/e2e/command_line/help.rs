//! What the program says of itself: help, its page in the documents, completions.

use std::process::Command;

use sorl_tests::program::{complaint, out, sorl};
use sorl_tests::server::{binary, repository};

#[tokio::test]
async fn every_command_has_help_with_an_example() {
    let plain = [
        "dev", "token", "publish", "tail", "history", "members", "kick", "drain", "erase", "doctor", "check",
        "capacity", "load", "probe",
    ];
    let commands = plain.map(|command| vec![command]).to_vec();
    let dlq = ["list", "show", "redrive", "purge"].map(|command| vec!["dlq", command]);
    for command in [commands, dlq.to_vec()].concat() {
        let help = out(&sorl(&[&command[..], &["--help"]].concat()).await);
        assert!(help.contains(&format!("sorl {}", command.join(" "))), "{help}");
        assert!(help.contains("Example") && help.contains("--json"), "{help}");
    }
    assert_eq!(sorl(&["dance"]).await.status.code(), Some(2));
}

#[tokio::test]
async fn the_reference_is_what_the_help_says() {
    let page = std::fs::read_to_string(repository().join("docs/cli.md")).expect("docs/cli.md");
    let told = out(&sorl(&["reference"]).await);
    assert!(page.trim_end() == told, "write it anew: target/release/sorl reference > docs/cli.md");
}

#[tokio::test]
async fn bash_takes_the_completions() {
    let program = format!("source <({} completion bash) && complete -p sorl", binary().display());
    let output = Command::new("bash").args(["-c", &program]).output().expect("bash");
    assert!(output.status.success(), "{output:?}");
    for shell in ["zsh", "fish"] {
        assert!(out(&sorl(&["completion", shell]).await).contains("doctor"), "{shell}");
    }
    assert_eq!(sorl(&["completion", "dos"]).await.status.code(), Some(2));
}

#[tokio::test]
async fn places_that_cannot_be_both_are_wrong_usage() {
    let both = sorl(&["doctor", "--url", "http://127.0.0.1:1", "--stage", "prod"]).await;
    assert_eq!(both.status.code(), Some(2), "{both:?}");
    let name = sorl(&["doctor", "--stage", "no good"]).await;
    assert_eq!(name.status.code(), Some(2), "{name:?}");
    assert!(complaint(&name).contains("letters, digits"), "{name:?}");
    let https = sorl(&["members", "room:a", "--url", "https://127.0.0.1:1"]).await;
    assert_eq!(https.status.code(), Some(2), "{https:?}");
}
