//! What every store promises, and what only the one on disk does.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use sorl_core::ports::Order;

use super::{Batch, DiskStore, MemoryStore, Portion, Rows, Store, StoreError};

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("sorl-store-{name}-{}", std::process::id()));
        drop(std::fs::remove_dir_all(&path));
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

fn batch(rows: &[(&str, Option<&str>)]) -> Batch {
    let mut batch = Batch::default();
    for (key, value) in rows {
        match value {
            Some(value) => batch.put(*key, Bytes::copy_from_slice(value.as_bytes())),
            None => batch.delete(*key),
        }
    }
    batch
}

fn texts(rows: &Rows) -> Vec<(String, String)> {
    let text = |bytes: &Bytes| String::from_utf8(bytes.to_vec()).unwrap();
    rows.rows.iter().map(|row| (text(&row.key), text(&row.value))).collect()
}

fn keys(rows: &Rows) -> Vec<String> {
    texts(rows).into_iter().map(|(key, _)| key).collect()
}

fn range(start: &str, end: &str) -> std::ops::Range<Vec<u8>> {
    start.as_bytes().to_vec()..end.as_bytes().to_vec()
}

async fn keeps_its_promises(store: &dyn Store) {
    store
        .write(batch(&[("b", Some("2")), ("a", Some("1")), ("c", Some("3")), ("d", Some("4"))]))
        .await
        .unwrap();
    store.write(batch(&[("c", None), ("a", Some("one")), ("nothing", None)])).await.unwrap();
    assert_eq!(store.get(b"a").unwrap().as_deref(), Some(b"one".as_ref()));
    assert_eq!(store.get(b"c").unwrap(), None);

    let all = Portion::rows(10);
    let scan = |range, order, portion| store.scan(range, order, portion).unwrap();
    assert_eq!(keys(&scan(range("a", "z"), Order::Ascending, all)), ["a", "b", "d"]);
    assert_eq!(keys(&scan(range("a", "z"), Order::Descending, all)), ["d", "b", "a"]);
    assert_eq!(keys(&scan(range("a", "d"), Order::Descending, all)), ["b", "a"]);
    assert!(scan(range("z", "a"), Order::Ascending, all).rows.is_empty());

    let two = scan(range("a", "z"), Order::Ascending, Portion::rows(2));
    assert_eq!((keys(&two).len(), two.more), (2, true));
    let three = scan(range("a", "z"), Order::Ascending, Portion::rows(3));
    assert_eq!((keys(&three).len(), three.more), (3, false));
    let small = scan(range("a", "z"), Order::Ascending, Portion { rows: 10, bytes: 1 });
    assert_eq!((keys(&small), small.more), (vec!["a".to_owned()], true), "the first always comes");
}

#[tokio::test]
async fn memory_keeps_its_promises() {
    keeps_its_promises(&MemoryStore::default()).await;
}

#[tokio::test]
async fn disk_keeps_its_promises() {
    let folder = Folder::new("promises");
    keeps_its_promises(&DiskStore::open(&folder.0).unwrap()).await;
}

#[tokio::test]
async fn memory_knows_what_it_holds() {
    let store = MemoryStore::with_room(1_000);
    let used = || store.room().unwrap().used;
    assert_eq!(used(), 0);
    store.write(batch(&[("a", Some("12345"))])).await.unwrap();
    let one = used();
    store.write(batch(&[("a", Some("12345"))])).await.unwrap();
    assert_eq!(used(), one, "written twice is held once");
    store.write(batch(&[("a", None), ("a", None)])).await.unwrap();
    assert_eq!(used(), 0);
}

#[tokio::test]
async fn concurrent_writers_are_all_answered_and_all_stand() {
    let folder = Folder::new("crowd");
    let store = Arc::new(DiskStore::open(&folder.0).unwrap());
    let writers: Vec<_> = (0..200)
        .map(|n| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                let key = format!("{n:03}");
                store.write(batch(&[(&key, Some("x"))])).await.unwrap();
                assert!(store.get(key.as_bytes()).unwrap().is_some(), "what was acknowledged is read");
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    let rows = store.scan(range("0", "9"), Order::Ascending, Portion::rows(1_000)).unwrap();
    assert_eq!(rows.rows.len(), 200);
}

#[tokio::test]
async fn a_closed_store_has_written_all_and_opens_again() {
    let folder = Folder::new("again");
    let store = DiskStore::open(&folder.0).unwrap();
    store.write(batch(&[("a", Some("1"))])).await.unwrap();
    store.write_soon(batch(&[("b", Some("2"))]));
    store.close().await;
    assert!(matches!(store.write(batch(&[("c", Some("3"))])).await, Err(StoreError::Closed)));
    drop(store);
    let store = DiskStore::open(&folder.0).unwrap();
    let rows = store.scan(range("a", "z"), Order::Ascending, Portion::rows(10)).unwrap();
    assert_eq!(keys(&rows), ["a", "b"]);
}

#[tokio::test]
async fn a_folder_in_use_is_refused_with_what_to_do() {
    let folder = Folder::new("in-use");
    let _first = DiskStore::open(&folder.0).unwrap();
    let refused = DiskStore::open(&folder.0).err().unwrap().to_string();
    assert!(refused.contains("another process"), "{refused}");
}
