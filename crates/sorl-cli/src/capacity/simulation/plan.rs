//! What one invocation of `deliver` has to do for its batch, and how long each step before the posts takes.
//!
//! It follows `sorl_core::deliver` step by step: log, audience, coalesce, post what one invocation posts itself, cut
//! the rest into slices. The invariant: every member of every message's audience is in a part or in a slice.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use sorl_core::limits::{LATE_AFTER, SLICE_CONNECTIONS_MAX};

use super::super::figures::ROW_BYTES;
use super::super::load::Load;
use super::super::quotas::{PAGE_BYTES, READ_UNIT_BYTES};
use super::super::service::Service;
use super::partition::Partition;

/// Channels whose audiences are read at the same time, as `deliver` does.
const READS_AT_ONCE: usize = 16;

/// Something in a queue.
#[derive(Debug, Clone)]
pub(super) enum Record {
    Message { channel: u64, accepted: f64 },
    Slice(Part),
}

/// Connections of a channel that are owed the same messages.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) channel: u64,
    /// When each of the messages was accepted.
    pub(super) accepted: Rc<[f64]>,
    pub(super) connections: f64,
}

/// One invocation's work.
#[derive(Debug)]
pub(super) struct Plan {
    /// In the order of posting.
    pub(super) parts: Vec<Part>,
    /// How long after its start the posts begin.
    pub(super) begin_s: f64,
    /// Slices, and how long after the start each is sent.
    pub(super) slices: Vec<(f64, Part)>,
    /// How long after its start everything but the posts is done.
    pub(super) read_s: f64,
    /// Of that, what the registry's partitions made it wait.
    pub(super) partition_s: f64,
    /// Read units of the registry.
    pub(super) read_units: f64,
}

/// Makes plans, and remembers what was read of each channel.
#[derive(Debug)]
pub(super) struct Planner<'a> {
    pub(super) load: &'a Load,
    pub(super) service: &'a Service,
    pub(super) seed: u64,
    partitions: BTreeMap<u64, Partition>,
}

impl<'a> Planner<'a> {
    pub(super) const fn new(load: &'a Load, service: &'a Service, seed: u64) -> Self {
        Self { load, service, seed, partitions: BTreeMap::new() }
    }

    /// The posts that a part takes.
    pub(super) fn posts(&self, part: &Part) -> f64 {
        let messages = part.accepted.len() as u64;
        let frames = if self.service.coalescing {
            messages.div_ceil(self.load.messages_per_frame())
        } else {
            messages
        };
        part.connections * frames as f64
    }

    /// Plans a batch that starts now.
    pub(super) fn plan(&mut self, batch: Vec<Record>, now: f64) -> Plan {
        let (mut messages, mut slices) = (BTreeMap::<u64, Vec<f64>>::new(), Vec::new());
        for record in batch {
            match record {
                Record::Message { channel, accepted } => messages.entry(channel).or_default().push(accepted),
                Record::Slice(part) => slices.push(part),
            }
        }
        if slices.is_empty() { self.live(messages, now) } else { self.bulk(slices, now) }
    }

    fn live(&mut self, messages: BTreeMap<u64, Vec<f64>>, now: f64) -> Plan {
        let times = &self.service.times;
        let records = messages.values().map(Vec::len).sum::<usize>() as f64;
        let logged = times.log_s + records * times.record_cpu_s / self.service.cpus;
        let mut wholes: Vec<Part> = messages
            .into_iter()
            .map(|(channel, accepted)| Part {
                channel,
                accepted: accepted.into(),
                connections: self.load.audience(channel, self.seed) as f64,
            })
            .collect();
        wholes.sort_by(|a, b| a.connections.total_cmp(&b.connections));
        let rounds = wholes.len().div_ceil(READS_AT_ONCE) as f64;
        let mut plan = Plan {
            parts: Vec::new(),
            begin_s: logged,
            slices: Vec::new(),
            read_s: logged,
            partition_s: 0.0,
            read_units: 0.0,
        };
        let mut inline_rows = 0.0;
        for whole in wholes {
            let read = self.read(&whole, now + logged);
            plan.read_units += read.units;
            plan.partition_s = plan.partition_s.max(read.waited_s);
            plan.read_s = plan.read_s.max(logged + read.whole_s);
            plan.begin_s = plan.begin_s.max(logged + read.first_s + (rounds - 1.0) * read.page_s);
            let inline = whole.connections.min(f64::from(self.service.inline_max));
            inline_rows += inline;
            plan.slices.extend(cut(&whole, inline, logged, read.whole_s));
            plan.parts.push(Part { connections: inline, ..whole });
        }
        plan.begin_s += inline_rows * times.row_cpu_s / self.service.cpus;
        plan.read_s = plan.read_s.max(plan.begin_s);
        plan
    }

    fn bulk(&mut self, slices: Vec<Part>, now: f64) -> Plan {
        let mut plan = Plan {
            parts: Vec::new(),
            begin_s: 0.0,
            slices: Vec::new(),
            read_s: 0.0,
            partition_s: 0.0,
            read_units: 0.0,
        };
        // Late slices of a batch look together, once a channel.
        let mut looked = BTreeSet::new();
        for slice in slices {
            plan.begin_s += slice.connections * self.service.times.slice_cpu_s / self.service.cpus;
            let oldest = slice.accepted.iter().copied().fold(now, f64::min);
            if now - oldest > LATE_AFTER.as_secs_f64() && looked.insert(slice.channel) {
                // Who is a member still? The whole channel has to be read for it.
                let whole = Part {
                    connections: self.load.audience(slice.channel, self.seed) as f64,
                    ..slice.clone()
                };
                let read = self.read(&whole, now + plan.begin_s);
                plan.read_units += read.units;
                plan.partition_s += read.waited_s;
                plan.begin_s += self.service.times.log_s + read.whole_s;
            }
            plan.parts.push(slice);
        }
        plan.read_s = plan.begin_s;
        plan
    }

    fn read(&mut self, whole: &Part, now: f64) -> Read {
        let (service, times) = (self.service, &self.service.times);
        let bytes = whole.connections * ROW_BYTES;
        let units = (bytes / READ_UNIT_BYTES).ceil().max(f64::from(service.shards));
        let partition = self.partitions.entry(whole.channel);
        let partition = partition.or_insert_with(|| Partition::new(service.partition_rate()));
        let waited_s = partition.take(units, now);
        let pages = (bytes / PAGE_BYTES / f64::from(service.shards)).max(1e-9);
        let page_s = times.query_s + times.page_s * pages.min(1.0);
        let by_pages = times.query_s * pages.ceil() + times.page_s * pages;
        let by_cpu = whole.connections * times.row_cpu_s / service.cpus;
        Read { units, waited_s, page_s, first_s: page_s, whole_s: waited_s + by_pages.max(by_cpu) }
    }
}

/// How long an audience takes to read.
struct Read {
    units: f64,
    waited_s: f64,
    /// One page.
    page_s: f64,
    /// Until posts can begin.
    first_s: f64,
    /// Until the last member is known.
    whole_s: f64,
}

/// The members beyond the inline ones, in slices that are sent as they are read.
fn cut(whole: &Part, inline: f64, from_s: f64, read_s: f64) -> Vec<(f64, Part)> {
    let (mut slices, mut known) = (Vec::new(), inline);
    while known < whole.connections {
        let connections = (whole.connections - known).min(SLICE_CONNECTIONS_MAX as f64);
        known += connections;
        let sent_s = from_s + read_s * known / whole.connections;
        slices.push((sent_s, Part { connections, ..whole.clone() }));
    }
    slices
}

/// Posts that were not made in time, as slices.
pub(super) fn leftover(parts: &[Part], share: f64) -> Vec<Part> {
    let rest = parts.iter().map(|part| Part { connections: part.connections * share, ..part.clone() });
    rest.flat_map(|part| cut(&part, 0.0, 0.0, 0.0)).map(|(_, slice)| slice).collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::load::Arrivals;
    use super::*;

    fn load(room_size: u64) -> Load {
        Load {
            name: String::new(),
            connections: 100_000,
            room_size,
            arrivals: Arrivals::Once,
            messages_per_second: 1.0,
            message_bytes: 200,
            regions: 1,
            seconds: 1.0,
        }
    }

    fn message(channel: u64) -> Record {
        Record::Message { channel, accepted: 0.0 }
    }

    #[test]
    fn messages_of_one_channel_in_a_batch_are_one_post_a_member() {
        let (load, mut service) = (load(1_000), Service::deployed());
        let posts = |service: &Service, batch: Vec<Record>| {
            let mut planner = Planner::new(&load, service, 1);
            let plan = planner.plan(batch, 0.0);
            plan.parts.iter().map(|part| planner.posts(part)).sum::<f64>()
        };
        let batch: Vec<_> = (0..10).map(|_| message(1)).collect();
        assert_eq!(posts(&service, batch.clone()), 1_000.0);
        assert_eq!(posts(&service, vec![message(1), message(2), message(1)]), 2_000.0);
        service.coalescing = false;
        assert_eq!(posts(&service, batch), 10_000.0);
    }

    #[test]
    fn a_mass_audience_is_posted_inline_and_in_slices_and_nobody_is_left_out() {
        let (load, service) = (load(100_000), Service::deployed());
        let plan = Planner::new(&load, &service, 1).plan(vec![message(0)], 0.0);
        let slices: f64 = plan.slices.iter().map(|(_, slice)| slice.connections).sum();
        assert_eq!((plan.parts[0].connections, slices), (1_000.0, 99_000.0));
        assert_eq!(plan.slices.len(), 99);
        assert!(plan.slices.is_sorted_by(|(a, _), (b, _)| a <= b));
        // 100,000 rows of 192 bytes.
        assert_eq!(plan.read_units, 4_688.0);
        assert!((plan.partition_s - (4_688.0 / 3_000.0 - 1.0)).abs() < 1e-6, "{}", plan.partition_s);
    }

    #[test]
    fn more_shards_take_the_wait_away() {
        let (load, service) = (load(100_000), Service { shards: 2, ..Service::deployed() });
        assert_eq!(Planner::new(&load, &service, 1).plan(vec![message(0)], 0.0).partition_s, 0.0);
    }

    #[test]
    fn a_late_slice_reads_its_channel_again_and_one_in_time_does_not() {
        let (load, service) = (load(100_000), Service::deployed());
        let slice =
            |accepted| Record::Slice(Part { channel: 0, accepted: [accepted].into(), connections: 1_000.0 });
        let units = |slices| Planner::new(&load, &service, 1).plan(slices, 100.0).read_units;
        assert_eq!((units(vec![slice(86.0)]), units(vec![slice(84.0)])), (0.0, 4_688.0));
        assert_eq!(units(vec![slice(84.0), slice(83.0)]), 4_688.0, "those of a batch together");
    }

    #[test]
    fn what_was_not_posted_in_time_is_in_slices() {
        let part = Part { channel: 0, accepted: [0.0].into(), connections: 4_000.0 };
        let rest = leftover(&[part], 0.625);
        assert_eq!(rest.iter().map(|slice| slice.connections).collect::<Vec<_>>(), [1_000.0, 1_000.0, 500.0]);
    }
}
