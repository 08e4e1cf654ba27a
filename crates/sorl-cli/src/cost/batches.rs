//! How messages meet: in batches of records, of one channel, in one frame.
//!
//! The arithmetic of what `capacity` simulates. The invariant: nothing is gathered that the settings do not gather, so
//! that at low rates every message is a batch and a post of its own, which is the dearest.

use serde::Serialize;

use super::deliver::live_s;
use super::load::Load;
use crate::capacity::Service;
use crate::capacity::quotas::POLLERS_AT_FIRST;

/// Bytes of an empty frame of messages.
pub(super) const FRAME_BYTES: f64 = 33.0;

/// Means of what meets, each at least 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct Batches {
    /// Records of a batch of `live`.
    pub(super) records: f64,
    /// Messages of one channel in a batch that has some: they are read for together.
    pub(super) per_channel: f64,
    /// Messages of one connection in a batch that has some: they are one frame.
    pub(super) per_post: f64,
}

impl Batches {
    /// Where nothing meets.
    pub(super) const ALONE: Self = Self { records: 1.0, per_channel: 1.0, per_post: 1.0 };

    /// For a load on a service; or so many messages a post, if somebody knows better.
    pub(super) fn of(load: &Load, service: &Service, per_post: Option<f64>) -> Self {
        let batch = f64::from(service.mappings.live.batch);
        if let Some(told) = per_post {
            return Self { records: told.min(batch), per_channel: told, per_post: told };
        }
        let (messages, others) = (load.messages_per_second(), load.presence_records() / load.active_s());
        let records = gathered(messages + others, service).min(batch);
        if messages <= 0.0 {
            return Self { records, per_channel: 1.0, per_post: 1.0 };
        }
        let of_messages = (records * messages / (messages + others)).max(1.0);
        let to_somebody = (load.audience / load.open()).min(1.0);
        Self {
            records,
            per_channel: met(of_messages, 1.0 / load.rooms()),
            per_post: met(of_messages, to_somebody).min(frame_holds(load.bytes)),
        }
    }
}

/// Records of a batch, at so many a second: those that come while a poller gathers, or while all are busy.
fn gathered(rate: f64, service: &Service) -> f64 {
    let live = &service.mappings.live;
    let pollers = f64::from(POLLERS_AT_FIRST.min(live.concurrency));
    let window = f64::from(live.window_s);
    if window > 0.0 {
        // Of those that have any: by chance, some windows have none.
        let expected = rate * window / pollers;
        return if expected > 1e-9 { (expected / -(-expected).exp_m1()).max(1.0) } else { 1.0 };
    }
    let gathering = 1.0 + rate * service.times.poll_s / pollers;
    let waiting = rate * live_s(service, 1.0, 0.0) / f64::from(live.concurrency);
    gathering.max(waiting)
}

/// Of `records`, each of which is meant with this chance, how many are if any is.
fn met(records: f64, chance: f64) -> f64 {
    if chance >= 1.0 {
        return records;
    }
    let any = -(records * (-chance).ln_1p()).exp_m1();
    if any > 1e-12 { (records * chance / any).max(1.0) } else { 1.0 }
}

/// Messages that one frame holds.
fn frame_holds(bytes: f64) -> f64 {
    ((sorl_core::limits::FRAME_OUT_MAX as f64 - FRAME_BYTES) / (bytes + 1.0)).floor().max(1.0)
}

/// Bytes of a frame with so many messages.
pub(super) fn frame_bytes(bytes: f64, messages: f64) -> f64 {
    FRAME_BYTES + messages * (bytes + 1.0) - 1.0
}

#[cfg(test)]
mod tests {
    use super::super::load::tests::load;
    use super::*;

    fn of(load: &Load, change: impl FnOnce(&mut Service)) -> Batches {
        let mut service = Service::deployed();
        change(&mut service);
        Batches::of(load, &service, None)
    }

    #[test]
    fn at_low_rates_every_message_is_a_post() {
        let Batches { records, per_channel, per_post } = of(&load(), |_| {});
        assert!([records, per_channel, per_post].iter().all(|mean| (1.0..1.001).contains(mean)));
    }

    #[test]
    fn a_window_gathers_what_comes_to_one_channel() {
        // One channel, ten a second; five pollers, each of which gathers alone: 2 a second, 2.3 if there are any.
        let one = Load { messages: 864_000.0, audience: 100.0, users: 100.0, hours: 24.0, ..load() };
        let batches = of(&one, |service| service.mappings.live.window_s = 1);
        assert!((batches.records - 2.0 / (1.0 - (-2.0_f64).exp())).abs() < 1e-9, "{batches:?}");
        assert!((batches.per_post - batches.records).abs() < 1e-9, "everybody is in it: {batches:?}");
        let two = of(&one, |service| {
            service.mappings.live.window_s = 1;
            service.mappings.live.concurrency = 2;
        });
        assert!((two.per_post - 5.0 / (1.0 - (-5.0_f64).exp())).abs() < 1e-9, "fewer pollers, fuller frames");
    }

    #[test]
    fn a_batch_and_a_frame_are_bounded() {
        let flood = Load { messages: 8.64e9, audience: 100.0, users: 100.0, hours: 24.0, ..load() };
        assert_eq!(of(&flood, |_| {}).records, 10.0);
        let large = Load { bytes: 20_000.0, ..flood };
        assert_eq!(of(&large, |_| {}).per_post, 1.0, "two do not fit one frame");
    }

    #[test]
    fn few_meet_where_channels_are_many() {
        assert!((met(10.0, 1.0) - 10.0).abs() < 1e-12);
        // Two records, each meant with one half: 1 of 2 in (1 - 1/4) of the batches.
        assert!((met(2.0, 0.5) - 1.0 / 0.75).abs() < 1e-12);
        assert!((met(10.0, 1e-9) - 1.0).abs() < 1e-6);
    }
}
