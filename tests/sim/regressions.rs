//! What the simulation found once, told again without chance.
//!
//! What it found in the client's session stands among the session's own tests.

#![expect(clippy::unwrap_used, reason = "a test stops at the first thing that is not as it should be")]

use std::sync::Arc;

use async_trait::async_trait;
use futures::FutureExt;
use parking_lot::Mutex;
use sorl_core::deliver::{Ports, Record, Report, deliver};
use sorl_core::envelope::Topic;
use sorl_core::ids::ConnectionId;
use sorl_core::limits::DELIVER_MAX;
use sorl_core::member::{Member, MemberKey, Partition};
use sorl_core::names::{ChannelName, UserName};
use sorl_core::ports::{CloseError, Gateway, PostError, Registry};
use sorl_core::protocol::Frame;
use sorl_local::topics::Notice;
use sorl_local::world::Place;

use crate::chance::Chance;
use crate::executor::{Executor, Timeline};
use crate::stage::{START, new_world};

/// How the gateway answers a post.
#[derive(Clone, Copy)]
enum Answer {
    Taken,
    Gone,
    Never,
}

/// A gateway with one answer, and what reached the client through it.
struct OneAnswer {
    answer: Answer,
    reached: Mutex<Vec<String>>,
}

#[async_trait]
impl Gateway for OneAnswer {
    async fn post(&self, _: &ConnectionId, frame: &Frame) -> Result<(), PostError> {
        match self.answer {
            Answer::Taken => self.reached.lock().push(String::from_utf8_lossy(frame.text()).into_owned()),
            Answer::Gone => return Err(PostError::Gone),
            Answer::Never => std::future::pending().await,
        }
        Ok(())
    }

    async fn close(&self, _: &ConnectionId) -> Result<(), CloseError> {
        self.reached.lock().push("closed".to_owned());
        Ok(())
    }
}

/// A member of `hall:1` whom an operator puts out.
struct Eviction {
    place: Arc<Place>,
    clock: Timeline,
    record: Record,
}

impl Eviction {
    fn ordered() -> Self {
        let chance = Chance::new(1);
        let clock = Executor::new(START, chance.split()).timeline();
        let world = new_world(&clock, &chance);
        let place = Arc::clone(world.places().next().unwrap());
        for channel in ["@bob", "hall:1"] {
            let put = place.registry.put(&member(channel, &place)).now_or_never();
            put.unwrap().unwrap();
        }
        let message = r#"{"control":"unsubscribe","user":"bob","channel":"hall:1"}"#.to_owned();
        let notice = Notice { message_id: "1".to_owned(), message, ..Notice::default() };
        let topics = world.topics();
        let arn = topics.arn(&place.site.region, Topic::Control);
        topics.publish(&arn, &[notice]).now_or_never().unwrap().unwrap();
        let record = place.live.receive(START, 1).remove(0).record;
        Self { place, clock, record }
    }

    /// Carries the order out, or dies when the gateway does not answer; what reached the client.
    fn carry_out(&self, answer: Answer) -> (Option<Report>, Vec<String>) {
        let gateway = OneAnswer { answer, reached: Mutex::default() };
        let Place { registry, log, bus, queue, site, .. } = &*self.place;
        let ports = Ports { registry, log, bus, queue, gateway: &gateway, clock: &self.clock };
        let records = [self.record.clone()];
        let report = deliver(&records, ports, site, START.plus(DELIVER_MAX)).now_or_never();
        (report, gateway.reached.into_inner())
    }
}

fn member(channel: &str, place: &Place) -> Member {
    let channel = ChannelName::parse(channel).unwrap();
    let connection = ConnectionId::parse("c1").unwrap();
    let shards = place.site.config.namespace(&channel).shards;
    let shard = sorl_core::member::shard_of(&connection, shards);
    let partition = Partition { channel, region: place.site.region.clone(), shard };
    Member {
        key: MemberKey { partition, connection },
        user: UserName::parse("bob").unwrap(),
        since: START,
        expires_at: START.plus(DELIVER_MAX * 100),
    }
}

#[test]
fn an_eviction_that_died_before_the_client_was_told_is_told_the_next_time() {
    let eviction = Eviction::ordered();
    assert!(eviction.carry_out(Answer::Never).0.is_none(), "it dies");
    let (report, reached) = eviction.carry_out(Answer::Taken);
    assert!(report.unwrap().failed.is_empty());
    assert_eq!(reached, [r#"{"type":"unsubscribed","channel":"hall:1"}"#]);
}

#[test]
fn a_410_for_a_live_connection_is_no_telling_of_an_eviction() {
    let (report, reached) = Eviction::ordered().carry_out(Answer::Gone);
    assert!(report.unwrap().failed.is_empty());
    assert_eq!(reached, ["closed"]);
}
