//! The stage that runs here: its regions' state, and in each region what the handlers run over.
//!
//! Not the addresses (`http`, `gateway`) and not the loops (`delivery`, `dev`). Invariant: a region's handlers
//! get that region's adapters and no other's.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use sorl_core::config::{Config, Site};
use sorl_core::envelope::Topic;
use sorl_core::ports::{Clock, Entropy};
use sorl_core::{command, deliver};
use sorl_host::trace::Traces;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::billed::{Metered, Tab};
use crate::bus::LocalBus;
use crate::gateway::{Lifespan, LocalGateway};
use crate::http::RegionAddress;
use crate::keys::LocalKeys;
use crate::log::LocalLog;
use crate::metrics::Metrics;
use crate::registry::LocalRegistry;
use crate::ways::Ways;
use crate::world::{Place, World};

/// What runs in the background, so that a stop can wait for it.
#[derive(Debug, Clone, Default)]
pub struct Tasks {
    /// Frames that are being carried out.
    pub commands: TaskTracker,
    /// Handshakes, sockets, and the `disconnect` after them.
    pub sockets: TaskTracker,
    /// Batches that are being delivered, and the loops that fetch them.
    pub deliveries: TaskTracker,
    /// Once cancelled, nothing new is begun.
    pub stopping: CancellationToken,
    /// The passing of time, which goes on while the rest ends.
    pub ticking: TaskTracker,
    /// Once cancelled, time stands still.
    pub stopped: CancellationToken,
}

/// A region's ports, metered.
pub struct Ports {
    /// Members, blocks and counters.
    pub registry: Metered<LocalRegistry>,
    /// History.
    pub log: Metered<LocalLog>,
    /// The `relay` topic.
    pub bus: Metered<LocalBus>,
    /// What else is metered.
    pub tab: Arc<Tab>,
}

impl Ports {
    /// Those of a place.
    pub(crate) fn of(place: &Place, metrics: &Metrics) -> Self {
        let tab = metrics.tab(&place.site.region);
        Self {
            registry: Metered::new(place.registry.clone(), Arc::clone(&tab)),
            log: Metered::new(place.log.clone(), Arc::clone(&tab)),
            bus: Metered::new(place.bus.clone(), Arc::clone(&tab)),
            tab,
        }
    }
}

/// One region of the running stage.
pub struct Station {
    /// Its state, and how it is configured.
    pub place: Arc<Place>,
    /// Its WebSockets.
    pub gateway: LocalGateway,
    /// What tokens are verified with.
    pub keys: Arc<LocalKeys>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub entropy: Arc<dyn Entropy>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// What is counted of what AWS meters, and the ports that handlers go through for it.
    pub metered: Ports,
    /// What way the latest messages took.
    pub ways: Arc<Ways>,
    /// Which messages' ways are logged.
    pub traces: Traces,
    /// What runs.
    pub tasks: Tasks,
    /// How long connections live.
    pub lifespan: Lifespan,
}

impl Station {
    /// Which region of which stage, as the handlers take it.
    #[must_use]
    pub fn site(&self) -> &Site {
        &self.place.site
    }

    /// What `command` may touch.
    #[must_use]
    pub fn command_ports(&self) -> command::Ports<'_> {
        command::Ports {
            registry: &self.metered.registry,
            log: &self.metered.log,
            bus: &self.metered.bus,
            clock: self.clock.as_ref(),
            entropy: self.entropy.as_ref(),
        }
    }

    /// What `deliver` may touch, its dead letters going through `queue`.
    #[must_use]
    pub fn deliver_ports<'a>(&'a self, queue: &'a dyn sorl_core::ports::Queue) -> deliver::Ports<'a> {
        deliver::Ports {
            registry: &self.metered.registry,
            log: &self.metered.log,
            bus: &self.metered.bus,
            queue,
            gateway: &self.gateway,
            clock: self.clock.as_ref(),
        }
    }
}

/// The whole stage.
pub struct Stage {
    /// The stage's configuration.
    pub config: Arc<Config>,
    /// All regions' state.
    pub world: World,
    /// What tokens are minted and verified with.
    pub keys: Arc<LocalKeys>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// What way the latest messages took.
    pub ways: Arc<Ways>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub entropy: Arc<dyn Entropy>,
    /// What runs.
    pub tasks: Tasks,
    /// The port that was bound.
    pub address: SocketAddr,
    /// The regions, by name.
    pub stations: BTreeMap<String, Arc<Station>>,
}

impl Stage {
    /// A region of the stage, by its name in an address.
    #[must_use]
    pub fn station(&self, region: &str) -> Option<&Arc<Station>> {
        self.stations.get(region)
    }

    /// Where everything starts: `http://HOST:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where each region is, in the order of the configuration.
    #[must_use]
    pub fn addresses(&self) -> Vec<RegionAddress> {
        self.stations_in_order()
            .map(|station| {
                let region = station.site().region.clone();
                let url = format!("ws://{}/regions/{region}", self.address);
                let topic = self.world.topics().arn(&region, Topic::Messages).to_string();
                RegionAddress { region, url, topic }
            })
            .collect()
    }

    /// The regions in the order of the configuration.
    pub fn stations_in_order(&self) -> impl Iterator<Item = &Arc<Station>> {
        self.config.regions.iter().filter_map(|region| self.stations.get(region.as_str()))
    }
}
