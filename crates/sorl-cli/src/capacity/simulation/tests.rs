//! The simulation against cases that can be worked out by hand.

use super::super::load::Arrivals;
use super::super::service::Mapping;
use super::*;

fn load(room_size: u64, arrivals: Arrivals, messages_per_second: f64, seconds: f64) -> Load {
    Load {
        name: String::new(),
        connections: room_size,
        room_size,
        arrivals,
        messages_per_second,
        message_bytes: 200,
        regions: 1,
        seconds,
    }
}

/// Without chance: every post takes exactly its median.
fn exact() -> Service {
    let mut service = Service { inline_max: 4_000, ..Service::deployed() };
    service.times.post_latency_sigma = 0.0;
    service
}

fn near(value: f64, exact: f64, tolerance: f64) {
    assert!((value - exact).abs() <= tolerance, "{value} is not {exact}");
}

#[test]
fn the_same_seed_gives_the_same_run_and_another_seed_another() {
    let load = load(500, Arrivals::Poisson, 50.0, 10.0);
    let run = |seed| format!("{:?}", simulate(&load, &Service::deployed(), seed));
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}

#[test]
fn one_message_to_an_idle_service_takes_the_sum_of_its_steps() {
    let service = exact();
    let tally = simulate(&load(10, Arrivals::Once, 1.0, 1.0), &service, 1);
    let times = &service.times;
    let rows_s = times.page_s * 10.0 * 192.0 / 1_048_576.0;
    let cpu_s = (times.record_cpu_s + 10.0 * times.row_cpu_s) / service.cpus;
    let before_posts =
        times.accept_s + times.poll_s + times.cold_start_s + times.log_s + times.query_s + rows_s + cpu_s;
    // All ten posts are in flight together; the last is sent when the CPU has written the others.
    near(tally.latency.max(), before_posts + 10.0 / service.invocation_rate() + times.post_latency_s, 1e-9);
    near(tally.posts, 10.0, 1e-9);
    near(tally.latency.total(), 10.0, 1e-9);
    assert_eq!((tally.invocations, tally.cold_starts), (Lanes { live: 1, bulk: 0 }, 1));
}

#[test]
fn a_mass_channel_takes_what_the_accounts_rate_and_burst_take() {
    let mut service = exact();
    service.times.row_cpu_s = 0.0;
    service.shards = 64;
    service.bulk_share = 1.0;
    service.mappings.bulk.batch = 1;
    let load = Load { connections: 100_000, ..load(100_000, Arrivals::Once, 1.0, 1.0) };
    let tally = simulate(&load, &service, 1);
    // 96 slices, four at a time, each at a quarter of the rate; what a turn costs besides comes on top.
    let rate = service.post_rate - load.inbound_per_second();
    let least = (100_000.0 - service.post_burst) / rate;
    near(tally.latency.max(), least, 2.0);
    assert!(tally.latency.max() > least, "{}", tally.latency.max());
    near(tally.latency.total(), 100_000.0, 1e-3);
    assert!(tally.waits.account + tally.waits.bulk_share > 8.0, "{:?}", tally.waits);
}

#[test]
fn bulk_takes_its_share_of_the_rate_and_no_more() {
    let mut service = Service { shards: 64, bulk_share: 0.5, ..exact() };
    service.times.row_cpu_s = 0.0;
    service.mappings.bulk.batch = 1;
    let tally = simulate(&load(52_000, Arrivals::Once, 1.0, 1.0), &service, 1);
    // 48 slices, four at a time at 1,250 posts a second each: twelve turns of 0.8 s, and 4,000 inline meanwhile.
    near(tally.latency.max(), 12.0 * 0.8, 1.0);
    near(tally.waits.bulk_share, 12.0 * 0.8, 0.6);
}

#[test]
fn every_delivery_is_counted_once_however_the_load_comes() {
    let slow = Service { post_rate: 700.0, post_burst: 100.0, ..Service::deployed() };
    let few = Service {
        mappings: Lanes {
            live: Mapping { concurrency: 1, batch: 10, window_s: 0 },
            ..Service::deployed().mappings
        },
        ..Service::deployed()
    };
    for (service, room_size, rate) in [(Service::deployed(), 7, 200.0), (slow, 3_000, 2.0), (few, 9_999, 1.0)]
    {
        let tally = simulate(&load(room_size, Arrivals::Poisson, rate, 20.0), &service, 3);
        let owed = tally.messages * room_size as f64;
        near(tally.latency.total(), owed, owed * 1e-6);
        assert!(tally.posts <= owed + 1.0 && tally.running() == Lanes::default());
    }
}

#[test]
fn embedded_half_of_the_posts_come_before_the_median() {
    let mut service = Service::embedded(1.0);
    service.times.accept_s = 0.001;
    for members in [50, 250, 750] {
        let tally = simulate(&load(members, Arrivals::Steady, 20.0, 10.0), &service, 1);
        let times = &service.times;
        let before = times.accept_s + times.record_cpu_s + members as f64 * times.row_cpu_s;
        let half = members as f64 / 2.0 * times.post_cpu_s;
        // The histogram is as fine as a hundredth.
        near(tally.latency.quantile(0.5), before + half, (before + half) * 0.02);
    }
}

#[test]
fn embedded_messages_that_come_faster_than_they_are_posted_wait_or_share_frames() {
    let last = |rate, coalescing| {
        let service = Service { coalescing, ..Service::embedded(1.0) };
        simulate(&load(1_000, Arrivals::Steady, rate, 1.0), &service, 1).latency.max()
    };
    // 9 ms of posts every 10 ms keep up.
    assert!(last(100.0, false) < 0.05, "{}", last(100.0, false));
    // Every 8 ms they do not: the last of 125 wait for many others, unless what waits goes together.
    assert!(last(125.0, false) > 0.1, "{}", last(125.0, false));
    assert!(last(125.0, true) < 0.05, "{}", last(125.0, true));
}

#[test]
fn mean_concurrency_is_littles_law() {
    let mut service = exact();
    service.times.cold_start_s = 0.0;
    let tally = simulate(&load(100, Arrivals::Steady, 40.0, 30.0), &service, 1);
    let times = &service.times;
    let cpu_s = (times.record_cpu_s + 100.0 * times.row_cpu_s) / service.cpus;
    let page_s = times.query_s + times.page_s * 100.0 * 192.0 / 1_048_576.0;
    let posts_s = 100.0 / service.invocation_rate() + times.post_latency_s;
    let each = times.log_s + page_s + cpu_s + posts_s;
    assert_eq!(tally.invocations.live, 1_200, "each message has a batch of its own");
    // The run begins with the first acceptance and ends with the last answer, so its edges are not quite steady.
    near(tally.mean().live, 40.0 * each, 0.01);
}

#[test]
fn coalescing_ten_messages_divides_the_posts_by_ten() {
    let mut service = exact();
    service.mappings.live = Mapping { concurrency: 1, batch: 100, window_s: 10 };
    let load = load(1_000, Arrivals::Steady, 1.0, 60.0);
    let with = simulate(&load, &service, 1);
    service.coalescing = false;
    let without = simulate(&load, &service, 1);
    near(without.posts, 60_000.0, 1e-3);
    assert_eq!(without.latency.total(), with.latency.total());
    // The window begins anew when an invocation has answered, so a batch now and then has eleven messages or nine.
    near(with.messages_per_post(), 10.0, 1.0);
    near(with.posts * with.messages_per_post(), 60_000.0, 1e-3);
    // A message waits for half its window on average.
    near(with.latency.mean(), 5.0, 0.7);
}

#[test]
fn what_is_beyond_one_invocations_time_is_handed_on_as_slices() {
    // 4,000 posts at 100 a second: half of them in the 20 s that an invocation posts.
    let service = Service { post_rate: 100.0, post_burst: 0.0, bulk_share: 1.0, ..exact() };
    let tally = simulate(&load(4_000, Arrivals::Once, 1.0, 1.0), &service, 1);
    near(tally.latency.total(), 4_000.0, 1e-3);
    assert!(tally.invocations.bulk > 0 && tally.latency.max() > 40.0, "{:?}", tally.invocations);
}

#[test]
fn records_that_wait_bring_five_more_pollers_a_second() {
    let mut service = exact();
    service.mappings.live = Mapping { concurrency: 1_000, batch: 1, window_s: 0 };
    // Each message keeps an invocation busy for some two seconds, and fifty come each second.
    service.times.log_s = 2.0;
    let tally = simulate(&load(10, Arrivals::Steady, 50.0, 10.0), &service, 1);
    let peak_at = |until: f64| {
        let running = tally.concurrency.iter().filter(|(at, _)| *at < until);
        running.map(|(_, running)| running.live).max().unwrap_or(0)
    };
    // The sixth message is the first that waits, from 0.13 s on; five more pollers come at 1.13, 2.13, 3.13 s.
    assert_eq!([peak_at(1.1), peak_at(2.1), peak_at(4.1)], [5, 10, 20]);
    assert!(tally.waits.scaling > 5.0, "{:?}", tally.waits);
}
