//! A drain that runs out of time, on a server of the test's own. One that does not: `drills/drain.rs`.

use serde_json::Value;
use sorl_tests::names::room;
use sorl_tests::program::{complaint, sorl_at};
use sorl_tests::server::Launch;

/// Who is there: at a client a second, for many times as long as there is time.
const CONNECTIONS: usize = 40;

#[tokio::test]
async fn a_drain_that_runs_out_of_time_ends_within_a_sweep_and_says_who_is_left() {
    let server = Launch::plain().start().await;
    let stage = &server.stage;
    let (here, channel) = (stage.three()[0], room());
    let mut members = Vec::new();
    for _ in 0..CONNECTIONS {
        members.push(stage.member(here, &channel).await);
    }
    let output = sorl_at(stage, &["drain", here, "--rate", "1", "--within", "2s", "--json"]).await;
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let drained: Value = serde_json::from_slice(&output.stdout).expect("what came of it");
    let of = |what: &str| drained[what].as_u64().expect("a number");
    // Nobody of them goes by himself: they are sockets, and no clients.
    assert_eq!((of("found"), of("left"), of("closed")), (40, 40, 0), "{drained}");
    assert!(complaint(&output).contains(&format!("40 are still in {here}")), "{output:?}");
    assert!(complaint(&output).contains("--within"), "{output:?}");
    let mut told = 0;
    for member in &mut members {
        member.lives().await;
        told += usize::from(member.texts().any(|text| text.contains("\"bye\"")));
    }
    assert!((1..CONNECTIONS / 2).contains(&told), "{told} of {CONNECTIONS} were told to go in two seconds");
}
