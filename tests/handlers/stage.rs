//! A stage of two regions on one thread: time passes when it is told to, records are delivered when asked.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use serde_json::{Value, json};
use sorl_core::authorize::{Caller, Principal};
use sorl_core::config::Config;
use sorl_core::connect::{ConnectError, connect};
use sorl_core::deliver::{Ports, Record, Report, deliver};
use sorl_core::envelope::Topic;
use sorl_core::ids::ConnectionId;
use sorl_core::names::UserName;
use sorl_core::ports::{Clock, Entropy};
use sorl_core::region::Region;
use sorl_core::time::Timestamp;
use sorl_core::{command, disconnect};
use sorl_local::store::MemoryStore;
use sorl_local::topics::{Notice, NoticeAttribute};
use sorl_local::world::{Place, Sizes, World};

use crate::gateway::Scripted;

pub(crate) const HOME: &str = "eu-north-1";
pub(crate) const AWAY: &str = "us-east-1";
const START: u64 = 1_764_000_000_000;

/// Time and chance as the test says.
pub(crate) struct Told(AtomicU64, AtomicU64);

impl Clock for Told {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::Relaxed))
    }
}

impl Entropy for Told {
    fn bits(&self) -> u64 {
        self.1.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed)
    }
}

/// Runs what waits for nothing but itself, also while another such run is under way.
pub(crate) fn wait<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(outcome) = future.as_mut().poll(&mut context) {
            return outcome;
        }
    }
}

pub(crate) struct Stage {
    pub(crate) world: World,
    pub(crate) told: Arc<Told>,
    pub(crate) gateway: Scripted,
}

impl Stage {
    pub(crate) fn new() -> Self {
        Self::with("")
    }

    /// A stage whose `sorl.toml` has `more` lines besides the namespaces that the tests use.
    pub(crate) fn with(more: &str) -> Self {
        Self::of_sizes(more, Sizes::default())
    }

    /// The same, with so few rows in a page of members that there are second pages.
    pub(crate) fn in_pages(more: &str, member_page: usize) -> Self {
        Self::of_sizes(more, Sizes { member_page, ..Sizes::default() })
    }

    fn of_sizes(more: &str, sizes: Sizes) -> Self {
        let text = format!(
            "regions = [\"{HOME}\", \"{AWAY}\"]\n{more}\n[namespaces.room]\njoin_leave = true\ngrants = [\"*\"]\n\
             [namespaces.bare]\nhistory = \"0\"\ngrants = [\"*\"]\n\
             [namespaces.hall]\ngrants = [\"*\"]\n[namespaces.mass]\nshards = 4\ngrants = [\"*\"]\n"
        );
        let config = Arc::new(Config::parse(&text).unwrap());
        let told = Arc::new(Told(AtomicU64::new(START), AtomicU64::new(1)));
        let (clock, entropy) = (Arc::clone(&told) as Arc<dyn Clock>, Arc::clone(&told) as Arc<dyn Entropy>);
        let store = Arc::new(MemoryStore::default());
        let faults = sorl_local::faults::Faults::default();
        let world = wait(World::with_sizes(config, clock, entropy, store, faults, sizes));
        Self { world: world.unwrap(), told, gateway: Scripted::default() }
    }

    pub(crate) fn place(&self, region: &str) -> &Arc<Place> {
        self.world.region(&Region::parse(region).unwrap()).unwrap()
    }

    pub(crate) fn pass(&self, time: Duration) {
        let millis = u64::try_from(time.as_millis()).unwrap();
        self.told.0.fetch_add(millis, Ordering::Relaxed);
        self.world.tick(self.told.now());
    }

    pub(crate) fn caller(&self, region: &str, user: &str, connection: &str) -> Caller {
        let expires_at = self.told.now().plus(Duration::from_hours(1));
        Caller {
            connection: ConnectionId::parse(connection).unwrap(),
            region: Region::parse(region).unwrap(),
            connected_at: self.told.now(),
            principal: Principal { user: UserName::parse(user).unwrap(), grants: None, expires_at },
        }
    }

    pub(crate) fn try_connect(&self, caller: &Caller) -> Result<(), ConnectError> {
        let place = self.place(caller.region.as_str());
        wait(connect(caller, &place.registry, &*self.told, &place.site))
    }

    /// A connection in the home region that is a member of `channel`.
    pub(crate) fn member(&self, user: &str, connection: &str, channel: &str) -> Caller {
        let caller = self.caller(HOME, user, connection);
        self.try_connect(&caller).unwrap();
        let reply = self.say(&caller, &json!({"action": "subscribe", "channel": channel}));
        assert_eq!(reply["type"], "reply", "{reply}");
        caller
    }

    /// The answer to a command.
    pub(crate) fn say(&self, caller: &Caller, command: &Value) -> Value {
        self.say_to(caller, command, self.command_ports(caller.region.as_str()))
    }

    /// The answer to a command that is carried out with other ports than the stage's own.
    pub(crate) fn say_to(&self, caller: &Caller, command: &Value, ports: command::Ports<'_>) -> Value {
        let mut command = command.clone();
        command["id"] = json!(1);
        let site = &self.place(caller.region.as_str()).site;
        let answer = wait(command::command(&command.to_string(), caller, ports, site));
        serde_json::from_str(&answer.frame).unwrap()
    }

    pub(crate) fn command_ports(&self, region: &str) -> command::Ports<'_> {
        let place = self.place(region);
        command::Ports {
            registry: &place.registry,
            log: &place.log,
            bus: &place.bus,
            clock: &*self.told,
            entropy: &*self.told,
        }
    }

    pub(crate) fn disconnect(&self, caller: &Caller) {
        let place = self.place(caller.region.as_str());
        wait(disconnect::disconnect(caller, &place.registry, &place.bus, &place.site)).unwrap();
    }

    /// What an external program publishes at home.
    pub(crate) fn publish(&self, topic: Topic, message: &str, channel: Option<&str>) {
        let attribute = |value: &str| NoticeAttribute { kind: "String".to_owned(), value: value.to_owned() };
        let attributes: BTreeMap<_, _> =
            channel.map(|channel| ("channel".to_owned(), attribute(channel))).into_iter().collect();
        let message_id = sorl_local::clock::random_uuid(&*self.told);
        let notice = Notice { message_id, message: message.to_owned(), subject: None, attributes };
        let topics = self.world.topics();
        let arn = topics.arn(&Region::parse(HOME).unwrap(), topic);
        wait(topics.publish(&arn, &[notice])).unwrap();
    }

    pub(crate) fn send(&self, channel: &str, data: &str) {
        self.publish(Topic::Messages, data, Some(channel));
    }

    pub(crate) fn ports<'a>(&'a self, place: &'a Place) -> Ports<'a> {
        Ports {
            registry: &place.registry,
            log: &place.log,
            bus: &place.bus,
            queue: &place.queue,
            gateway: &self.gateway,
            clock: &*self.told,
        }
    }

    /// Delivers, at home, one batch of what waits now: `live` first, else `bulk`.
    pub(crate) fn deliver_batch(
        &self,
        change: impl FnOnce(Ports<'_>, &[Record]) -> Option<Report>,
    ) -> Option<Report> {
        let place = self.place(HOME);
        let now = self.told.now();
        let (queue, received) = match place.live.receive(now, 10) {
            received if received.is_empty() => (&place.bulk, place.bulk.receive(now, 10)),
            received => (&place.live, received),
        };
        if received.is_empty() {
            return None;
        }
        let records: Vec<Record> = received.iter().map(|received| received.record.clone()).collect();
        let ports = self.ports(place);
        let report = change(ports, &records).unwrap_or_else(|| self.run(&records, ports));
        for received in received {
            if report.failed.contains(&received.record.id) {
                queue.release(received.receipt, now, Duration::from_secs(1));
            } else {
                queue.delete(received.receipt);
            }
        }
        Some(report)
    }

    /// Delivers records at home, with other ports than the stage's own.
    pub(crate) fn run(&self, records: &[Record], ports: Ports<'_>) -> Report {
        let deadline = self.told.now().plus(sorl_core::limits::DELIVER_MAX);
        wait(deliver(records, ports, &self.place(HOME).site, deadline))
    }

    /// Delivers all that waits now; returns the sum of the reports.
    pub(crate) fn deliver(&self) -> Vec<Report> {
        std::iter::from_fn(|| self.deliver_batch(|_, _| None)).collect()
    }

    /// Delivers whatever comes due within `time`, second by second.
    pub(crate) fn deliver_for(&self, time: Duration) -> Vec<Report> {
        let mut reports = self.deliver();
        for _ in 0..time.as_secs() {
            self.pass(Duration::from_secs(1));
            reports.extend(self.deliver());
        }
        reports
    }

    /// What waits in both of the home region's queues.
    pub(crate) fn waiting(&self) -> usize {
        self.place(HOME).live.len() + self.place(HOME).bulk.len()
    }

    pub(crate) fn dead_letters(&self) -> Vec<String> {
        self.world.dead_letters().unwrap().into_iter().map(|letter| letter.reason).collect()
    }
}
