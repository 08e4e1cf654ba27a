//! The program `sorl`, run as a person or a script runs it.
//!
//! Not its parts, which have tests of their own. The invariant: it finds neither settings nor credentials of whoever
//! runs the tests, only what the stage under test needs.

use std::process::{Command, Output};

use serde_json::Value;

use crate::server::{binary, repository};
use crate::stage::Stage;

/// Runs it without any settings of AWS.
///
/// # Panics
/// If it cannot be run.
pub async fn sorl(arguments: &[&str]) -> Output {
    let mut command = program(arguments);
    for name in ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SNS", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
        command.env_remove(name);
    }
    ended(command).await
}

/// Runs it against a stage, wherever that is.
///
/// # Panics
/// If it cannot be run.
pub async fn sorl_at(stage: &Stage, arguments: &[&str]) -> Output {
    let place = stage.flags();
    let place: Vec<_> = place.iter().map(String::as_str).collect();
    let arguments = [arguments, &place].concat();
    if stage.is_deployed() { sorl_on_aws(&arguments).await } else { sorl(&arguments).await }
}

/// Runs it with the settings of AWS that these tests were started with.
///
/// # Panics
/// If it cannot be run.
pub async fn sorl_on_aws(arguments: &[&str]) -> Output {
    ended(program(arguments)).await
}

fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command.args(arguments).env_remove("AWS_PROFILE").env_remove("SORL_TOKEN").env_remove("SORL_SECRET");
    command.env_remove("COLUMNS").env("HOME", "/nonexistent");
    command
}

async fn ended(mut command: Command) -> Output {
    let running = tokio::task::spawn_blocking(move || command.output().expect("the program runs"));
    running.await.expect("a thread")
}

/// What it printed; it must have succeeded.
///
/// # Panics
/// If it did not.
pub fn out(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).expect("text").trim().to_owned()
}

/// What it printed, as JSON, whatever its exit code.
///
/// # Panics
/// If that is no JSON.
#[must_use]
pub fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|fault| panic!("{fault}: {output:?}"))
}

/// What it printed, as JSON, line by line; it must have succeeded.
///
/// # Panics
/// If it did not, or a line is no JSON.
#[must_use]
pub fn json_lines(output: &Output) -> Vec<Value> {
    let text = out(output);
    let lines = text.lines().map(serde_json::from_str);
    lines.collect::<Result<_, _>>().unwrap_or_else(|fault| panic!("{fault}: {output:?}"))
}

/// What it complained about.
#[must_use]
pub fn complaint(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

impl Stage {
    /// The flags that lead the program to this stage.
    #[must_use]
    pub fn flags(&self) -> Vec<String> {
        if !self.is_deployed() {
            return vec!["--url".to_owned(), self.url.clone()];
        }
        let config = repository().join("tests/e2e/sorl.toml").display().to_string();
        ["--stage", &self.deployed().stage, "--config", &config, "--endpoint-url", &self.url]
            .map(str::to_owned)
            .to_vec()
    }
}
