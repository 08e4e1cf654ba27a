//! A stage as a run finds it: three regions without anybody, clients that are about to come, and what goes wrong.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::channel::mpsc::unbounded;
use sorl_core::config::Config;
use sorl_core::limits::AUDIENCE_INLINE_DEFAULT;
use sorl_core::ports::{Clock, Entropy};
use sorl_core::time::Timestamp;
use sorl_local::faults::Faults;
use sorl_local::keys::LocalKeys;
use sorl_local::store::MemoryStore;
use sorl_local::world::{Sizes, World};

use crate::chance::Chance;
use crate::client::{self, Handle, Surroundings};
use crate::clock::SkewedClock;
use crate::delivery;
use crate::executor::{Executor, Timeline};
use crate::gateway::SimGateway;
use crate::odds::Odds;
use crate::outside::Outside;
use crate::plan::Plan;
use crate::schedule::{Schedule, versions};
use crate::station::Station;
use crate::trace::{Telling, Trace};
use crate::users::{Badge, Version};
use crate::weather::Weather;
use crate::wiring::Wiring;
use crate::witness::Witness;

/// When every run begins.
pub(crate) const START: Timestamp = Timestamp::from_millis(1_764_000_000_000);

/// A stage and everybody who takes part.
pub(crate) struct Stage {
    pub(crate) executor: Executor,
    pub(crate) timeline: Timeline,
    pub(crate) chance: Chance,
    pub(crate) trace: Trace,
    pub(crate) weather: Weather,
    pub(crate) witness: Witness,
    pub(crate) world: World,
    pub(crate) stations: Arc<[Arc<Station>]>,
    pub(crate) clients: Arc<[Handle]>,
    pub(crate) outside: Outside,
    pub(crate) plan: Plan,
}

impl Stage {
    /// Before anything happened.
    pub(crate) fn set_up(plan: &Plan, wiring: Wiring, telling: Telling) -> Self {
        let chance = plan.chance();
        let executor = Executor::new(START, chance.split());
        let timeline = executor.timeline();
        let trace = Trace::new(timeline.clone(), telling);
        trace.note_with(|| format!("{plan}: {:?}", plan.odds));
        let weather = Weather::new(plan.odds.clone(), chance.split(), timeline.clone(), trace.clone());
        let schedule = schedule(plan, &chance, wiring);
        let world = world_of(&schedule.first(), &timeline, &chance, plan.odds.ttl_late);
        let witness = Witness::default();
        let keys = new_keys(&world, &timeline, &chance);
        let scene = Scene {
            timeline: &timeline,
            chance: &chance,
            trace: &trace,
            weather: &weather,
            wiring,
            schedule: &schedule,
        };
        let stations = scene.stations(&world, &keys);
        count_what_lasts(&plan.odds, &weather);
        let rollouts = || stations.iter().map(|station| &station.rollout);
        witness.with(|seen| {
            seen.rolled_out_at = rollouts().filter_map(|one| one.changed("brief", |of| of.grants)).max();
            seen.resharded_at = rollouts().filter_map(|one| one.changed("hall", |of| of.shards)).max();
        });
        let around = Surroundings {
            stations: Arc::clone(&stations),
            keys,
            witness: witness.clone(),
            timeline: timeline.clone(),
            trace: trace.clone(),
        };
        let clients: Arc<[Handle]> = (0..plan.clients)
            .map(|number| client::start(number, &around, chance.split(), badge(number)))
            .collect();
        let outside = Outside {
            world: world.clone(),
            witness: witness.clone(),
            weather: weather.clone(),
            timeline: timeline.clone(),
            chance: chance.split(),
            trace: trace.clone(),
        };
        let plan = plan.clone();
        Self { executor, timeline, chance, trace, weather, witness, world, stations, clients, outside, plan }
    }
}

/// What clients wear at first.
fn badge(client: usize) -> Badge {
    match client % 6 {
        3 => Badge::Listener,
        4 => Badge::Auditor,
        _ => Badge::Plain,
    }
}

/// Faults that last as long as the run.
fn count_what_lasts(odds: &Odds, weather: &Weather) {
    let lasting = [
        ("clock skew", !odds.skew.is_zero()),
        ("late TTL", !odds.ttl_late.is_zero()),
        ("upgrade", !odds.newer.is_empty()),
        ("configuration changed", odds.reconfigured),
        ("shards changed", odds.resharded.is_some()),
    ];
    lasting.into_iter().filter(|(_, is_in_force)| *is_in_force).for_each(|(kind, _)| weather.count(kind));
}

/// What the stage is configured with at first and after each step of a roll-out, and when those are.
fn schedule(plan: &Plan, chance: &Chance, wiring: Wiring) -> Schedule {
    // Where it is small, most audiences are cut into slices, and read page by page to their end.
    let inline = chance.pick(&[1, 3, AUDIENCE_INLINE_DEFAULT]).copied().unwrap_or(AUDIENCE_INLINE_DEFAULT);
    let versions = versions(plan, chance.happens(0.5), wiring.rollout_flaw());
    let configs = versions.into_iter().map(|version| config(version, inline)).collect();
    Schedule::of(plan, configs, wiring.rollout_flaw())
}

#[expect(clippy::expect_used, reason = "the configuration is ours")]
fn config(version: Version, inline: usize) -> Arc<Config> {
    let mut config = Config::parse(&version.config()).expect("the configuration is right");
    config.delivery.inline_max = inline;
    Arc::new(config)
}

/// All regions' state under the usual configuration, with nothing in it.
pub(crate) fn new_world(timeline: &Timeline, chance: &Chance) -> World {
    let config = config(Version::USUAL, AUDIENCE_INLINE_DEFAULT);
    world_of(&config, timeline, chance, Duration::ZERO)
}

#[expect(clippy::expect_used, reason = "over memory everything happens inline")]
fn world_of(config: &Arc<Config>, timeline: &Timeline, chance: &Chance, ttl_late: Duration) -> World {
    let clock: Arc<dyn Clock> = Arc::new(timeline.clone());
    let entropy: Arc<dyn Entropy> = Arc::new(chance.split());
    // Pages of few rows, so that there are second pages.
    let sizes = Sizes { member_page: 3, log_page: 7, ttl_late };
    let (config, store) = (Arc::clone(config), Arc::new(MemoryStore::default()));
    World::with_sizes(config, clock, entropy, store, Faults::default(), sizes)
        .now_or_never()
        .expect("nothing to wait for")
        .expect("an empty store")
}

#[expect(clippy::expect_used, reason = "the secret stands in the configuration")]
fn new_keys(world: &World, timeline: &Timeline, chance: &Chance) -> Arc<LocalKeys> {
    let clock = Arc::new(timeline.clone());
    let opening = LocalKeys::open(&world.config().auth, &**world.store(), chance as &dyn Entropy, clock);
    Arc::new(opening.now_or_never().expect("nothing to wait for").expect("a secret"))
}

/// What every region shares.
struct Scene<'a> {
    timeline: &'a Timeline,
    chance: &'a Chance,
    trace: &'a Trace,
    weather: &'a Weather,
    wiring: Wiring,
    schedule: &'a Schedule,
}

impl Scene<'_> {
    fn stations(&self, world: &World, keys: &Arc<LocalKeys>) -> Arc<[Arc<Station>]> {
        world.places().map(|place| self.station(Arc::clone(place), keys)).collect()
    }

    fn station(&self, place: Arc<sorl_local::world::Place>, keys: &Arc<LocalKeys>) -> Arc<Station> {
        let (end, ended) = unbounded();
        let is_newer = self.weather.odds().newer.contains(&place.site.region.as_str());
        let gateway = SimGateway::new(
            self.timeline.clone(),
            self.chance.split(),
            self.weather.clone(),
            self.trace.clone(),
            is_newer,
            end,
        );
        let skew =
            self.chance.millis(0, u64::try_from(self.weather.odds().skew.as_millis()).unwrap_or(0) + 1);
        let keys: Arc<dyn sorl_core::ports::Keys> = keys.clone();
        let station = Arc::new(Station {
            region: place.site.region.clone(),
            rollout: self.schedule.rollout(&place.site.region, self.chance),
            place,
            gateway,
            keys,
            clock: Arc::new(SkewedClock { timeline: self.timeline.clone(), ahead: skew }),
            weather: self.weather.clone(),
            timeline: self.timeline.clone(),
            chance: self.chance.split(),
            trace: self.trace.clone(),
            wiring: self.wiring,
        });
        self.timeline.spawn(Arc::clone(&station).forget_ended(ended));
        delivery::start(&station);
        station
    }
}
