//! What only the whole shows: starts and restarts, cuts, dead letters, room.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sorl_core::config::Config;
use sorl_core::envelope::Topic;
use sorl_core::ids::{ConnectionId, MessageId, Tail};
use sorl_core::limits::BATCH_MAX;
use sorl_core::member::{Block, Member, MemberKey, Partition};
use sorl_core::message::Message;
use sorl_core::names::{ChannelName, UserName};
use sorl_core::ports::{
    Clock, DeadLetter, Entropy, Epoch, Log, LogEntry, LogQuery, Order, RecordSource, Registry,
};
use sorl_core::region::Region;
use sorl_core::time::Timestamp;

use super::{RedriveError, SWEEP_EVERY, World};
use crate::faults::Faults;
use crate::store::{MemoryStore, Store, StoreError};
use crate::topics::{Notice, PublishError};

const START: u64 = 1_764_000_000_000;
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

struct Hand(AtomicU64);

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::Relaxed))
    }
}

#[derive(Default)]
struct Counting(AtomicU64);

impl Entropy for Counting {
    fn bits(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}

/// A stage whose process comes and goes over one store.
struct Scene {
    clock: Arc<Hand>,
    store: Arc<dyn Store>,
}

impl Scene {
    fn over(store: MemoryStore) -> Self {
        Self { clock: Arc::new(Hand(AtomicU64::new(START))), store: Arc::new(store) }
    }

    async fn start(&self, toml: &str) -> Result<World, StoreError> {
        let config = Arc::new(Config::parse(toml).unwrap());
        let (clock, entropy) = (Arc::clone(&self.clock), Arc::new(Counting::default()));
        World::new(config, clock, entropy, Arc::clone(&self.store), Faults::default()).await
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn pass(&self, time: Duration) -> Timestamp {
        self.clock.0.fetch_add(u64::try_from(time.as_millis()).unwrap(), Ordering::Relaxed);
        self.now()
    }
}

fn region(name: &str) -> Region {
    Region::parse(name).unwrap()
}

fn room() -> ChannelName {
    ChannelName::parse("room:1").unwrap()
}

fn notice(message: &str) -> Notice {
    Notice { message_id: format!("id-{message}"), message: message.to_owned(), ..Notice::default() }
}

fn entry(channel: &ChannelName, at: Timestamp, n: u64, len: usize) -> LogEntry {
    let data = serde_json::value::to_raw_value(&"x".repeat(len)).unwrap();
    let id = MessageId::new(at, 0, Tail::from_bits(n));
    let message = Message::new(id, channel.clone(), data, None, region("us-east-1"));
    LogEntry { message, expires_at: at.plus(HOUR) }
}

fn epoch(since: Timestamp, retention: Duration) -> Epoch {
    Epoch { since, retention, begins_stage: false }
}

/// The epoch that a stage began with.
fn first(since: Timestamp, retention: Duration) -> Epoch {
    Epoch { begins_stage: true, ..epoch(since, retention) }
}

async fn epochs(world: &World, at: &str) -> Vec<Epoch> {
    world.region(&region(at)).unwrap().log.epochs("room").await.unwrap()
}

fn received(world: &World, at: &str, now: Timestamp) -> usize {
    let place = world.region(&region(at)).unwrap();
    let received = place.live.receive(now, BATCH_MAX);
    received.iter().for_each(|received| place.live.delete(received.receipt));
    received.len()
}

const TWO: &str = "regions = [\"us-east-1\", \"eu-north-1\"]\n[namespaces.room]\nhistory = \"24h\"";
const THREE: &str =
    "regions = [\"us-east-1\", \"eu-north-1\", \"sa-east-1\"]\n[namespaces.room]\nhistory = \"24h\"";
const TWO_LONGER: &str = "regions = [\"us-east-1\", \"eu-north-1\"]\n[namespaces.room]\nhistory = \"48h\"";

#[tokio::test]
async fn a_log_is_complete_from_when_its_region_was_there() {
    let scene = Scene::over(MemoryStore::as_disk());
    let began = scene.now();
    let from_the_start = [first(began, DAY)];
    let world = scene.start(TWO).await.unwrap();
    assert_eq!(epochs(&world, "us-east-1").await, from_the_start);
    scene.pass(HOUR);
    let world = scene.start(TWO).await.unwrap();
    assert_eq!(epochs(&world, "us-east-1").await, from_the_start, "a restart changes nothing");
    let world = scene.start(THREE).await.unwrap();
    assert_eq!(epochs(&world, "us-east-1").await, from_the_start);
    assert_eq!(epochs(&world, "sa-east-1").await, [epoch(scene.now(), DAY)], "a region added later");
}

#[tokio::test]
async fn a_region_that_was_away_begins_anew() {
    let scene = Scene::over(MemoryStore::as_disk());
    let began = scene.now();
    scene.start(THREE).await.unwrap();
    scene.start(TWO).await.unwrap();
    scene.pass(HOUR);
    let world = scene.start(THREE).await.unwrap();
    assert_eq!(epochs(&world, "sa-east-1").await, [epoch(scene.now(), DAY)]);
    assert_eq!(epochs(&world, "us-east-1").await, [first(began, DAY)]);
}

#[tokio::test]
async fn a_changed_retention_is_a_new_epoch_until_the_old_one_is_over() {
    let scene = Scene::over(MemoryStore::as_disk());
    let began = scene.now();
    scene.start(TWO).await.unwrap();
    let changed = scene.pass(HOUR);
    let world = scene.start(TWO_LONGER).await.unwrap();
    let both = [first(began, DAY), epoch(changed, DAY * 2)];
    assert_eq!(epochs(&world, "eu-north-1").await, both);
    scene.pass(DAY * 3);
    let world = scene.start(TWO_LONGER).await.unwrap();
    assert_eq!(epochs(&world, "eu-north-1").await, both[1..]);
}

#[tokio::test]
async fn channels_that_change_their_namespace_begin_anew() {
    let scene = Scene::over(MemoryStore::as_disk());
    let began = scene.now();
    let without = "regions = [\"us-east-1\", \"eu-north-1\"]";
    let epochs_of = async |world: &World, namespace: &str| {
        world.region(&region("us-east-1")).unwrap().log.epochs(namespace).await.unwrap()
    };
    scene.start(without).await.unwrap();
    let added = scene.pass(HOUR);
    let world = scene.start(TWO).await.unwrap();
    assert_eq!(epochs_of(&world, "room").await, [epoch(added, DAY)], "they were kept as others are");
    assert_eq!(epochs_of(&world, "default").await, [first(began, DAY)]);
    let removed = scene.pass(HOUR);
    let world = scene.start(without).await.unwrap();
    assert_eq!(epochs_of(&world, "default").await, [epoch(removed, DAY)], "what it took over has a gap");
    assert_eq!(epochs_of(&world, "@").await, [first(began, DAY)]);
    let again = scene.pass(HOUR);
    let world = scene.start(TWO).await.unwrap();
    assert_eq!(epochs_of(&world, "room").await, [epoch(again, DAY)]);
}

#[tokio::test]
async fn the_data_of_another_stage_are_refused() {
    let scene = Scene::over(MemoryStore::as_disk());
    scene.start(TWO).await.unwrap();
    let refused = scene.start("stage = \"prod\"").await.err().unwrap().to_string();
    assert!(refused.contains("stage dev"), "{refused}");
}

#[tokio::test]
async fn what_was_acknowledged_outlives_the_process() {
    let scene = Scene::over(MemoryStore::as_disk());
    let world = scene.start(TWO).await.unwrap();
    let (east, north) = (region("us-east-1"), region("eu-north-1"));
    world.set_faults(Faults { cut: BTreeSet::from([north.clone()]), ..Faults::default() }).unwrap();
    let arn = world.topics().arn(&east, Topic::Messages);
    world.topics().publish(&arn, &[notice("a"), notice("b")]).await.unwrap();
    assert_eq!((received(&world, "us-east-1", scene.now()), world.topics().held()), (2, 1));
    let until = scene.now().plus(HOUR);
    let block = Block { user: UserName::parse("bob").unwrap(), channel: None, until, at: scene.now() };
    world.region(&north).unwrap().registry.put_block(&north, &block).await.unwrap();
    drop(world);

    let world = scene.start(TWO).await.unwrap();
    assert_eq!(received(&world, "us-east-1", scene.now()), 0, "what was done with stays so");
    assert_eq!(received(&world, "eu-north-1", scene.now()), 2, "what a cut kept is there");
    let blocks = world.region(&north).unwrap().registry.blocks(&north, &block.user).await.unwrap();
    assert_eq!(blocks, [block]);
}

#[tokio::test]
async fn a_group_is_published_to_all_queues_or_none() {
    let scene = Scene::over(MemoryStore::default());
    let world = scene.start(TWO).await.unwrap();
    let east = region("us-east-1");
    let arn = world.topics().arn(&east, Topic::Messages);
    world.set_faults(Faults { cut: BTreeSet::from([east]), ..Faults::default() }).unwrap();
    let large = "x".repeat(200 * 1024);
    let mut accepted = 0;
    let refused = loop {
        match world.topics().publish(&arn, &[notice(&large)]).await {
            Ok(()) => accepted += received(&world, "us-east-1", scene.now()),
            Err(refused) => break refused,
        }
    };
    assert!(matches!(refused, PublishError::Throttled), "{refused:?}");
    assert_eq!(received(&world, "us-east-1", scene.now()), 0, "not even the queue that had room");
    world.set_faults(Faults::default()).unwrap();
    let mut arrived = 0;
    loop {
        match received(&world, "eu-north-1", scene.now()) {
            0 => break,
            more => arrived += more,
        }
    }
    assert_eq!(arrived, accepted, "everything accepted arrives after the cut");
    world.topics().publish(&arn, &[notice(&large)]).await.unwrap();
}

#[tokio::test]
async fn an_unknown_topic_is_refused() {
    let scene = Scene::over(MemoryStore::default());
    let world = scene.start(TWO).await.unwrap();
    let mut arn = world.topics().arn(&region("us-east-1"), Topic::Messages);
    arn.stage = "prod".to_owned();
    let refused = world.topics().publish(&arn, &[notice("a")]).await;
    assert!(matches!(refused, Err(PublishError::UnknownTopic(_))));
}

#[tokio::test]
async fn a_dead_letter_is_redriven_once_and_outlives_the_process() {
    let scene = Scene::over(MemoryStore::as_disk());
    let world = scene.start(TWO).await.unwrap();
    let letter = DeadLetter { source: RecordSource::Bulk, body: "slice".into(), reason: "because".into() };
    let north = world.region(&region("eu-north-1")).unwrap();
    north.dead.bury(&letter, scene.now()).await.unwrap();

    let world = scene.start(TWO).await.unwrap();
    let letters = world.dead_letters().unwrap();
    assert_eq!(letters.len(), 1);
    assert_eq!((letters[0].region.as_str(), letters[0].queue.as_str()), ("eu-north-1", "bulk"));
    world.redrive(&letters[0].id, scene.now()).await.unwrap();
    for id in [letters[0].id.as_str(), "", "../..", "\0"] {
        assert!(matches!(world.redrive(id, scene.now()).await, Err(RedriveError::Unknown)));
    }

    let world = scene.start(TWO).await.unwrap();
    assert_eq!(world.dead_letters().unwrap(), []);
    let north = world.region(&region("eu-north-1")).unwrap();
    let received = north.bulk.receive(scene.now(), BATCH_MAX);
    assert_eq!((received.len(), received[0].record.body.as_str()), (1, "slice"));
    assert!(world.region(&region("us-east-1")).unwrap().bulk.is_empty());
}

#[tokio::test]
async fn a_dead_letter_goes_after_a_fortnight() {
    let scene = Scene::over(MemoryStore::default());
    let world = scene.start(TWO).await.unwrap();
    let letter = DeadLetter { source: RecordSource::Live, body: "b".into(), reason: "r".into() };
    world.region(&region("eu-north-1")).unwrap().dead.bury(&letter, scene.now()).await.unwrap();
    world.tick(scene.pass(DAY * 14 - HOUR));
    assert_eq!(world.dead_letters().unwrap().len(), 1);
    world.tick(scene.pass(HOUR * 2));
    assert_eq!(world.dead_letters().unwrap(), []);
}

#[tokio::test]
async fn expired_rows_of_the_log_are_collected_and_rewritten_ones_stay() {
    let scene = Scene::over(MemoryStore::default());
    let began = scene.now();
    let world = scene.start(TWO).await.unwrap();
    let log = &world.region(&region("us-east-1")).unwrap().log;
    let short = entry(&room(), scene.now(), 1, 10);
    let prolonged = LogEntry { expires_at: scene.now().plus(DAY), ..entry(&room(), scene.now(), 2, 10) };
    let once = LogEntry { expires_at: short.expires_at, ..prolonged.clone() };
    log.append(&[short, once]).await.unwrap();
    log.append(&[prolonged]).await.unwrap();
    world.tick(scene.pass(HOUR + SWEEP_EVERY));
    let query = LogQuery { channel: room(), after: None, before: None, order: Order::Ascending, limit: 10 };
    let standing = log.range(&query).await.unwrap().entries;
    assert_eq!(standing.len(), 1);
    assert_eq!(standing[0].message.id.tail(), Tail::from_bits(2));
    assert_eq!(epochs(&world, "us-east-1").await, [first(began, DAY)], "expiry is no gap");
}

#[tokio::test]
async fn what_goes_for_room_shows_in_the_epochs() {
    let scene = Scene::over(MemoryStore::with_room(2_000_000));
    let world = scene.start(TWO).await.unwrap();
    let log = &world.region(&region("us-east-1")).unwrap().log;
    let first = scene.now();
    let mut last = first;
    for n in 0..4_000 {
        last = scene.pass(Duration::from_millis(1));
        log.append(&[entry(&room(), last, n, 1_000)]).await.unwrap();
    }
    assert!(scene.store.room().unwrap().used <= 2_000_000);
    let query = LogQuery { channel: room(), after: None, before: None, order: Order::Ascending, limit: 1 };
    let oldest = log.range(&query).await.unwrap().entries.remove(0).message.at();
    assert!(oldest > first && oldest < last);
    let epochs = epochs(&world, "us-east-1").await;
    assert_eq!(epochs.len(), 1);
    assert_eq!(epochs[0].since, oldest, "what went is not counted as complete, what stands is");
}

#[tokio::test]
async fn other_regions_see_a_row_after_the_lag_and_the_own_index_before_them() {
    let scene = Scene::over(MemoryStore::default());
    let world = scene.start(TWO).await.unwrap();
    world.set_faults(Faults { lag_ms: 1_000, ..Faults::default() }).unwrap();
    let (east, north) = (region("us-east-1"), region("eu-north-1"));
    let partition = Partition { channel: room(), region: east.clone(), shard: 0 };
    let connection = ConnectionId::parse("one").unwrap();
    let row = Member {
        key: MemberKey { partition: partition.clone(), connection: connection.clone() },
        user: UserName::parse("alice").unwrap(),
        since: scene.now(),
        expires_at: scene.now().plus(HOUR),
    };
    let (home, away) = (world.region(&east).unwrap(), world.region(&north).unwrap());
    home.registry.put(&row).await.unwrap();
    let mut seen = BTreeMap::new();
    for ms in [0, 79, 80, 999, 1_000] {
        let now = Timestamp::from_millis(START + ms);
        world.tick(now);
        let index = home.registry.rows_of(&east, &connection).await.unwrap().len();
        let presence = away.registry.presence(&partition, None).await.unwrap().members.len();
        seen.insert(ms, (index, presence));
    }
    assert_eq!(
        seen,
        BTreeMap::from([(0, (0, 0)), (79, (0, 0)), (80, (1, 0)), (999, (1, 0)), (1_000, (1, 1))])
    );
    assert_eq!(world.next_due(), None);

    world.tick(scene.pass(HOUR + Duration::from_mins(2)));
    assert_eq!(home.registry.get(&row.key).await.unwrap(), None, "an expired row is collected in time");
    world.tick(scene.pass(Duration::from_secs(1)));
    assert_eq!(away.registry.presence(&partition, None).await.unwrap().members, [], "everywhere");
}
