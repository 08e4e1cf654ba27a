//! A region lost with a thousand clients in it: how long each waits for its next message, which then comes through
//! another region, and how hard the others are stormed. Then the region is back, and they are sent home.
//!
//! Not whether messages survive losses one after the other: that is `region`. Invariant: a message still on its way
//! through the lost region ends nobody's wait.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use sorl_client::TokenProvider;
use sorl_tests::names::{room, unique};
use sorl_tests::server::Launch;

use crate::audience::Audience;
use crate::gate::Gate;
use crate::histories;
use crate::ledger::Ledger;
use crate::publishers::Desk;
use crate::report::Outcome;
use crate::scale::Scale;

const CLIENTS: usize = 1_000;
/// Three publishers together send a dozen messages a second, so a wait is told to a twelfth of a second.
const PACE: Duration = Duration::from_millis(250);
/// API Gateway's new connections a second, of an account in a region.
const CONNECTS_PER_SECOND: usize = 500;
/// Between two clients that are sent home: 250 a second.
const RETURN_PACE: Duration = Duration::from_millis(4);

/// Takes the first region away, and brings it back.
pub(crate) async fn of_a_region(_scale: Scale) -> Outcome {
    let server = Launch::plain().start().await;
    let stage = &server.stage;
    let mut gates = Gate::of(stage).await;
    let endpoints: Vec<_> = gates.iter().map(Gate::endpoint).collect();
    let (token, channel) = (stage.token(&unique("user")).await, room());
    let lost = gates[0].region.clone();
    let mut audience =
        Audience::gather_in(&endpoints, &TokenProvider::fixed(token.clone()), &channel, &lost, CLIENTS).await;
    let ledger = Arc::new(Ledger::default());
    let desk = Desk { stage: stage.clone(), token, channel, ledger: Arc::clone(&ledger), pace: PACE };
    let publishers = desk.staff(1, 0);
    ledger.grows(0, 30).await;

    let mut outcome = Outcome { attempts: 1, ..Outcome::default() };
    knocks(&gates);
    stage.faults(json!({"cut": [lost]})).await;
    let cut = Instant::now();
    gates[0].shut().await;
    audience.has_left(&lost).await;
    audience.wait_from(cut, None);
    audience.has_waited(None).await;
    outcome.recovery = audience.waited();
    outcome.note(told("from the cut to a message through another region", &outcome.recovery));
    note_knocks(&mut outcome, "while the region was lost", &gates);

    gates[0].open().await;
    stage.faults(json!({})).await;
    outcome.lost += audience.catch_up(&ledger).await;
    let back = Instant::now();
    audience.return_to(&lost, RETURN_PACE).await;
    outcome.note(format!("all are home {} ms after the first was sent there", back.elapsed().as_millis()));
    note_knocks(&mut outcome, "when they were sent home", &gates);

    ledger.end();
    publishers.join_all().await;
    audience.judge(&ledger, &mut outcome).await;
    histories::judge(stage, &desk.channel, &ledger, &mut outcome).await;
    outcome
}

/// Who knocked at each gate since the last time.
fn knocks(gates: &[Gate]) -> Vec<(&str, Vec<Instant>)> {
    gates.iter().map(|gate| (gate.region.as_str(), gate.knocks())).collect()
}

fn note_knocks(outcome: &mut Outcome, when: &str, gates: &[Gate]) {
    for (region, knocks) in knocks(gates) {
        let busiest = busiest_second(&knocks);
        let of = knocks.len();
        outcome.note(format!("{when}, handshakes in {region}: {of}, {busiest} in the busiest second"));
        outcome.must(
            busiest <= CONNECTS_PER_SECOND,
            format!("{region} was stormed: {busiest} handshakes in a second"),
        );
    }
}

/// The most of these, in order of time, that lie within any second.
fn busiest_second(times: &[Instant]) -> usize {
    let mut first = 0;
    let within = |(last, time): (usize, &Instant)| {
        while time.duration_since(times[first]) >= Duration::from_secs(1) {
            first += 1;
        }
        last - first + 1
    };
    times.iter().enumerate().map(within).max().unwrap_or(0)
}

fn told(what: &str, samples: &[Duration]) -> String {
    let mut sorted = samples.to_vec();
    sorted.sort_unstable();
    let last = sorted.len() - 1;
    let at = |percent: usize| sorted[last * percent / 100].as_millis();
    let [p50, p90, p99, max] = [50, 90, 99, 100].map(at);
    format!("{} clients, {what}, ms p50 / p90 / p99 / max: {p50} / {p90} / {p99} / {max}", sorted.len())
}
