//! SIGKILL of the whole service under load, again and again, over the same folder and on the same port.
//!
//! Nothing acknowledged may be lost to anybody who was a member, nothing shown twice, and no gap told, because all of
//! it is in the history. The moment of the kill is chosen by chance; often it is before the clients of the last one
//! have resumed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sorl_tests::names::{room, unique};
use sorl_tests::server::{Folder, Launch};

use crate::audience::{Audience, client};
use crate::gate::free_port;
use crate::histories;
use crate::ledger::Ledger;
use crate::publishers::{Desk, by_client};
use crate::report::{Outcome, Times};
use crate::scale::Scale;

/// Between two messages of a publisher: 15 of them make a few hundred a second, more than one disk flush each.
const PACE: Duration = Duration::from_millis(20);
/// Kills happen at the latest after so many acknowledged messages of a life.
const LIFE_MAX: u64 = 400;

/// Kills a service that is published to, and starts it again.
pub(crate) async fn under_load(scale: Scale) -> Outcome {
    let data = Folder::new("data");
    let launch = Launch::plain().data(&data).port(free_port());
    let mut server = launch.clone().start().await;
    let stage = server.stage.clone();
    let (token, channel) = (stage.token(&unique("user")).await, room());
    let endpoints: Vec<_> = stage.regions.iter().map(|at| (at.region.clone(), at.url.clone())).collect();
    let mut audience = Audience::gather(&endpoints, &token, &channel, 4).await;
    let ledger = Arc::new(Ledger::default());
    let desk =
        Desk { stage: stage.clone(), token: token.clone(), channel, ledger: Arc::clone(&ledger), pace: PACE };
    let mut publishers = desk.staff(2, 2);
    for (region, _) in &endpoints {
        publishers.spawn(by_client(desk.clone(), client(&endpoints, &token, region).0));
    }

    let mut outcome = Outcome { attempts: scale.kills(), ..Outcome::default() };
    let mut starts = Vec::new();
    for kill in 0..scale.kills() {
        let before = ledger.count();
        // A quarter of the lives end as soon as they accept connections.
        let more = u64::from(!chance(kill).is_multiple_of(4)) * (chance(kill) >> 8) % LIFE_MAX;
        ledger.grows(before, usize::try_from(more).unwrap_or_default()).await;
        server.signal("KILL");
        server.ended().await;
        let started = Instant::now();
        audience.wait_from(started, None);
        server = launch.clone().start().await;
        starts.push(started.elapsed());
        if more > 0 {
            audience.has_waited(None).await;
            outcome.lost += audience.catch_up(&ledger).await;
        }
    }
    ledger.end();
    publishers.join_all().await;
    outcome.recovery = audience.waited();
    audience.judge(&ledger, &mut outcome).await;
    histories::judge(&stage, &desk.channel, &ledger, &mut outcome).await;
    if let Some(times) = Times::of(&starts) {
        outcome.note(format!("until connections are accepted, ms p50 / p99 / max: {times}"));
    }
    outcome
        .note(format!("lost sight of by publishers, and by right perhaps never sent: {}", ledger.unknown()));
    outcome.must(ledger.refused() == 0, format!("{} publishes were refused", ledger.refused()));
    outcome
}

/// A number that nobody foresees, another for each kill.
fn chance(kill: usize) -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(kill)
}
