//! The memory and the descriptors of a process, as the kernel counts them.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::JoinHandle;

/// How often a watch looks.
const LOOK: Duration = Duration::from_millis(100);

/// Bytes of a process that are in memory.
pub(crate) fn resident(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok());
    kilobytes.map_or(0, |kilobytes| kilobytes * 1024)
}

/// Files that this process, and each that it starts, may have open.
pub(crate) fn descriptors() -> usize {
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok()).unwrap_or(1_024)
}

/// Looks at a process until it is asked what the most was.
pub(crate) struct Watch {
    most: Arc<AtomicU64>,
    is_over: Arc<AtomicBool>,
    watching: JoinHandle<()>,
}

impl Watch {
    pub(crate) fn of(pid: u32) -> Self {
        let (most, is_over) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let (seen, ended) = (Arc::clone(&most), Arc::clone(&is_over));
        let watching = tokio::spawn(async move {
            while !ended.load(Ordering::Relaxed) {
                seen.fetch_max(resident(pid), Ordering::Relaxed);
                tokio::time::sleep(LOOK).await;
            }
        });
        Self { most, is_over, watching }
    }

    pub(crate) async fn most(self) -> u64 {
        self.is_over.store(true, Ordering::Relaxed);
        self.watching.await.expect("it only looks");
        self.most.load(Ordering::Relaxed)
    }
}

/// As people read it.
pub(crate) fn megabytes(bytes: u64) -> String {
    format!("{} MB", bytes / (1024 * 1024))
}
