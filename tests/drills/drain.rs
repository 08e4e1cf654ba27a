//! A region drained by the command that operators use, and taken back into service.
//!
//! Its clients go on elsewhere, all of them by themselves; nobody else gets in meanwhile.

use std::time::{Duration, Instant};

use sorl_client::TokenProvider;
use sorl_tests::names::unique;
use sorl_tests::program::{json, out, sorl_at};
use sorl_tests::server::Launch;
use sorl_tests::socket::Socket;
use sorl_tests::stage::Stage;

use crate::field::{Field, LISTENERS};
use crate::report::Outcome;
use crate::scale::Scale;

/// Those in a region: who listens, and who publishes by a client.
const CONNECTIONS: usize = LISTENERS + 1;

/// Drains one region after the other, and takes it back.
pub(crate) async fn a_region(scale: Scale) -> Outcome {
    let server = Launch::plain().start().await;
    let stage = &server.stage;
    let tokens = TokenProvider::fixed(stage.token(&unique("user")).await);
    let mut field = Field::gather(stage, &tokens).await;
    let mut outcome = Outcome { attempts: scale.outages(), ..Outcome::default() };
    let mut took = Vec::new();
    let mut moved = 0;
    for attempt in 0..scale.outages() {
        let region = stage.three()[attempt % 3];
        let began = Instant::now();
        field.audience.wait_from(began, Some(region));
        let drained = json(&sorl_at(stage, &["drain", region, "--rate", "20", "--json"]).await);
        took.push(began.elapsed());
        moved = drained["went"].as_u64().unwrap_or_default();
        outcome.must(drained["left"] == 0 && drained["closed"] == 0, format!("not all went: {drained}"));
        outcome.must(moved >= CONNECTIONS as u64, format!("too few were there: {drained}"));
        outcome
            .must(is_refused(stage, region).await, format!("{region} takes new connections while drained"));
        field.goes_on(100).await;
        out(&sorl_at(stage, &["drain", region, "--undo"]).await);
        outcome.must(!is_refused(stage, region).await, format!("{region} takes no new connections"));
        field.audience.send_home(region).await;
        outcome.lost += field.audience.catch_up(&field.ledger).await;
    }
    outcome.note(format!("{moved} connections in the last; each took {}", times(&took)));
    field.judge(stage, &mut outcome).await;
    outcome
}

fn times(took: &[Duration]) -> String {
    let millis: Vec<_> = took.iter().map(|took| format!("{} ms", took.as_millis())).collect();
    millis.join(", ")
}

async fn is_refused(stage: &Stage, region: &str) -> bool {
    let user = unique("late");
    let token = stage.token(&user).await;
    match Socket::try_open(&user, &stage.region(region).url, &token, None).await {
        Ok(socket) => {
            socket.close().await;
            false
        }
        Err(fault) => {
            assert!(format!("{fault:#}").contains("503"), "{fault:#}");
            true
        }
    }
}
