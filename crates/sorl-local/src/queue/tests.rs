//! What a queue promises, driven by hand.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sorl_core::limits::BATCH_MAX;
use sorl_core::ports::{Entropy, RecordSource};
use sorl_core::region::Region;
use sorl_core::time::Timestamp;
use tokio::sync::Notify;

use super::records::{Outgoing, RECEIVES_MAX, RecordQueue, SendError, Surroundings, VISIBILITY};
use crate::dead_letters::DeadLetters;
use crate::faults::{FaultCell, Faults};
use crate::store::{MemoryStore, Store};

#[derive(Default)]
struct Counting(AtomicU64);

impl Entropy for Counting {
    fn bits(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}

fn at(ms: u64) -> Timestamp {
    Timestamp::from_millis(ms)
}

fn around(store: Arc<dyn Store>, faults: Faults) -> Surroundings {
    let region = Region::parse("eu-north-1").unwrap();
    let entropy: Arc<dyn Entropy> = Arc::new(Counting::default());
    let dead = DeadLetters::open(region.clone(), Arc::clone(&store), Arc::clone(&entropy)).unwrap();
    let (faults, rescheduled) = (FaultCell::new(faults), Arc::new(Notify::new()));
    Surroundings { region, store, faults, entropy, dead, rescheduled }
}

fn open(around: &Surroundings, now: Timestamp) -> RecordQueue {
    RecordQueue::open(RecordSource::Live, around.clone(), now).unwrap()
}

fn queue() -> RecordQueue {
    open(&around(Arc::new(MemoryStore::default()), Faults::default()), at(0))
}

fn record(body: &str) -> Outgoing {
    Outgoing { body: body.into(), delay: Duration::ZERO }
}

fn bodies(queue: &RecordQueue, now: Timestamp) -> Vec<String> {
    queue.receive(now, BATCH_MAX).into_iter().map(|received| received.record.body).collect()
}

#[tokio::test]
async fn records_come_in_order_and_in_batches_of_ten() {
    let queue = queue();
    for n in 0..12 {
        queue.send(vec![record(&n.to_string())], at(0)).await.unwrap();
    }
    let first: Vec<_> = (0..10).map(|n| n.to_string()).collect();
    assert_eq!(bodies(&queue, at(0)), first);
    assert_eq!(bodies(&queue, at(0)), ["10", "11"]);
    assert_eq!(bodies(&queue, at(0)), [""; 0]);
}

#[tokio::test]
async fn a_group_stays_together_whatever_else_is_sent() {
    let queue = queue();
    let group = queue.admit(vec![record("a1"), record("a2"), record("a3")]).unwrap();
    queue.send(vec![record("b")], at(0)).await.unwrap();
    group.accept(at(0));
    assert_eq!(bodies(&queue, at(0)), ["a1", "a2", "a3", "b"]);
}

#[tokio::test]
async fn a_deleted_record_is_done_with_and_an_unanswered_one_comes_again() {
    let queue = queue();
    queue.send(vec![record("done"), record("lost")], at(0)).await.unwrap();
    let received = queue.receive(at(0), BATCH_MAX);
    queue.delete(received[0].receipt);
    assert_eq!(queue.next_due(), Some(at(0).plus(VISIBILITY)));
    assert!(bodies(&queue, at(1)).is_empty());
    let again = queue.receive(at(0).plus(VISIBILITY), BATCH_MAX);
    assert_eq!((again.len(), again[0].record.body.as_str(), again[0].receive_count), (1, "lost", 2));
    queue.delete(received[1].receipt);
    assert_eq!(queue.len(), 1, "the receipt of an earlier hand-out ends nothing");
}

#[tokio::test]
async fn a_released_record_comes_again_after_its_delay() {
    let queue = queue();
    queue.send(vec![record("again")], at(0)).await.unwrap();
    let received = queue.receive(at(0), BATCH_MAX);
    queue.release(received[0].receipt, at(10), Duration::from_millis(5));
    assert!(bodies(&queue, at(14)).is_empty());
    assert_eq!(bodies(&queue, at(15)), ["again"]);
}

#[tokio::test]
async fn a_record_that_never_succeeds_is_buried_with_its_reason() {
    let around = around(Arc::new(MemoryStore::default()), Faults::default());
    let queue = open(&around, at(0));
    queue.send(vec![record("hopeless")], at(0)).await.unwrap();
    for _ in 0..RECEIVES_MAX {
        let received = queue.receive(at(0), BATCH_MAX);
        queue.release(received[0].receipt, at(0), Duration::ZERO);
    }
    assert!(bodies(&queue, at(0)).is_empty());
    assert!(queue.is_empty());
    let letters = around.dead.list().unwrap();
    assert_eq!(letters.len(), 1);
    assert_eq!((letters[0].body.as_str(), letters[0].queue.as_str()), ("hopeless", "live"));
    assert_eq!(letters[0].reason, "received 100 times without success");
}

#[tokio::test]
async fn what_does_not_fit_is_refused_and_room_comes_back() {
    let around = around(Arc::new(MemoryStore::default()), Faults::default());
    let queue = RecordQueue::open_bounded(RecordSource::Live, around, at(0), 1_000).unwrap();
    let large = "x".repeat(500);
    queue.send(vec![record(&large)], at(0)).await.unwrap();
    let refused = queue.send(vec![record(&large)], at(0)).await;
    assert!(matches!(refused, Err(SendError::Full(_))));
    let received = queue.receive(at(0), BATCH_MAX);
    queue.delete(received[0].receipt);
    drop(queue.admit(vec![record(&large)]).unwrap());
    queue.send(vec![record(&large)], at(0)).await.unwrap();
}

#[tokio::test]
async fn a_duplicated_record_comes_twice_and_no_more() {
    let faults = Faults { duplicate: 1.0, ..Faults::default() };
    let queue = open(&around(Arc::new(MemoryStore::default()), faults), at(0));
    queue.send(vec![record("twice")], at(0)).await.unwrap();
    for now in [at(0), at(1_000)] {
        let received = queue.receive(now, BATCH_MAX);
        assert_eq!(received.len(), 1);
        queue.delete(received[0].receipt);
    }
    assert!(queue.is_empty());
}

#[tokio::test]
async fn a_durable_queue_outlives_its_process() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::as_disk());
    let around = around(store, Faults::default());
    let queue = open(&around, at(0));
    let later = Outgoing { delay: Duration::from_millis(50), ..record("later") };
    queue.send(vec![record("done"), record("handed out"), later], at(0)).await.unwrap();
    let received = queue.receive(at(0), BATCH_MAX);
    queue.delete(received[0].receipt);

    let queue = open(&around, at(1));
    assert_eq!(bodies(&queue, at(1)), ["handed out"]);
    queue.send(vec![record("new")], at(1)).await.unwrap();
    assert_eq!(bodies(&queue, at(50)), ["later", "new"]);
}

#[tokio::test]
async fn one_notice_is_enough_for_all_who_wait() {
    let queue = queue();
    let worker = |queue: RecordQueue| async move {
        loop {
            let received = queue.receive(at(0), 1);
            if let Some(received) = received.into_iter().next() {
                queue.delete(received.receipt);
                return;
            }
            queue.arrived().await;
        }
    };
    let workers: Vec<_> = (0..5).map(|_| tokio::spawn(worker(queue.clone()))).collect();
    tokio::task::yield_now().await;
    queue.send((0..5).map(|n| record(&n.to_string())).collect(), at(0)).await.unwrap();
    for worker in workers {
        tokio::time::timeout(Duration::from_secs(10), worker).await.unwrap().unwrap();
    }
    assert!(queue.is_empty());
}
