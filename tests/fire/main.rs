//! Faults for real: processes that are killed, regions that go, disks that fill, clients that mean harm.
//!
//! A program of its own and no test harness: the faults come one after the other, each against a `sorl dev` of its
//! own, and what came of them is one table, printed and kept as `target/fire/report.json`. Not simulated (`sim`),
//! and nothing is judged that the service does not promise: how fast it is, is only told. Invariant: a fault that
//! could not be brought about is told as such, never as passed.
//!
//! `cargo test --test fire -- [NAME…]` runs some; `SORL_FIRE_MINUTES` makes it longer.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test stops at the first thing that is not as it should be, and says what it measured"
)]

mod audience;
mod crowd;
mod disk;
mod failover;
mod flood;
mod gate;
mod histories;
mod kill;
mod ledger;
mod memory;
mod namespace;
mod poison;
mod publishers;
mod region;
mod report;
mod scale;
mod silent;
mod slow;
mod storm;
mod turns;

use std::process::ExitCode;

use turns::Turn;

/// All of them, the most valuable first.
const FAULTS: [Turn; 11] = [
    ("kill", |scale| Box::pin(kill::under_load(scale))),
    ("region_gone", |scale| Box::pin(region::gone_and_back(scale))),
    ("failover", |scale| Box::pin(failover::of_a_region(scale))),
    ("disk_full", |scale| Box::pin(disk::full(scale))),
    ("disk_without_room", |scale| Box::pin(disk::without_room(scale))),
    ("disk_read_only", |scale| Box::pin(disk::read_only(scale))),
    ("poison", |scale| Box::pin(poison::every_tenth(scale))),
    ("slow_peers", |scale| Box::pin(slow::peers(scale))),
    ("storm", |scale| Box::pin(storm::of_handshakes(scale))),
    ("flood", |scale| Box::pin(flood::of_publishes(scale))),
    ("silent", |scale| Box::pin(silent::clients(scale))),
];

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    if let [role, url, token, count, channel] = &arguments[..]
        && role == crowd::ROLE
    {
        crowd::run(url, token, count, channel);
        return ExitCode::SUCCESS;
    }
    turns::take("fire", &FAULTS, &arguments)
}
