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
use crate::station::Station;
use crate::trace::Trace;
use crate::users::{Badge, CLIENTS, CONFIG};
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
    /// How long the life under faults lasts.
    pub(crate) length: Duration,
}

impl Stage {
    /// Before anything happened.
    pub(crate) fn set_up(seed: u64, wiring: Wiring) -> Self {
        let chance = Chance::new(seed);
        let executor = Executor::new(START, chance.split());
        let timeline = executor.timeline();
        let trace = Trace::new(timeline.clone());
        let odds = Odds::draw(&chance.split());
        trace.note(format!("seed {seed}: {odds:?}"));
        let weather = Weather::new(odds, chance.split(), timeline.clone(), trace.clone());
        let world = new_world(&timeline, &chance);
        let witness = Witness::default();
        let keys = new_keys(&world, &timeline, &chance);
        let scene = Scene { timeline: &timeline, chance: &chance, trace: &trace, weather: &weather, wiring };
        let stations = scene.stations(&world, &keys);
        let around = Surroundings {
            stations: Arc::clone(&stations),
            keys,
            witness: witness.clone(),
            timeline: timeline.clone(),
            trace: trace.clone(),
        };
        let clients: Arc<[Handle]> = (0..CLIENTS)
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
        let length = chance.pick(&[90, 300, 900, 2_000]).copied().unwrap_or(90);
        let length = Duration::from_secs(length);
        Self {
            executor,
            timeline,
            chance,
            trace,
            weather,
            witness,
            world,
            stations,
            clients,
            outside,
            length,
        }
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

/// All regions' state, with nothing in it.
#[expect(
    clippy::expect_used,
    reason = "over memory everything happens inline, and the configuration is ours"
)]
pub(crate) fn new_world(timeline: &Timeline, chance: &Chance) -> World {
    let mut config = Config::parse(CONFIG).expect("the configuration is right");
    // Where it is small, most audiences are cut into slices, and read page by page to their end.
    config.delivery.inline_max =
        chance.pick(&[1, 3, AUDIENCE_INLINE_DEFAULT]).copied().unwrap_or(AUDIENCE_INLINE_DEFAULT);
    let config = Arc::new(config);
    let clock: Arc<dyn Clock> = Arc::new(timeline.clone());
    let entropy: Arc<dyn Entropy> = Arc::new(chance.split());
    // Pages of few rows, so that there are second pages.
    let sizes = Sizes { member_page: 3, log_page: 7 };
    World::with_sizes(config, clock, entropy, Arc::new(MemoryStore::default()), Faults::default(), sizes)
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
            site: place.site.clone(),
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
