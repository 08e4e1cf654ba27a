//! A poison message every tenth: each ends in every region's dead letters once, with its reason, and the nine others
//! are delivered as if it had not been there.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};
use sorl_tests::names::{room, unique};
use sorl_tests::server::Launch;
use sorl_tests::stage::Stage;

use crate::audience::Audience;
use crate::histories;
use crate::ledger::Ledger;
use crate::report::Outcome;
use crate::scale::Scale;

/// What no `deliver` can make anything of, whatever it tries.
const POISONS: [&str; 5] = [
    "no JSON at all",
    r#"{"channel": "no such name!", "data": 1}"#,
    r#"{"data": "to nobody"}"#,
    "[[[[[[[[",
    r#"{"channel": 7, "data": {}}"#,
];

/// Publishes in batches of ten, one of each poisoned.
pub(crate) async fn every_tenth(scale: Scale) -> Outcome {
    let server = Launch::plain().start().await;
    let stage = &server.stage;
    let (token, channel) = (stage.token(&unique("user")).await, room());
    let endpoints: Vec<_> = stage.regions.iter().map(|at| (at.region.clone(), at.url.clone())).collect();
    let audience = Audience::gather(&endpoints, &token, &channel, 2).await;
    let ledger = Arc::new(Ledger::default());
    let batches = scale.doses() / 10;
    for batch in 0..batches {
        let region = stage.three()[batch % 3];
        publish_batch(stage, region, &channel, batch, &ledger).await;
    }
    ledger.end();
    let mut outcome = Outcome { attempts: batches, ..Outcome::default() };
    audience.judge(&ledger, &mut outcome).await;
    histories::judge(stage, &channel, &ledger, &mut outcome).await;
    let letters = sorl_tests::eventually("every poison is a dead letter", async || {
        let letters = stage.dead_letters().await;
        (letters.len() >= batches * 3).then_some(letters)
    })
    .await;
    judge_letters(&letters, stage, batches, &mut outcome);
    outcome
}

async fn publish_batch(stage: &Stage, region: &str, channel: &str, batch: usize, ledger: &Ledger) {
    let ids: Vec<_> = (0..10).map(|n| format!("n{n}")).collect();
    let mut entries = Vec::new();
    let mut good = Vec::new();
    for (at, id) in ids.iter().enumerate() {
        let message = if at == batch % 10 {
            // Each is told from the others by its end, which makes none of them better.
            format!("{} {batch}", POISONS[batch % POISONS.len()])
        } else {
            let data = format!("{batch}:{at}");
            good.push(data.clone());
            json!({"channel": channel, "data": data}).to_string()
        };
        entries.push((id.as_str(), message, None));
    }
    let answer = stage.publish_batch(region, &entries).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    good.into_iter().for_each(|data| ledger.acknowledge(data));
}

fn judge_letters(letters: &[Value], stage: &Stage, batches: usize, outcome: &mut Outcome) {
    let mut of_each: BTreeMap<(String, String), usize> = BTreeMap::new();
    for letter in letters {
        let of = |field: &str| letter[field].as_str().unwrap_or_default().to_owned();
        outcome.must(!of("reason").is_empty(), format!("a dead letter without a reason: {letter}"));
        *of_each.entry((of("region"), of("body"))).or_default() += 1;
    }
    let wanted = batches * stage.regions.len();
    outcome.must(of_each.len() == wanted, format!("{} letters, not {wanted}", of_each.len()));
    let again = of_each.values().filter(|count| **count > 1).count();
    outcome.must(again == 0, format!("{again} were buried more than once in a region"));
    outcome.note(format!("{} dead letters, one a poison and region, each with its reason", letters.len()));
}
