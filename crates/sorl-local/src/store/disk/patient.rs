//! A file that waits for room: while the disk takes nothing, a write waits instead of failing.
//!
//! The database gives up for good after the first error of its file, for reads as well. But a disk that is full or
//! read-only has lost nothing, and what stands on it can be read: so the one who writes waits here until the disk
//! takes it, and everybody else is told meanwhile ([`Patience`]). Any other error is passed on, because after it
//! nobody knows what stands in the file. Invariant: the file grows by `set_len` alone, before anything is written
//! behind its old end, which is what the database goes by after a crash.

use std::io::{self, ErrorKind};
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use redb::{BackendError, StorageBackend};
use tokio::sync::watch;

/// Between two tries of a write: so long after there is room again, the service is back at the latest.
const REST: Duration = Duration::from_millis(250);

/// Why the disk takes nothing now; none while it does.
type Trouble = Option<Arc<io::Error>>;

/// Whether a file waits, and whether it does so now.
#[derive(Debug)]
pub(super) struct Patience {
    trouble: watch::Sender<Trouble>,
    waits: AtomicBool,
}

impl Default for Patience {
    /// None: who opens a file is to be told at once.
    fn default() -> Self {
        Self { trouble: watch::Sender::new(None), waits: AtomicBool::new(false) }
    }
}

impl Patience {
    /// From now on writes wait.
    pub(super) fn begin(&self) {
        self.waits.store(true, Ordering::Release);
    }

    /// No write waits any longer than for its next try.
    pub(super) fn end(&self) {
        self.waits.store(false, Ordering::Release);
    }

    /// Waits until the disk takes nothing; never over while it takes what it is given.
    pub(super) async fn trouble(&self) -> Arc<io::Error> {
        let mut trouble = self.trouble.subscribe();
        loop {
            if let Some(fault) = trouble.borrow_and_update().clone() {
                return fault;
            }
            // The sender lives as long as this.
            trouble.changed().await.unwrap_or_default();
        }
    }

    /// Tries until it succeeds, or fails for another reason than the disk's state.
    fn insist(&self, attempt: impl Fn() -> io::Result<()>) -> io::Result<()> {
        let began = Instant::now();
        loop {
            match attempt() {
                Ok(()) => {
                    self.tell_end(began);
                    return Ok(());
                }
                Err(fault) if may_pass(&fault) && self.waits.load(Ordering::Acquire) => self.tell(fault),
                Err(fault) => return Err(fault),
            }
            thread::sleep(REST);
        }
    }

    fn tell(&self, fault: io::Error) {
        if self.trouble.borrow().is_none() {
            tracing::error!(
                outcome = "not_written",
                source = ?fault,
                "the disk does not take what is to be kept; until it does, publishes are refused: is it full, or read-only?"
            );
            self.trouble.send_replace(Some(Arc::new(fault)));
        }
    }

    fn tell_end(&self, began: Instant) {
        if self.trouble.borrow().is_some() {
            let lasted_ms = began.elapsed().as_millis();
            tracing::warn!(outcome = "written", lasted_ms, "the disk takes what is to be kept again");
            self.trouble.send_replace(None);
        }
    }
}

/// Whether the disk said that it takes nothing now, and not that it is broken.
fn may_pass(fault: &io::Error) -> bool {
    let kinds = [
        ErrorKind::StorageFull,
        ErrorKind::QuotaExceeded,
        ErrorKind::FileTooLarge,
        ErrorKind::ReadOnlyFilesystem,
    ];
    kinds.contains(&fault.kind())
}

/// The file over another one.
#[derive(Debug)]
pub(super) struct PatientFile<F> {
    file: F,
    /// What the database takes the length to be. It grows the file, and syncs it, while it holds a lock that readers
    /// need; what it asks for is carried out by the next write, when it holds none.
    wanted: AtomicU64,
    length: AtomicU64,
    patience: Arc<Patience>,
}

impl<F: StorageBackend> PatientFile<F> {
    pub(super) fn over(file: F, patience: Arc<Patience>) -> io::Result<Self> {
        let length = file.len()?;
        Ok(Self { file, wanted: AtomicU64::new(length), length: AtomicU64::new(length), patience })
    }

    /// Gives the file the length that was asked for, durably: what is written next may say that it has it.
    fn settle(&self) -> io::Result<()> {
        let wanted = self.wanted.load(Ordering::Acquire);
        if self.length.load(Ordering::Acquire) != wanted {
            self.file.set_len(wanted)?;
            self.file.sync_data()?;
            self.length.store(wanted, Ordering::Release);
        }
        Ok(())
    }
}

impl<F: StorageBackend> StorageBackend for PatientFile<F> {
    fn len(&self) -> io::Result<u64> {
        Ok(self.wanted.load(Ordering::Acquire))
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.wanted.store(len, Ordering::Release);
        // At once, so that what grows there later is zeros; a reader never waits for it.
        if len < self.length.load(Ordering::Acquire) {
            self.patience.insist(|| self.settle())
        } else {
            Ok(())
        }
    }

    fn sync_data(&self) -> io::Result<()> {
        // Not tried again: after a sync that failed the system may have forgotten what it did not write.
        self.file.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.patience.insist(|| {
            self.settle()?;
            self.file.write(offset, data)
        })
    }

    fn close(&self) -> io::Result<()> {
        // Whether or not there is room for it: the locks go.
        let settled = self.settle();
        self.file.close().and(settled)
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_range(start, end)
    }

    fn try_lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.query_lock_range(start, end)
    }
}
