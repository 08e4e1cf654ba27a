//! A slice begins: late or not, what it is owed is a job again.
//!
//! A late slice (more than 15 s after one of its messages) first writes a late mark, then looks again who is
//! still a member: who joined before that look gets the messages live, who comes later finds the mark.

use std::sync::Arc;
use std::time::Duration;

use super::cut::{Cutting, Remainder};
use super::job::{Item, Job, Target};
use super::still_owed::{self, Late};
use super::{Run, append, cut};
use crate::envelope::{Rest, Slice};
use crate::limits::{LATE_AFTER, RECOVERY_OVERLAP};
use crate::time::Timestamp;

/// After so long since an audience was first read, somebody may have moved to where it was read already, with a cursor
/// that is past the message and no mark in its answer: [`RECOVERY_OVERLAP`], less [`LATE_AFTER`] for which there is no
/// mark, less as much for clocks.
const MOVED_AFTER: Duration = RECOVERY_OVERLAP.saturating_sub(LATE_AFTER).saturating_sub(LATE_AFTER);

/// What slices ask for: to be posted, to be cut, and, of late ones, to look again who is owed.
#[derive(Default)]
pub(super) struct Resumed {
    pub(super) jobs: Vec<Job>,
    pub(super) cuttings: Vec<Cutting>,
    late: Vec<Late>,
}

/// Takes slices up again. Those that fail are handed out again by the queue.
pub(super) async fn resume(slices: Vec<(usize, Slice)>, run: &mut Run<'_>) -> Resumed {
    let mut resumed = Resumed::default();
    for (record, slice) in slices {
        begin(record, slice, &mut resumed, run).await;
    }
    let late = std::mem::take(&mut resumed.late);
    resumed.jobs.extend(still_owed::jobs(late, run).await);
    resumed
}

async fn begin(record: usize, slice: Slice, resumed: &mut Resumed, run: &mut Run<'_>) {
    let Slice { messages, connections, rest, read_at, depth, .. } = slice;
    let mut items: Vec<_> = messages.into_iter().map(|owed| Item::new(owed, vec![record])).collect();
    items.sort_by_key(|item| item.owed.message.id);
    let now = run.now();
    let is_late = items.iter().any(|item| append::is_late(&item.owed, now));
    if is_late {
        items = append::mark_late(items, run).await;
        if run.failed.contains(&record) {
            return;
        }
    }
    if let Some(rest) = rest {
        resumed.cuttings.extend(cuttings(&items, rest, read_at, depth, run));
    }
    if is_late && !connections.is_empty() {
        resumed.late.push(Late { record, items, connections, read_at, depth });
    } else if !connections.is_empty() {
        let all: Arc<[usize]> = (0..items.len()).collect();
        let targets = connections.into_iter().map(|to| Target { to, items: Arc::clone(&all) }).collect();
        resumed.jobs.push(Job { items, targets, read_at, depth });
    }
}

/// What of an audience is still to be read; after a while, also whoever joined where it was read already.
fn cuttings(items: &[Item], rest: Rest, read_at: Timestamp, depth: u32, run: &Run<'_>) -> Vec<Cutting> {
    let (now, channel) = (run.now(), rest.channel.clone());
    let has_moved = now.since(read_at) > MOVED_AFTER;
    let own = Cutting {
        messages: items.iter().map(|item| item.owed.clone()).collect(),
        records: items.iter().flat_map(|item| item.records.clone()).collect(),
        remainder: Remainder { members: Vec::new(), rest: Some(rest) },
        joined_after: None,
        read_at: if has_moved { now } else { read_at },
        depth,
    };
    let since = read_at.minus(RECOVERY_OVERLAP);
    let mut cuttings = if has_moved { cut::of_newer(&channel, since, &own, run) } else { Vec::new() };
    cuttings.push(own);
    cuttings
}
