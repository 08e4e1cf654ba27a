//! What a clause may ask of the world around the ports, and the small things that clauses make.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use sorl_core::ids::{ConnectionId, MessageId, Tail};
use sorl_core::member::{Member, MemberKey, Partition};
use sorl_core::message::Message;
use sorl_core::names::{ChannelName, UserName};
use sorl_core::ports::{Bus, DeadLetter, Log, LogEntry, Queue, RecordSource, Registry};
use sorl_core::region::Region;
use sorl_core::time::Timestamp;

/// Two regions of one stage, their ports, and a hand on what is around them.
#[async_trait]
pub(crate) trait Arm: Send + Sync {
    /// A region.
    fn here(&self) -> Region;
    /// Another.
    fn there(&self) -> Region;

    fn registry(&self, region: &Region) -> Arc<dyn Registry>;
    fn bus(&self, region: &Region) -> Arc<dyn Bus>;
    /// Of the region `here`.
    fn log(&self) -> Arc<dyn Log>;
    /// Of the region `here`.
    fn queue(&self) -> Arc<dyn Queue>;

    /// The stage's time.
    fn now(&self) -> Timestamp;
    /// Lets time pass.
    async fn pass(&self, time: Duration);
    /// Lets time pass until nothing is under way between the regions.
    async fn settle(&self);
    /// Receives what a region's queue hands out now and answers for it.
    async fn take(&self, region: &Region, source: RecordSource) -> Vec<String>;
    /// Receives what a region's queue hands out now and never answers; then lets the time of visibility pass.
    async fn lose(&self, region: &Region, source: RecordSource) -> Vec<String>;
    /// The dead letters of the region `here`.
    async fn buried(&self) -> Vec<DeadLetter>;
    /// Cuts a region off from the others, or heals all cuts.
    async fn cut(&self, region: Option<&Region>);
    /// From now on every second write fails, in turn before and after its effect; or no more.
    fn disturb(&self, on: bool);
}

/// The bound of `answers_in_time`: more than any adapter's own time-out.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);

/// Waits for an answer, whatever it is, as long as a port may take.
pub(crate) async fn in_time<T>(call: impl Future<Output = T>) -> T {
    tokio::time::timeout(ANSWER_WITHIN, call).await.expect("the port answers in time")
}

static NEXT: AtomicU64 = AtomicU64::new(0);

fn next() -> u64 {
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// A channel that no other clause has, nor another run against the same stage.
pub(crate) fn fresh_channel() -> ChannelName {
    channel(&format!("room:{}-{}", std::process::id(), next()))
}

pub(crate) fn channel(name: &str) -> ChannelName {
    ChannelName::parse(name).unwrap()
}

/// A user that no other clause has.
pub(crate) fn fresh_user() -> UserName {
    UserName::parse(&format!("user-{}-{}", std::process::id(), next())).unwrap()
}

pub(crate) fn connection(name: &str) -> ConnectionId {
    ConnectionId::parse(name).unwrap()
}

/// A member of `channel` in `region` whose row lives for an hour.
pub(crate) fn member(channel: &ChannelName, region: &Region, name: &str, now: Timestamp) -> Member {
    let partition = Partition { channel: channel.clone(), region: region.clone(), shard: 0 };
    Member {
        key: MemberKey { partition, connection: connection(name) },
        user: UserName::parse("alice").unwrap(),
        since: now,
        expires_at: now.plus(Duration::from_hours(1)),
    }
}

/// The `n`th message accepted at `at`.
pub(crate) fn message(channel: &ChannelName, at: Timestamp, n: u64) -> Message {
    let id = MessageId::new(at, 0, Tail::from_bits(n));
    let data = serde_json::value::to_raw_value(&n).unwrap();
    let sender = Some((UserName::parse("alice").unwrap(), true));
    Message::new(id, channel.clone(), data, sender, Region::parse("eu-north-1").unwrap())
}

/// The message as the log takes it, to live for a day.
pub(crate) fn entry(message: Message) -> LogEntry {
    let expires_at = message.at().plus(Duration::from_hours(24));
    LogEntry { message, expires_at }
}
