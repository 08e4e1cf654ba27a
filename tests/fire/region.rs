//! A region's gateway gone and back, every second time with the region cut off from all others as well.
//!
//! Its clients go on in another region and recover what they missed; those of the other regions notice nothing; and
//! what was published inside a cut region arrives everywhere once it is healed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use sorl_tests::names::{room, unique};
use sorl_tests::server::Launch;

use crate::audience::Audience;
use crate::gate::Gate;
use crate::histories;
use crate::ledger::Ledger;
use crate::publishers::Desk;
use crate::report::{Outcome, Times};
use crate::scale::Scale;

const PACE: Duration = Duration::from_millis(40);

/// Takes one region after the other away, and brings it back.
pub(crate) async fn gone_and_back(scale: Scale) -> Outcome {
    let server = Launch::plain().start().await;
    let stage = &server.stage;
    let mut gates = Gate::of(stage).await;
    let endpoints: Vec<_> = gates.iter().map(Gate::endpoint).collect();
    let (token, channel) = (stage.token(&unique("user")).await, room());
    let mut audience = Audience::gather(&endpoints, &token, &channel, 4).await;
    let ledger = Arc::new(Ledger::default());
    let desk = Desk { stage: stage.clone(), token, channel, ledger: Arc::clone(&ledger), pace: PACE };
    // The publishers know a way around the gates: what they say must reach those who lost theirs.
    let publishers = desk.staff(2, 1);
    ledger.grows(0, 200).await;
    let calm = audience.latencies(None);

    let mut outcome = Outcome { attempts: scale.outages(), ..Outcome::default() };
    let mut others = Vec::new();
    for outage in 0..scale.outages() {
        let gate = &mut gates[outage % 3];
        let is_cut = outage % 2 == 1;
        if is_cut {
            stage.faults(json!({"cut": [gate.region]})).await;
        }
        audience.latencies(None);
        audience.wait_from(Instant::now(), Some(&gate.region));
        gate.shut().await;
        audience.has_waited(Some(&gate.region)).await;
        tokio::time::sleep(scale.outage()).await;
        others.extend(audience.latencies(Some(&gate.region)));
        gate.open().await;
        stage.faults(json!({})).await;
        audience.send_home(&gate.region).await;
        outcome.lost += audience.catch_up(&ledger).await;
    }
    ledger.end();
    publishers.join_all().await;
    outcome.recovery = audience.waited();
    audience.judge(&ledger, &mut outcome).await;
    histories::judge(stage, &desk.channel, &ledger, &mut outcome).await;
    for (whose, latencies) in [("before", calm), ("of the other regions during an outage", others)] {
        if let Some(times) = Times::of(&latencies) {
            outcome.note(format!("latency {whose}, ms p50 / p99 / max: {times}"));
        }
    }
    outcome.must(ledger.refused() + ledger.unknown() == 0, "publishers beside the outage were harmed");
    outcome
}
