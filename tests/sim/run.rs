//! One run: a stage, its users and everything that befalls them, all from one seed.
//!
//! In five acts: life under faults; calm, until everything has come to rest; a last message to every channel,
//! with nonsense beside it; a look at the histories and lists; and everybody leaves. What was seen goes to the
//! checker.

use std::sync::Arc;
use std::time::Duration;

use sorl_core::names::ChannelName;
use sorl_core::ports::Clock;
use sorl_local::faults::Faults;
use sorl_local::world::World;

use crate::audit::{Auditor, read_letters, rows_in};
use crate::checker::{Violation, judge};
use crate::client::{Act, Handle, Loss, live};
use crate::executor::Timeline;
use crate::plan::Plan;
use crate::stage::{START, Stage};
use crate::station::Station;
use crate::trace::{Telling, Trace};
use crate::users::{CHANNELS, CLIENTS, user_of};
use crate::weather::Tally;
use crate::wiring::Wiring;
use crate::witness::{Testimony, Witness};

/// How long it may take until everything has come to rest: idle connections that are broken take the longest.
const REST_MAX: Duration = Duration::from_mins(45);
/// What came of a run.
pub(crate) struct Outcome {
    /// Which.
    pub(crate) plan: Plan,
    /// Promises that were not kept.
    pub(crate) violations: Vec<Violation>,
    /// What went wrong on purpose.
    pub(crate) tally: Tally,
    /// Messages that were acknowledged.
    pub(crate) acknowledged: usize,
    /// Messages that were shown, to all clients together.
    pub(crate) shown: usize,
    /// What happened.
    pub(crate) trace: Trace,
}

/// Runs a plan.
pub(crate) fn run(plan: &Plan, wiring: Wiring, telling: Telling) -> Outcome {
    let mut stage = Stage::set_up(plan, wiring, telling);
    stage.live();
    stage.come_to_rest("after the faults");
    stage.last_call();
    stage.come_to_rest("after the last call");
    stage.look_around();
    stage.leave();
    stage.outcome()
}

impl Stage {
    /// Life under faults.
    fn live(&mut self) {
        let Plan { length, deeds, publishers, operator, .. } = self.plan;
        let (end, pace) = (START.plus(length), length / deeds.max(1));
        for client in self.clients.iter() {
            let life = live(client.clone(), self.timeline.clone(), self.chance.split(), pace, end);
            self.timeline.spawn(life);
        }
        for _ in 0..publishers {
            self.timeline.spawn(self.outside.clone().publish(pace, end));
        }
        if operator {
            let far = end.plus(Duration::from_hours(24));
            self.timeline.spawn(self.outside.clone().operate(Arc::clone(&self.clients), far, end));
        }
        // Recovery elsewhere is promised for delays of up to 15 minutes.
        let longest_spell = (length / 2).min(Duration::from_mins(12));
        self.timeline.spawn(self.outside.clone().befall(longest_spell, end));
        self.timeline.spawn(tick(self.world.clone(), self.timeline.clone()));
        self.run_for(length);
        self.calm();
        // Until the last of the short-lived tokens was replaced.
        self.run_for(Duration::from_secs(240));
    }

    fn calm(&self) {
        self.trace.note("from here on nothing goes wrong");
        self.weather.calm();
        self.outside.put_in_force(Faults::default());
        for client in self.clients.iter() {
            for act in [Act::SetReading(true), Act::SetAway(false), Act::Renew(7_200), Act::Wake] {
                client.tell(act);
            }
        }
    }

    fn run_for(&mut self, time: Duration) {
        let end = self.timeline.now().plus(time);
        self.executor.run(end, || None::<()>);
    }

    /// Waits until nothing is owed to anybody.
    fn come_to_rest(&mut self, when: &str) {
        let end = self.timeline.now().plus(REST_MAX);
        let mut look_again = self.timeline.now();
        let (timeline, clients, stations) =
            (self.timeline.clone(), self.clients.clone(), self.stations.clone());
        let (witness, world) = (self.witness.clone(), self.world.clone());
        let rested = self.executor.run(end, || {
            let now = timeline.now();
            if now < look_again {
                return None;
            }
            look_again = now.plus(Duration::from_secs(1));
            restless(&clients, &stations, &world, &witness).is_empty().then_some(())
        });
        if rested.is_none() {
            let restless = restless(&self.clients, &self.stations, &self.world, &self.witness);
            let restless = restless.into_iter().map(|what| format!("{what} {when}"));
            self.witness.with(|seen| seen.restless.extend(restless));
        }
        // What ends connections runs on a little, and so does replication.
        self.run_for(Duration::from_secs(20));
    }

    /// One more message to every channel: whoever is there gets it, once, and nobody else; whatever becomes of the
    /// nonsense that was published with it.
    fn last_call(&mut self) {
        self.trace.note("last call");
        self.witness.with(|seen| seen.is_last_call = true);
        self.weather.refuse_burials(true);
        let personal = (0..CLIENTS).map(|client| format!("@{}", user_of(client)));
        let mut names: Vec<_> = CHANNELS.iter().map(|name| (*name).to_owned()).chain(personal).collect();
        names.dedup();
        for channel in names.iter().filter_map(|name| ChannelName::parse(name).ok()) {
            let outside = self.outside.clone();
            self.timeline.spawn(async move {
                let number = outside.publish_beside_nonsense(&channel).await;
                outside.witness.with(|seen| seen.last_calls.insert(number));
            });
        }
        self.run_for(Duration::from_secs(20));
        self.weather.refuse_burials(false);
    }

    fn look_around(&mut self) {
        let present = self.clients.iter().filter(|client| is_present(client)).map(|client| client.number);
        self.witness.with(|seen| seen.present = present.collect());
        for station in self.stations.iter() {
            let auditor = Auditor::new(Arc::clone(station), self.witness.clone());
            self.timeline.spawn(auditor.look());
        }
        let letters = self.world.dead_letters().unwrap_or_default();
        self.witness.with(|seen| seen.dead_letters = read_letters(&letters));
        self.run_for(Duration::from_mins(1));
    }

    /// Everybody leaves, some without a word; two hours later nobody is listed any more, and no row is left.
    fn leave(&mut self) {
        for client in self.clients.iter() {
            client.tell(Act::Quit(if client.number % 2 == 0 { Loss::Clean } else { Loss::Vanished }));
        }
        self.run_for(Duration::from_mins(130));
        if self.plan.odds.ttl_late.is_zero() {
            let rows = self.stations.iter().flat_map(|station| rows_in(station)).collect();
            self.witness.with(|seen| seen.rows_left = rows);
        }
        for station in self.stations.iter() {
            let auditor = Auditor::new(Arc::clone(station), self.witness.clone());
            self.timeline.spawn(auditor.look_for_the_lingering());
        }
        self.run_for(Duration::from_mins(1));
    }

    fn outcome(self) -> Outcome {
        let skew = Duration::from_secs(2);
        let (violations, acknowledged, shown) = self.witness.with(|seen: &mut Testimony| {
            let acknowledged =
                seen.publications.values().filter(|message| message.accepted().is_some()).count();
            let shown = seen.stays.iter().map(|stay| stay.seen.len()).sum();
            (judge(seen, skew), acknowledged, shown)
        });
        let tally = self.weather.tally();
        Outcome { plan: self.plan, violations, tally, acknowledged, shown, trace: self.trace }
    }
}

fn is_present(client: &Handle) -> bool {
    let mood = client.mood.lock();
    mood.settled && !mood.ended
}

/// What is still going on.
fn restless(clients: &[Handle], stations: &[Arc<Station>], world: &World, witness: &Witness) -> Vec<String> {
    let mut restless = Vec::new();
    if world.topics().held() > 0 {
        restless.push("publications held back by a cut".to_owned());
    }
    for station in stations {
        let region = &station.region;
        for (name, len) in [("live", station.place.live.len()), ("bulk", station.place.bulk.len())] {
            if len > 0 {
                restless.push(format!("{len} records in {name} of {region}"));
            }
        }
        if !station.gateway.is_idle() {
            restless.push(format!("unread frames in {region}"));
        }
    }
    let put_out = witness.with(|seen| seen.put_out.clone());
    for client in clients.iter().filter(|client| !put_out.contains(&client.number)) {
        let mood = client.mood.lock();
        let connected = mood.connection.as_ref().is_some_and(|(station, connection)| {
            stations.get(*station).is_some_and(|station| station.gateway.is_alive(connection))
        });
        if !(mood.ended || (mood.settled && connected)) {
            restless.push(format!("c{} is not settled", client.number));
        }
    }
    restless
}

/// Lets the world's own time pass.
async fn tick(world: World, timeline: Timeline) {
    loop {
        let now = timeline.now();
        world.tick(now);
        let longest = now.plus(sorl_local::world::SWEEP_EVERY);
        let due = world.next_due().map_or(longest, |due| due.min(longest));
        let rest = timeline.sleep_until(due.max(now.plus(Duration::from_millis(1))));
        futures::future::select(rest, Box::pin(world.rescheduled())).await;
    }
}
