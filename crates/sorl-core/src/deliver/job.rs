//! A job: messages and the connections that are owed them. A live batch is one job; so are the slices of a batch
//! that took equally many turns, since whoever is owed something by several of them gets it in one frame.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::audience::Audience;
use super::cut::Cutting;
use super::{Run, append, audience};
use crate::envelope::{Owed, Recipient};
use crate::ids::{ConnectionId, MessageId};
use crate::names::ChannelName;
use crate::time::Timestamp;

/// A message, and the records that must come again if it cannot be accounted for.
pub(super) struct Item {
    pub(super) owed: Owed,
    pub(super) records: Vec<usize>,
    /// A part of its audience is in slices, which would be posted twice if its records came again.
    pub(super) is_sliced: bool,
}

/// Messages in id order, and who is owed which of them.
pub(super) struct Job {
    pub(super) items: Vec<Item>,
    /// In the order of posting.
    pub(super) targets: Vec<Target>,
    /// When the audience was read.
    pub(super) read_at: Timestamp,
    /// Turns through the queue so far.
    pub(super) depth: u32,
}

/// A connection and what it is owed: indexes into the job's items, ascending, not empty, shared by all who are owed
/// the same.
pub(super) struct Target {
    pub(super) to: Recipient,
    pub(super) items: Arc<[usize]>,
}

impl Item {
    pub(super) const fn new(owed: Owed, records: Vec<usize>) -> Self {
        Self { owed, records, is_sliced: false }
    }
}

impl Job {
    /// The records that bring these items.
    pub(super) fn records(&self, items: &[usize]) -> Vec<usize> {
        self.items_at(items).flat_map(|item| item.records.iter().copied()).collect()
    }

    /// The messages of these items.
    pub(super) fn messages(&self, items: &[usize]) -> Vec<Owed> {
        self.items_at(items).map(|item| item.owed.clone()).collect()
    }

    /// Whether a part of the audience of any of these items is in slices.
    pub(super) fn is_sliced(&self, items: &[usize]) -> bool {
        self.items_at(items).any(|item| item.is_sliced)
    }

    fn items_at(&self, items: &[usize]) -> impl Iterator<Item = &Item> {
        items.iter().filter_map(|item| self.items.get(*item))
    }
}

/// Logs the batch's messages, then reads the audience of their channels: what to post, and what to cut.
pub(super) async fn live(messages: Vec<Item>, run: &mut Run<'_>) -> (Option<Job>, Vec<Cutting>) {
    run.counts.messages += messages.len() as u64;
    let items = append::log(messages, run).await;
    let items = append::mark_late(items, run).await;
    if items.is_empty() {
        return (None, Vec::new());
    }
    let read_at = run.now();
    let mut channels: BTreeMap<ChannelName, Vec<usize>> = BTreeMap::new();
    for (index, item) in items.iter().enumerate() {
        channels.entry(item.owed.message.channel.clone()).or_default().push(index);
    }
    let mut job = Job { items, targets: Vec::new(), read_at, depth: 0 };
    let mut audiences = audience::read_all(&job, &channels, run).await;
    run.counts.audiences += audiences.len() as u64;
    run.counts.audience_members += audiences.iter().map(Audience::len).sum::<usize>() as u64;
    let cuttings = audiences.iter_mut().flat_map(|audience| cuttings(audience, &mut job)).collect();
    job.targets = targets(audiences.into_iter().map(|audience| (audience.members, audience.items)).collect());
    (Some(job), cuttings)
}

fn cuttings(audience: &mut Audience, job: &mut Job) -> Vec<Cutting> {
    let remainders = std::mem::take(&mut audience.remainders);
    if !remainders.is_empty() {
        for item in &audience.items {
            if let Some(item) = job.items.get_mut(*item) {
                item.is_sliced = true;
            }
        }
    }
    let cutting = |remainder| Cutting {
        messages: job.messages(&audience.items),
        records: job.records(&audience.items),
        remainder,
        joined_after: None,
        read_at: job.read_at,
        depth: job.depth,
    };
    remainders.into_iter().map(cutting).collect()
}

/// One target a connection, whatever its channels; those of the smallest audience first.
pub(super) fn targets(mut audiences: Vec<(Vec<Recipient>, Vec<usize>)>) -> Vec<Target> {
    audiences.sort_by_key(|(members, _)| members.len());
    let len = audiences.iter().map(|(members, _)| members.len()).sum();
    let mut places: HashMap<ConnectionId, usize> = HashMap::with_capacity(len);
    let mut targets: Vec<Target> = Vec::with_capacity(len);
    for (members, items) in audiences {
        let items: Arc<[usize]> = items.into();
        for to in members {
            let place = *places.entry(to.connection.clone()).or_insert(targets.len());
            match targets.get_mut(place) {
                Some(target) => target.owe(&to, &items),
                None => targets.push(Target { to, items: Arc::clone(&items) }),
            }
        }
    }
    targets
}

impl Target {
    /// Adds what the connection is owed besides.
    fn owe(&mut self, to: &Recipient, items: &[usize]) {
        self.to.attempts = self.to.attempts.max(to.attempts);
        let mut all: Vec<_> = self.items.iter().chain(items).copied().collect();
        all.sort_unstable();
        all.dedup();
        self.items = all.into();
    }
}

/// Jobs that took equally many turns become one, each message in it once.
pub(super) fn merge(jobs: Vec<Job>) -> Vec<Job> {
    let mut by_depth: BTreeMap<u32, Vec<Job>> = BTreeMap::new();
    for job in jobs {
        by_depth.entry(job.depth).or_default().push(job);
    }
    by_depth.into_values().filter_map(merge_all).collect()
}

fn merge_all(mut jobs: Vec<Job>) -> Option<Job> {
    if jobs.len() < 2 {
        return jobs.pop();
    }
    let (read_at, depth) = (jobs.iter().map(|job| job.read_at).min()?, jobs.first()?.depth);
    let mut items: BTreeMap<(MessageId, ChannelName), Item> = BTreeMap::new();
    let mut audiences = Vec::new();
    for Job { items: own, targets, .. } in jobs {
        let keys: Vec<_> = own.iter().map(|item| key(&item.owed)).collect();
        for item in own {
            match items.entry(key(&item.owed)) {
                Entry::Vacant(place) => drop(place.insert(item)),
                Entry::Occupied(mut same) => same.get_mut().records.extend(item.records),
            }
        }
        audiences.push((keys, targets));
    }
    let places: BTreeMap<_, _> = items.keys().cloned().zip(0..).collect();
    let audiences = audiences.into_iter().flat_map(|(keys, targets)| {
        let place = |item: &usize| keys.get(*item).and_then(|key| places.get(key)).copied();
        let renumber = |(members, items): (Vec<Recipient>, Arc<[usize]>)| {
            (members, items.iter().filter_map(place).collect::<Vec<usize>>())
        };
        by_items(targets).into_iter().map(renumber).collect::<Vec<_>>()
    });
    let targets = targets(audiences.collect());
    Some(Job { items: items.into_values().collect(), targets, read_at, depth })
}

/// Neighbours that share what they are owed, put together.
fn by_items(targets: Vec<Target>) -> Vec<(Vec<Recipient>, Arc<[usize]>)> {
    let mut groups: Vec<(Vec<Recipient>, Arc<[usize]>)> = Vec::new();
    for Target { to, items } in targets {
        match groups.last_mut() {
            Some((members, same)) if Arc::ptr_eq(same, &items) => members.push(to),
            _ => groups.push((vec![to], items)),
        }
    }
    groups
}

fn key(owed: &Owed) -> (MessageId, ChannelName) {
    (owed.message.id, owed.message.channel.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Tail;
    use crate::message::Message;
    use crate::region::Region;

    fn item(name: &str, at: u64) -> Item {
        let id = MessageId::new(Timestamp::from_millis(at), 0, Tail::from_bits(at));
        let data = serde_json::value::to_raw_value(&name).unwrap();
        let (channel, region) = (ChannelName::parse(name).unwrap(), Region::parse("r").unwrap());
        Item::new(Owed { message: Message::new(id, channel, data, None, region), ephemeral: false }, vec![])
    }

    fn to(connection: &&str) -> Recipient {
        let text =
            format!(r#"{{"connection":"{connection}","user":"u","since":0,"expires_at":1,"attempts":0}}"#);
        serde_json::from_str(&text).unwrap()
    }

    /// A job with these messages, and who is owed which of them.
    fn job(items: Vec<Item>, audiences: &[(&[&str], &[usize])]) -> Job {
        let audience =
            |(members, items): &(&[&str], &[usize])| (members.iter().map(to).collect(), items.to_vec());
        let targets = targets(audiences.iter().map(audience).collect());
        Job { items, targets, read_at: Timestamp::ZERO, depth: 1 }
    }

    /// In the order of posting, each connection and the channels that it is owed something of.
    fn owed(jobs: Vec<Job>) -> Vec<(String, Vec<String>)> {
        let merged = merge(jobs);
        let [job] = &merged[..] else { panic!("{} jobs", merged.len()) };
        let channels = |items: &[usize]| {
            job.messages(items).iter().map(|owed| owed.message.channel.to_string()).collect()
        };
        job.targets.iter().map(|target| (target.to.connection.to_string(), channels(&target.items))).collect()
    }

    fn owes(connection: &str, channels: &[&str]) -> (String, Vec<String>) {
        (connection.to_owned(), channels.iter().map(|&channel| channel.to_owned()).collect())
    }

    #[test]
    fn merged_jobs_owe_each_connection_what_they_owed_it_apart() {
        let one = job(vec![item("x", 1), item("y", 2)], &[(&["a"], &[0, 1]), (&["b"], &[1])]);
        let other = job(vec![item("y", 2), item("z", 3)], &[(&["b", "c"], &[1])]);
        assert_eq!(
            owed(vec![one, other]),
            [owes("a", &["x", "y"]), owes("b", &["y", "z"]), owes("c", &["z"])]
        );
    }

    #[test]
    fn merged_jobs_begin_with_the_smallest_audience() {
        let one = job(vec![item("x", 1)], &[(&["a", "b"], &[0])]);
        let other = job(vec![item("y", 2)], &[(&["c"], &[0])]);
        assert_eq!(owed(vec![one, other]), [owes("c", &["y"]), owes("a", &["x"]), owes("b", &["x"])]);
    }
}
