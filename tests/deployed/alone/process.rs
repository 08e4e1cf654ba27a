//! The functions' processes: the emulator runs each environment as one, on this machine.

use std::fs;
use std::process::Command;

use sorl_tests::stage::Stage;

/// The processes of a function in a region, of this stage and of this emulator alone.
pub(super) fn of(stage: &Stage, region: &str, function: &str) -> Vec<String> {
    let deployed = stage.deployed();
    let marks = [
        format!("AWS_LAMBDA_FUNCTION_NAME=sorl-{}-{function}", deployed.stage),
        format!("AWS_REGION={region}"),
        format!("AWS_ENDPOINT_URL={}", deployed.aws.endpoint),
    ];
    let has_marks = |pid: &String| {
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        let variables: Vec<_> = environment.split(|byte| *byte == 0).collect();
        is_bootstrap(pid) && marks.iter().all(|mark| variables.contains(&mark.as_bytes()))
    };
    let entries =
        fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    entries.filter(|name| name.bytes().all(|byte| byte.is_ascii_digit())).filter(has_marks).collect()
}

fn is_bootstrap(pid: &str) -> bool {
    fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|program| program.ends_with("bootstrap"))
}

/// Sends a signal, by its name without `SIG`, to each.
pub(super) fn signal(pids: &[String], name: &str) {
    let sent = Command::new("kill").arg(format!("-{name}")).args(pids).status().expect("kill");
    assert!(pids.is_empty() || sent.success(), "SIG{name} was not sent to {pids:?}");
}

/// Ends a function's processes, so that the next call starts anew, with nothing remembered.
pub(super) fn end(stage: &Stage, region: &str, function: &str) {
    let pids = of(stage, region, function);
    if !pids.is_empty() {
        signal(&pids, "KILL");
    }
}
