//! The service that carries a load: its settings, its quotas as they stand, and its service times.
//!
//! Deployed, it is one region on AWS as `serverless.yml` sets it up; embedded, it is `sorl dev` on one machine, for
//! which the same model holds without AWS's latencies and with the machine's cores as its only quota.

use serde::Serialize;
use sorl_core::config::Delivery;
use sorl_core::limits::{BATCH_MAX, POSTS_IN_FLIGHT_MAX};

use super::simulation::{Lane, Lanes};
use super::{figures, quotas};

/// How a queue's records reach `deliver`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Mapping {
    /// Batches at once, at most.
    pub(crate) concurrency: u32,
    /// Records of a batch, at most.
    pub(crate) batch: u16,
    /// How long a batch is gathered.
    pub(crate) window_s: u16,
}

/// What a piece of work costs, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Times {
    pub(crate) post_cpu_s: f64,
    pub(crate) row_cpu_s: f64,
    pub(crate) record_cpu_s: f64,
    pub(crate) slice_cpu_s: f64,
    pub(crate) accept_s: f64,
    pub(crate) send_s: f64,
    pub(crate) poll_s: f64,
    pub(crate) cold_start_s: f64,
    pub(crate) log_s: f64,
    pub(crate) query_s: f64,
    pub(crate) page_s: f64,
    pub(crate) post_latency_s: f64,
    pub(crate) post_latency_sigma: f64,
}

/// One region.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Service {
    /// `sorl dev` rather than AWS.
    pub(crate) embedded: bool,
    /// Requests a second that the account may make of API Gateway, posts and clients together.
    pub(crate) post_rate: f64,
    pub(crate) post_burst: f64,
    pub(crate) mappings: Lanes<Mapping>,
    /// The part of `post_rate` that `bulk` may use.
    pub(crate) bulk_share: f64,
    /// Members of a channel that one invocation posts to itself.
    pub(crate) inline_max: u32,
    /// One frame a connection and batch, or one a message.
    pub(crate) coalescing: bool,
    /// Partitions of each channel.
    pub(crate) shards: u16,
    /// CPUs of one invocation.
    pub(crate) cpus: f64,
    pub(crate) posts_in_flight: u32,
    pub(crate) times: Times,
}

impl Service {
    /// As `serverless.yml` deploys it, in an account whose quotas are the default ones.
    pub(crate) fn deployed() -> Self {
        let batch = u16::try_from(BATCH_MAX).unwrap_or(u16::MAX);
        Self {
            embedded: false,
            post_rate: quotas::REQUESTS_PER_SECOND,
            post_burst: quotas::REQUESTS_BURST,
            mappings: Lanes {
                live: Mapping { concurrency: 10, batch, window_s: 0 },
                bulk: Mapping { concurrency: 4, batch, window_s: 0 },
            },
            bulk_share: Delivery::default().bulk_share,
            inline_max: u32::try_from(Delivery::default().inline_max).unwrap_or(u32::MAX),
            coalescing: true,
            shards: 1,
            cpus: cpus(512),
            posts_in_flight: u32::try_from(POSTS_IN_FLIGHT_MAX).unwrap_or(u32::MAX),
            times: Times {
                post_cpu_s: figures::POST_CPU_S,
                row_cpu_s: figures::ROW_CPU_S,
                record_cpu_s: figures::RECORD_CPU_S,
                slice_cpu_s: figures::SLICE_CPU_S,
                accept_s: figures::ACCEPT_S,
                send_s: figures::SEND_S,
                poll_s: figures::POLL_S,
                cold_start_s: figures::INIT_S + figures::ENVIRONMENT_S,
                log_s: figures::LOG_S,
                query_s: figures::QUERY_S,
                page_s: figures::PAGE_S,
                post_latency_s: figures::POST_LATENCY_S,
                post_latency_sigma: figures::POST_LATENCY_SIGMA,
            },
        }
    }

    /// `sorl dev` with `cores` cores left to it: four invocations of `live` and two of `bulk` share them.
    pub(crate) fn embedded(cores: f64) -> Self {
        let batch = u16::try_from(BATCH_MAX).unwrap_or(u16::MAX);
        let mapping = |concurrency| Mapping { concurrency, batch, window_s: 0 };
        Self {
            embedded: true,
            post_rate: cores / figures::EMBEDDED_POST_CPU_S,
            post_burst: 0.0,
            mappings: Lanes { live: mapping(4), bulk: mapping(2) },
            cpus: 1.0,
            times: Times {
                post_cpu_s: figures::EMBEDDED_POST_CPU_S,
                row_cpu_s: figures::EMBEDDED_ROW_CPU_S,
                record_cpu_s: figures::EMBEDDED_RECORD_CPU_S,
                slice_cpu_s: figures::SLICE_CPU_S,
                accept_s: 0.0,
                send_s: 0.0,
                poll_s: 0.0,
                cold_start_s: 0.0,
                log_s: 0.0,
                query_s: 0.0,
                page_s: 0.0,
                post_latency_s: 0.0,
                post_latency_sigma: 0.0,
            },
            ..Self::deployed()
        }
    }

    /// Read units a second of one channel's audience.
    pub(crate) fn partition_rate(&self) -> f64 {
        if self.embedded {
            f64::INFINITY
        } else {
            quotas::PARTITION_READS_PER_SECOND * f64::from(self.shards)
        }
    }

    /// Posts a second of all slices. Embedded, the pace is that of the configuration, whatever the cores can do.
    pub(crate) fn bulk_rate(&self) -> f64 {
        if self.embedded { Delivery::default().bulk_rate() } else { self.post_rate * self.bulk_share }
    }

    /// Posts a second of one invocation: what it can do, and on `bulk` its part of the pace, which Lambdas cannot
    /// share otherwise; invocations of one process can.
    pub(crate) fn lane_rate(&self, lane: Lane) -> f64 {
        match lane {
            Lane::Bulk if !self.embedded => {
                self.invocation_rate().min(self.bulk_rate() / f64::from(self.mappings.bulk.concurrency))
            }
            Lane::Live | Lane::Bulk => self.invocation_rate(),
        }
    }

    /// Whether an invocation of `bulk` could do more than its part of the pace.
    pub(crate) fn is_paced(&self) -> bool {
        self.lane_rate(Lane::Bulk) < self.invocation_rate()
    }

    /// Posts a second that one invocation can make by itself: by its CPU, and by what it has in flight.
    pub(crate) fn invocation_rate(&self) -> f64 {
        let by_cpu = self.cpus / self.times.post_cpu_s;
        // A lognormal's mean lies above its median.
        let latency = self.times.post_latency_s * (self.times.post_latency_sigma.powi(2) / 2.0).exp();
        if latency > 0.0 { by_cpu.min(f64::from(self.posts_in_flight) / latency) } else { by_cpu }
    }
}

/// The CPUs that come with so much memory.
pub(crate) fn cpus(memory_mb: u32) -> f64 {
    f64::from(memory_mb) / quotas::MEMORY_MB_PER_CPU
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invocation_posts_as_fast_as_its_cpu_and_its_places_in_flight_allow() {
        let mut service = Service::deployed();
        service.cpus = 1.0;
        service.times.post_cpu_s = 10e-6;
        service.times.post_latency_sigma = 0.0;
        // Little: 256 in flight for 20 ms each.
        service.times.post_latency_s = 0.020;
        assert!((service.invocation_rate() - 12_800.0).abs() < 1e-6);
        service.times.post_latency_s = 0.001;
        assert!((service.invocation_rate() - 100_000.0).abs() < 1e-6);
    }
}
