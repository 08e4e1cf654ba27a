//! A study of one load: as deployed, without coalescing, and with what it takes to carry it.
//!
//! Not the printing (`table`, `chart`). Advice is never only arithmetic: what is advised is simulated and stands
//! beside the rest.

use serde::Serialize;
use sorl_core::limits::{LATE_AFTER, SHARDS_MAX};

use super::load::{Arrivals, Load};
use super::needs::{self, Need};
use super::quotas;
use super::service::{Mapping, Service};
use super::simulation::{Lanes, Tally, Waits, simulate};
use super::table::number;

/// What is advised is so much more than what is needed.
const HEADROOM: f64 = 1.25;
/// Windows that are tried where messages of one channel come often enough. A longer one would make every message late
/// (15 s), and slices of late ones read their whole channel again.
const WINDOWS_S: [u16; 4] = [1, 2, 5, 10];
/// Pollers that gather while a window is in force: the fewest that a mapping may have, for the fullest batches.
const GATHERING: u32 = 2;

/// One load, and what came of it.
#[derive(Debug, Serialize)]
pub(super) struct Study {
    pub(super) load: Load,
    /// Deliveries a second that are owed in one region.
    pub(super) deliveries_per_second: f64,
    /// Requests a second of clients in one region.
    pub(super) inbound_per_second: f64,
    pub(super) runs: Vec<Run>,
    /// What to set or raise, each a sentence.
    pub(super) advice: Vec<String>,
}

/// One simulation.
#[derive(Debug, Serialize)]
pub(super) struct Run {
    pub(super) name: String,
    pub(super) service: Service,
    /// Whether everything was delivered soon after the last message.
    pub(super) keeps_up: bool,
    /// How long after the last message.
    pub(super) behind_s: f64,
    pub(super) latency_ms: Latency,
    pub(super) messages: f64,
    pub(super) deliveries: f64,
    pub(super) posts: f64,
    pub(super) posts_per_second: Extent,
    pub(super) messages_per_frame: f64,
    /// Of 32 KB, the unit of frames and of the bill.
    pub(super) frame_fill: f64,
    pub(super) concurrency: Lanes<Extent>,
    pub(super) invocations: Lanes<u64>,
    pub(super) cold_starts: u64,
    /// Invocations that would have been cut off.
    pub(super) overruns: u64,
    pub(super) waits_s: Waits,
    pub(super) needs: Vec<Need>,
    /// The quotas that hold this load up.
    pub(super) binds: Vec<&'static str>,
    #[serde(skip)]
    pub(super) tally: Tally,
}

/// From acceptance to the post's answer.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Latency {
    pub(super) p50: f64,
    pub(super) p90: f64,
    pub(super) p99: f64,
    pub(super) max: f64,
    pub(super) mean: f64,
}

/// The most, and the average while there was work.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub(super) struct Extent {
    pub(super) peak: f64,
    pub(super) mean: f64,
}

impl Run {
    fn of(name: &str, load: &Load, service: Service, messages_per_post: f64, seed: u64) -> Self {
        let tally = simulate(load, &service, seed);
        let (times, peak, mean) = (&tally.latency, tally.peak(), tally.mean());
        let ms = |share| times.quantile(share) * 1_000.0;
        let needs = needs::of(load, &service, &tally, messages_per_post);
        let patience = LATE_AFTER.as_secs_f64() + f64::from(service.mappings.live.window_s);
        Self {
            name: name.to_owned(),
            service,
            keeps_up: tally.behind() <= patience,
            behind_s: tally.behind(),
            latency_ms: Latency {
                p50: ms(0.5),
                p90: ms(0.9),
                p99: ms(0.99),
                max: times.max() * 1_000.0,
                mean: times.mean() * 1_000.0,
            },
            messages: tally.messages,
            deliveries: times.total(),
            posts: tally.posts,
            posts_per_second: Extent {
                peak: tally.posts_peak(),
                mean: tally.posts / tally.ended.max(f64::MIN_POSITIVE),
            },
            messages_per_frame: tally.messages_per_post(),
            frame_fill: load.frame_bytes(tally.messages_per_post()) / sorl_core::limits::FRAME_OUT_MAX as f64,
            concurrency: Lanes {
                live: Extent { peak: f64::from(peak.live), mean: mean.live },
                bulk: Extent { peak: f64::from(peak.bulk), mean: mean.bulk },
            },
            invocations: tally.invocations,
            cold_starts: tally.cold_starts,
            overruns: tally.overruns,
            waits_s: tally.waits,
            binds: needs.iter().filter(|need| need.binds).map(|need| need.quota).collect(),
            needs,
            tally,
        }
    }
}

/// Studies a load on a service.
pub(super) fn study(load: Load, service: Service, seed: u64) -> Study {
    let as_is = if service.embedded { "embedded" } else { "as deployed" };
    let unhindered = simulate(&load, &boundless(service), seed).messages_per_post();
    let mut runs = vec![
        Run::of(as_is, &load, service, unhindered, seed),
        Run::of("without coalescing", &load, Service { coalescing: false, ..service }, 1.0, seed),
    ];
    let mut advice = Vec::new();
    if !service.embedded {
        let raised = raised(&load, service, unhindered, seed);
        advice = differences(&service, &raised);
        advice.extend(elsewhere(&load));
        if raised != service {
            runs.push(Run::of("quotas raised", &load, raised, unhindered, seed));
        }
        if let Some((windowed, messages)) = windowed(&load, service, seed) {
            advice.push(format!("or gather: {}", differences(&service, &windowed).join("; ")));
            let window = windowed.mappings.live.window_s;
            runs.push(Run::of(&format!("window of {window} s"), &load, windowed, messages, seed));
        }
    }
    let (deliveries_per_second, inbound_per_second) =
        (load.deliveries_per_second(), load.inbound_per_second());
    Study { load, deliveries_per_second, inbound_per_second, runs, advice }
}

/// The same without any limit that could be raised.
fn boundless(service: Service) -> Service {
    let most = |mapping: Mapping| Mapping { concurrency: 1_000, ..mapping };
    let mappings = Lanes { live: most(service.mappings.live), bulk: most(service.mappings.bulk) };
    Service { post_rate: service.post_rate.max(1e7), shards: SHARDS_MAX, mappings, ..service }
}

/// The settings and quotas that carry the load with so many messages a post.
fn raised(load: &Load, service: Service, messages_per_post: f64, seed: u64) -> Service {
    let shards = needs::channel_units(load, messages_per_post) / quotas::PARTITION_READS_PER_SECOND;
    let wider = Service {
        post_rate: service.post_rate.max(needed_rate(load, &service, messages_per_post)),
        shards: service.shards.max(small(shards.ceil())).min(SHARDS_MAX),
        ..service
    };
    let live = Mapping { concurrency: 1_000, ..service.mappings.live };
    let peak =
        simulate(load, &Service { mappings: Lanes { live, ..service.mappings }, ..wider }, seed).peak().live;
    let enough = |mapping: Mapping, needed: f64| {
        let enough =
            if needed > f64::from(mapping.concurrency) { small((needed * HEADROOM).ceil()) } else { 0 };
        Mapping { concurrency: mapping.concurrency.max(u32::from(enough)).min(1_000), ..mapping }
    };
    // No more of `bulk` than can use its share: each has an equal part of it, used or not.
    let bulk = if needs::bulk_part(load, &service) > 0.0 {
        wider.bulk_rate() / wider.invocation_rate()
    } else {
        0.0
    };
    let live = enough(service.mappings.live, f64::from(peak));
    Service { mappings: Lanes { live, bulk: enough(service.mappings.bulk, bulk) }, ..wider }
}

/// The account's rate that the load needs; with headroom, if it is more than there is.
fn needed_rate(load: &Load, service: &Service, messages_per_post: f64) -> f64 {
    let (posts, inbound) = (needs::posts_per_second(load, messages_per_post), load.inbound_per_second());
    let bulk = posts * needs::bulk_part(load, service) / service.bulk_share;
    round_up((posts + inbound).max(bulk) * HEADROOM, 1_000.0)
}

/// The same with a batch window, and its messages a post: one that makes the account's rate suffice, else the longest;
/// none where messages of one channel come too seldom to gain from it.
fn windowed(load: &Load, service: Service, seed: u64) -> Option<(Service, f64)> {
    if load.arrivals == Arrivals::Once || needed_rate(load, &service, 1.0) <= service.post_rate {
        return None;
    }
    let of_a_channel = load.messages_per_second / load.channels() as f64 / f64::from(GATHERING);
    let messages = |window: u16| of_a_channel * f64::from(window);
    let suffices = |window: &u16| needed_rate(load, &service, messages(*window)) <= service.post_rate;
    let window_s = WINDOWS_S.into_iter().find(suffices).or(WINDOWS_S.last().copied())?;
    if messages(window_s) < 2.0 {
        return None;
    }
    let gathered = load.messages_per_second / f64::from(GATHERING) * f64::from(window_s);
    let batch = small(round_up(gathered * 2.0, 100.0)).min(10_000);
    let live = Mapping { concurrency: GATHERING, batch, window_s };
    let gathering = Service { mappings: Lanes { live, ..service.mappings }, ..service };
    let raised = raised(load, gathering, messages(window_s), seed);
    // More pollers would gather less each.
    Some((Service { mappings: Lanes { live, ..raised.mappings }, ..raised }, messages(window_s)))
}

/// What is set otherwise, in an operator's words.
fn differences(from: &Service, to: &Service) -> Vec<String> {
    let rows = [
        ("API Gateway's requests/s, a quota", from.post_rate, to.post_rate),
        (
            "liveConcurrency",
            f64::from(from.mappings.live.concurrency),
            f64::from(to.mappings.live.concurrency),
        ),
        ("liveBatch", f64::from(from.mappings.live.batch), f64::from(to.mappings.live.batch)),
        ("liveWindow", f64::from(from.mappings.live.window_s), f64::from(to.mappings.live.window_s)),
        (
            "bulkConcurrency",
            f64::from(from.mappings.bulk.concurrency),
            f64::from(to.mappings.bulk.concurrency),
        ),
        ("shards of the channel's namespace", f64::from(from.shards), f64::from(to.shards)),
    ];
    let changed = rows.into_iter().filter(|(_, from, to)| (from - to).abs() > 0.5);
    changed.map(|(what, from, to)| format!("{what}: {} to {}", number(from), number(to))).collect()
}

/// Quotas that the simulation does not touch.
fn elsewhere(load: &Load) -> Vec<String> {
    let rows = [
        ("SNS's publishes/s of each region", load.publishes_per_second(), quotas::PUBLISHES_PER_SECOND),
        ("API Gateway's new connections/s", load.connects_per_second(), quotas::CONNECTS_PER_SECOND),
    ];
    let above = rows.into_iter().filter(|(_, needed, has)| needed > has);
    above
        .map(|(what, needed, has)| {
            format!("{what}: {} to {}", number(has), number(round_up(needed * HEADROOM, 100.0)))
        })
        .collect()
}

fn round_up(value: f64, to: f64) -> f64 {
    (value / to).ceil() * to
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
const fn small(value: f64) -> u16 {
    value as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(connections: u64, room_size: u64, arrivals: Arrivals, messages_per_second: f64) -> Load {
        Load {
            name: String::new(),
            connections,
            room_size,
            arrivals,
            messages_per_second,
            message_bytes: 200,
            regions: 1,
            seconds: 20.0,
        }
    }

    fn of<'a>(study: &'a Study, name: &str) -> &'a Run {
        study.runs.iter().find(|run| run.name.starts_with(name)).unwrap()
    }

    #[test]
    fn a_load_beyond_the_accounts_rate_is_told_so_and_what_is_advised_carries_it() {
        let study = study(load(20_000, 1_000, Arrivals::Poisson, 20.0), Service::deployed(), 1);
        let deployed = of(&study, "as deployed");
        assert!(
            deployed.binds.iter().any(|quota| quota.starts_with("API Gateway requests")),
            "{:?}",
            deployed.binds
        );
        let raised = of(&study, "quotas raised");
        // Pollers come as they come, whatever the quotas are.
        let others = raised.binds.iter().filter(|quota| !quota.starts_with("growth")).count();
        assert!(raised.keeps_up && others == 0, "{:?}", raised.binds);
        // 20,000 posts/s and what clients send, a quarter more; few messages share a post.
        assert!((24_000.0..=26_000.0).contains(&raised.service.post_rate), "{}", raised.service.post_rate);
        assert!(raised.latency_ms.p99 < deployed.latency_ms.p99 / 2.0);
    }

    #[test]
    fn a_window_divides_the_posts_until_the_quota_suffices() {
        let study = study(load(20_000, 1_000, Arrivals::Poisson, 20.0), Service::deployed(), 1);
        // One message a second and channel, two pollers: five each in ten seconds.
        let windowed = of(&study, "window of 10 s");
        assert!(windowed.keeps_up, "{:?}", windowed.binds);
        assert!((windowed.messages_per_frame - 5.0).abs() < 1.5, "{}", windowed.messages_per_frame);
        assert_eq!(windowed.service.post_rate, 10_000.0);
    }

    #[test]
    fn rooms_of_few_gain_nothing_from_a_window() {
        let load = load(400_000, 10, Arrivals::Poisson, 2_000.0);
        assert_eq!(windowed(&load, Service::deployed(), 1), None);
    }

    #[test]
    fn a_load_that_fits_is_left_as_it_is() {
        let study = study(load(1_000, 10, Arrivals::Poisson, 10.0), Service::deployed(), 1);
        assert_eq!((study.runs.len(), study.advice.len()), (2, 0));
        assert!(of(&study, "as deployed").keeps_up);
    }

    #[test]
    fn a_mass_channel_needs_the_shards_that_its_reads_take() {
        let study = study(load(100_000, 100_000, Arrivals::Poisson, 1.0), Service::deployed(), 1);
        // 4,688 units a second; a partition has 3,000.
        assert_eq!(of(&study, "quotas raised").service.shards, 2);
        let without = of(&study, "without coalescing");
        assert!(without.posts >= of(&study, "as deployed").posts);
    }
}
