//! A disk that fills up and gets room again: what the store makes of it.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use parking_lot::RwLock;
use redb::StorageBackend;
use sorl_core::ports::Order;
use tokio::sync::oneshot;

use super::super::{Batch, Portion, Store, StoreError};
use super::DiskStore;
use super::patient::Patience;

/// Far more than anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// A file in memory, which can fill up and outlives its database.
#[derive(Debug, Clone, Default)]
struct Disk {
    bytes: Arc<RwLock<Vec<u8>>>,
    is_full: Arc<AtomicBool>,
}

impl Disk {
    fn fill(&self, is_full: bool) {
        self.is_full.store(is_full, Ordering::Relaxed);
    }

    fn room(&self) -> io::Result<()> {
        match self.is_full.load(Ordering::Relaxed) {
            true => Err(io::ErrorKind::StorageFull.into()),
            false => Ok(()),
        }
    }

    fn open(&self) -> Result<DiskStore, redb::Error> {
        DiskStore::over(|| Ok(self.clone()), Arc::new(Patience::default()))
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.bytes.read().len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let from = usize::try_from(offset).unwrap();
        let bytes = self.bytes.read();
        let there = bytes.get(from..from + out.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(there);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.room()?;
        self.bytes.write().resize(usize::try_from(len).unwrap(), 0);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.room()?;
        let from = usize::try_from(offset).unwrap();
        self.bytes.write()[from..from + data.len()].copy_from_slice(data);
        Ok(())
    }
}

fn put(key: &str, length: usize) -> Batch {
    let mut batch = Batch::default();
    batch.put(key, Bytes::from(vec![b'x'; length]));
    batch
}

fn keys(store: &DiskStore) -> Vec<Bytes> {
    let all = store.scan(vec![0]..vec![255], Order::Ascending, Portion::rows(10)).unwrap();
    all.rows.into_iter().map(|row| row.key).collect()
}

/// Writes that the store refuses, of which the first is in the file's hands.
async fn refused(store: &DiskStore, key: &str, length: usize) {
    for _ in 0..3 {
        let refused = tokio::time::timeout(PATIENCE, store.write(put(key, length))).await.unwrap();
        assert!(matches!(refused, Err(StoreError::Failed(_))), "{refused:?}");
    }
}

#[tokio::test]
async fn on_a_full_disk_writes_are_refused_and_reads_go_on() {
    let disk = Disk::default();
    let store = disk.open().unwrap();
    store.write(put("a", 1)).await.unwrap();
    disk.fill(true);
    // Larger than the file, which therefore has to grow.
    refused(&store, "b", 8 * 1024 * 1024).await;
    assert_eq!(keys(&store), ["a"]);
    assert_eq!(store.get(b"a").unwrap().as_deref(), Some(b"x".as_ref()));
}

#[tokio::test]
async fn what_waited_for_room_is_done_and_followed_once_there_is_some() {
    let disk = Disk::default();
    let store = disk.open().unwrap();
    disk.fill(true);
    let (done, is_done) = oneshot::channel();
    let follow = Box::new(|| done.send(()).unwrap());
    let given_up = store.write_then(put("a", 1), follow).await;
    assert!(matches!(given_up, Err(StoreError::Failed(_))), "{given_up:?}");
    disk.fill(false);
    tokio::time::timeout(PATIENCE, is_done).await.expect("it is followed").unwrap();
    assert_eq!(keys(&store), ["a"]);
    let trying = async {
        while store.write(put("b", 1)).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, trying).await.expect("the store takes writes again");
    assert_eq!(keys(&store), ["a", "b"]);
}

#[tokio::test]
async fn a_full_disk_keeps_no_store_from_closing_and_nothing_that_was_written_is_lost() {
    let disk = Disk::default();
    let store = disk.open().unwrap();
    store.write(put("a", 1)).await.unwrap();
    disk.fill(true);
    refused(&store, "b", 8 * 1024 * 1024).await;
    tokio::time::timeout(PATIENCE, store.close()).await.expect("it closes");
    assert!(matches!(store.get(b"a"), Err(StoreError::Closed)));
    disk.fill(false);
    assert!(keys(&disk.open().unwrap()).contains(&Bytes::from("a")));
}

#[test]
fn a_disk_that_is_full_from_the_start_is_refused_at_once() {
    let disk = Disk::default();
    disk.fill(true);
    assert!(matches!(disk.open(), Err(redb::Error::Io(fault)) if fault.kind() == io::ErrorKind::StorageFull));
}
