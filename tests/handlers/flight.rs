//! How much is under way at the same time: as many posts and pages as the limits say, and no more.
//!
//! Not how the limit adapts, nor when a slot is lent: core's own tests of `limit` and `slots`. Every call here takes a
//! turn, so that all that may be under way together are.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::task::Poll;

use async_trait::async_trait;
use sorl_core::deliver::Ports;
use sorl_core::ids::ConnectionId;
use sorl_core::limits::{PAGES_IN_FLIGHT_MAX, POSTS_UNANSWERED_MAX};
use sorl_core::member::Partition;
use sorl_core::ports::{Clock, CloseError, Gateway, MemberPage, PostError, Registry, Unavailable};
use sorl_core::protocol::Frame;
use sorl_core::time::Timestamp;
use sorl_tests::over::{Over, OverRegistry};

use crate::stage::{HOME, Stage};

/// How many calls are under way, and the most that ever were.
#[derive(Default)]
struct Gauge {
    now: AtomicUsize,
    most: AtomicUsize,
}

impl Gauge {
    /// A call that is answered at its second turn.
    async fn pass(&self) {
        let now = self.now.fetch_add(1, Ordering::Relaxed) + 1;
        self.most.fetch_max(now, Ordering::Relaxed);
        let had_a_turn = AtomicBool::new(false);
        std::future::poll_fn(|context| {
            context.waker().wake_by_ref();
            if had_a_turn.swap(true, Ordering::Relaxed) { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        self.now.fetch_sub(1, Ordering::Relaxed);
    }

    fn most(&self) -> usize {
        self.most.load(Ordering::Relaxed)
    }
}

/// A gateway that takes everything, a turn later.
#[derive(Default)]
struct Posts(Gauge);

#[async_trait]
impl Gateway for Posts {
    async fn post(&self, _: &ConnectionId, _: &Frame) -> Result<(), PostError> {
        self.0.pass().await;
        Ok(())
    }

    async fn close(&self, _: &ConnectionId) -> Result<(), CloseError> {
        Ok(())
    }
}

/// A registry that reads a page a turn later.
struct Pages<'a>(&'a dyn Registry, Gauge);

#[async_trait]
impl OverRegistry for Pages<'_> {
    fn registry(&self) -> &dyn Registry {
        self.0
    }

    async fn audience(
        &self,
        partition: &Partition,
        after: Option<&ConnectionId>,
    ) -> Result<MemberPage, Unavailable> {
        self.1.pass().await;
        self.0.audience(partition, after).await
    }
}

/// A clock that goes on by two milliseconds whenever it is looked at, so that what holds a slot soon hangs.
struct Ticking(AtomicU64);

impl Clock for Ticking {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.fetch_add(2, Ordering::Relaxed))
    }
}

fn hall(members: usize) -> Stage {
    let stage = Stage::new();
    (0..members).for_each(|n| drop(stage.member(&format!("u{n}"), &format!("c{n}"), "hall:1")));
    stage.send("hall:1", "1");
    stage
}

#[test]
fn no_more_posts_are_in_flight_than_the_limit_allows() {
    // Fewer than let it grow so far that another 64 would be in flight.
    let (stage, posts) = (hall(100), Posts::default());
    stage.deliver_batch(|ports, records| Some(stage.run(records, Ports { gateway: &posts, ..ports })));
    assert_eq!(posts.0.most(), 64);
}

#[test]
fn posts_that_hang_hold_up_nobody_until_there_are_too_many_of_them() {
    let (stage, posts) = (hall(POSTS_UNANSWERED_MAX + 50), Posts::default());
    let clock = Ticking(AtomicU64::new(stage.told.now().as_millis()));
    stage.deliver_batch(|ports, records| {
        Some(stage.run(records, Ports { gateway: &posts, clock: &clock, ..ports }))
    });
    assert_eq!(posts.0.most(), POSTS_UNANSWERED_MAX);
}

#[test]
fn no_more_pages_are_read_at_once_than_fit_in_memory() {
    let stage = Stage::with("[namespaces.wide]\nshards = 64\ngrants = [\"*\"]");
    stage.send("wide:1", "1");
    let registry = Over(Pages(&stage.place(HOME).registry, Gauge::default()));
    stage.deliver_batch(|ports, records| Some(stage.run(records, Ports { registry: &registry, ..ports })));
    assert_eq!(registry.0.1.most(), PAGES_IN_FLIGHT_MAX);
}
