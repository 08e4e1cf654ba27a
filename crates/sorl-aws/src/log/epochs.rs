//! Since when the region's log is complete, and for how long it kept what.
//!
//! One row notes what every namespace keeps now, and since when; rows beside it what was noted before. The
//! invariant: a note is copied to its own row before another replaces it, and read after the one in force, so that
//! nobody, wherever a writer stops, reads of a retention without that which was before it. In doubt a recovery is
//! incomplete.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sorl_core::config::Config;
use sorl_core::limits::{DELIVER_MAX, LOG_GRACE};
use sorl_core::ports::{Epoch, Unavailable};
use sorl_core::time::Timestamp;

use crate::table::{Condition, ItemBuilder, Put, Query, Reading, Row, Table};

/// The key of all notes: no channel's name, and no channel's marks.
const PARTITION: &str = "#epochs";
/// The sort key of the note in force, which comes before every time.
const IN_FORCE: &str = "#";
/// Digits of a time, so that texts sort as times do.
const TIME_DIGITS: usize = 20;
/// The namespace of all channels that no other claims.
const FALLBACK: &str = "default";
/// How long what was noted is taken to stand. While a deployment replaces one version by another, the old one may
/// be the last to note what it keeps; so long is that believed at most.
const NOTED_FOR: Duration = Duration::from_mins(5);
/// Races that one writer may lose to writers with another configuration.
const ROUNDS_MAX: usize = 8;

const SINCE: &str = "since";
const KEEPS: &str = "keeps";

/// From when on the log has every message that was accepted, as far as the deployment knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Completeness {
    /// The region is there since the stage began.
    FromStart,
    /// The region was added, or added again, then.
    Since(Timestamp),
    /// Nobody said: from the first note on.
    Unknown,
}

/// The notes of one region's log.
#[derive(Debug)]
pub(super) struct Epochs {
    complete: Completeness,
    /// When this process last saw that what it keeps is noted, in milliseconds; 0: never.
    noted_at: AtomicU64,
}

/// What was kept, from a time on.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Note {
    since: Timestamp,
    /// Milliseconds, by namespace.
    keeps: BTreeMap<String, u64>,
}

impl Epochs {
    pub(super) const fn new(complete: Completeness) -> Self {
        Self { complete, noted_at: AtomicU64::new(0) }
    }

    /// Notes what `config` keeps, unless that stands already.
    pub(super) async fn declare(
        &self,
        table: &Table,
        config: &Config,
        now: Timestamp,
    ) -> Result<(), Unavailable> {
        let noted_at = Timestamp::from_millis(self.noted_at.load(Ordering::Relaxed));
        if now.since(noted_at) < NOTED_FOR {
            return Ok(());
        }
        let keeps = config.namespaces().map(|namespace| (namespace.name.clone(), millis(namespace.history)));
        put(table, Note { since: now, keeps: keeps.collect() }, now).await?;
        self.noted_at.store(now.as_millis(), Ordering::Relaxed);
        Ok(())
    }

    /// The retentions that the namespace had, oldest first.
    pub(super) async fn of(&self, table: &Table, namespace: &str) -> Result<Vec<Epoch>, Unavailable> {
        let rows = table.all(Query::of(PARTITION, Reading::Strong)).await?;
        let Some(mut notes) = rows.iter().map(Note::read).collect::<Option<Vec<_>>>() else {
            tracing::warn!("a note of what the log keeps cannot be read: recoveries count as incomplete");
            return Ok(Vec::new());
        };
        notes.sort_by_key(|note| note.since);
        // The note in force has a copy already where a writer stopped before it replaced it.
        notes.dedup_by_key(|note| note.since);
        Ok(self.complete.of(epochs(namespace, &notes)))
    }
}

/// Puts the first note; or puts it in the place of the one that stands, if that says something else.
async fn put(table: &Table, mut note: Note, now: Timestamp) -> Result<(), Unavailable> {
    let mut condition = Condition {
        expression: "attribute_not_exists(pk)",
        names: Vec::new(),
        values: ItemBuilder::default().build(),
    };
    for _ in 0..ROUNDS_MAX {
        let Put::Refused(row) = table.put_if(note.in_force(), condition).await? else { return Ok(()) };
        let standing = Note::read(&row).unwrap_or_else(Note::unreadable);
        if standing.keeps == note.keeps {
            return Ok(());
        }
        table.put(standing.outlived_by(&note, now)).await?;
        // Invocations that began under the standing note may append under it for so long.
        note.since = now.plus(DELIVER_MAX).max(standing.since.plus(Duration::from_millis(1)));
        condition = still(&row);
    }
    Err(table.unavailable(format!("lost {ROUNDS_MAX} races to note what the log keeps")))
}

/// The row that stood stands yet.
fn still(row: &Row) -> Condition {
    let same = |name, value| Condition {
        expression: "#since = :since AND #keeps = :keeps",
        names: vec![("#since", SINCE), ("#keeps", KEEPS)],
        values: ItemBuilder::default().number(":since", name).text(":keeps", value).build(),
    };
    let anything = Condition {
        expression: "attribute_exists(pk)",
        names: Vec::new(),
        values: ItemBuilder::default().build(),
    };
    row.number(SINCE).zip(row.text(KEEPS)).map_or(anything, |(since, keeps)| same(since, keeps))
}

impl Note {
    /// In the place of a note that cannot be read: nothing that was kept before is relied on.
    const fn unreadable() -> Self {
        Self { since: Timestamp::ZERO, keeps: BTreeMap::new() }
    }

    fn in_force(&self) -> crate::table::Item {
        self.row(IN_FORCE.to_owned()).build()
    }

    /// The row that the note has once `next` replaced it. It stays until a channel of either loses messages in
    /// `next`'s time already, which says the same.
    fn outlived_by(&self, next: &Self, now: Timestamp) -> crate::table::Item {
        let longest = self.keeps.values().chain(next.keeps.values()).max().copied().unwrap_or_default();
        let until = now.plus(DELIVER_MAX).plus(Duration::from_millis(longest)).plus(LOG_GRACE);
        self.row(format!("{:0TIME_DIGITS$}", self.since.as_millis())).expiring(until).build()
    }

    fn row(&self, sort: String) -> ItemBuilder {
        // Texts and numbers always serialize; an empty text could not be read, which is on the safe side.
        let keeps = serde_json::to_string(&self.keeps).unwrap_or_default();
        ItemBuilder::keyed(PARTITION, sort).time(SINCE, self.since).text(KEEPS, keeps)
    }

    fn read(row: &Row) -> Option<Self> {
        Some(Self { since: row.time(SINCE)?, keeps: serde_json::from_str(row.text(KEEPS)?).ok()? })
    }

    /// How long the channels were kept that are the namespace's under `latest`: while it was not there, they were
    /// those of `default`; and `default` has those of namespaces that are no more, of which the shortest counts.
    fn retention(&self, namespace: &str, latest: &Self) -> Duration {
        let named = self.keeps.get(namespace).or_else(|| self.keeps.get(FALLBACK)).copied();
        let taken_over = self.keeps.iter().filter(|(name, _)| !latest.keeps.contains_key(*name));
        let shortest = match namespace {
            FALLBACK => taken_over.map(|(_, millis)| *millis).chain(named).min(),
            _ => named,
        };
        Duration::from_millis(shortest.unwrap_or_default())
    }
}

/// What `notes`, the oldest first, say of a namespace.
fn epochs(namespace: &str, notes: &[Note]) -> Vec<Epoch> {
    let Some(latest) = notes.last() else { return Vec::new() };
    let mut epochs: Vec<Epoch> = Vec::new();
    for note in notes {
        let retention = note.retention(namespace, latest);
        if epochs.last().is_none_or(|last| last.retention != retention) {
            epochs.push(Epoch { since: note.since, retention, begins_stage: false });
        }
    }
    epochs
}

impl Completeness {
    /// `epochs` with the beginning that the deployment knows of. Where nothing was noted nothing was ever appended,
    /// so nothing can have been lost either.
    fn of(self, mut epochs: Vec<Epoch>) -> Vec<Epoch> {
        if epochs.is_empty() && self != Self::Unknown {
            epochs.push(Epoch { since: Timestamp::ZERO, retention: Duration::MAX, begins_stage: false });
        }
        match self {
            Self::FromStart => begin_stage(&mut epochs),
            Self::Since(added) => begin(&mut epochs, added),
            Self::Unknown => {}
        }
        epochs
    }
}

fn begin_stage(epochs: &mut [Epoch]) {
    if let Some(first) = epochs.first_mut() {
        first.begins_stage = true;
    }
}

/// Nothing from before `added` counts: the region was not there, or not yet again.
fn begin(epochs: &mut Vec<Epoch>, added: Timestamp) {
    while let [_, second, ..] = epochs.as_slice()
        && second.since <= added
    {
        epochs.remove(0);
    }
    if let Some(first) = epochs.first_mut() {
        first.since = added;
    }
}

fn millis(retention: Duration) -> u64 {
    u64::try_from(retention.as_millis()).unwrap_or(u64::MAX)
}
