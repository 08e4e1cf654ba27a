//! Drills: what operators do to a stage on purpose, while people chat. A region lost and back, a region drained, a
//! newer configuration, another number of shards, another secret, other keys of an identity provider.
//!
//! A program of its own and no test harness, as `fire`, whose crowd and table it uses; there things break, here they
//! are changed. What came of them is one table, printed and kept as `target/drills/report.json`. Invariant: nothing is
//! lost to anybody and nothing shown twice; how long it took is only told.
//!
//! `cargo test --test drills -- [NAME…]` runs some; `SORL_FIRE_MINUTES` makes them longer.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test stops at the first thing that is not as it should be, and says what it measured"
)]

mod drain;
mod field;
mod keys;
mod restart;

macro_rules! of_fire {
    ($($name:ident $path:literal),* $(,)?) => {$(
        #[allow(dead_code, reason = "the faults of `fire` use the rest of it")]
        #[path = $path]
        mod $name;
    )*};
}

of_fire! {
    audience "../fire/audience.rs",
    gate "../fire/gate.rs",
    histories "../fire/histories.rs",
    ledger "../fire/ledger.rs",
    publishers "../fire/publishers.rs",
    region "../fire/region.rs",
    report "../fire/report.rs",
    scale "../fire/scale.rs",
    turns "../fire/turns.rs",
}

use std::process::ExitCode;

use turns::Turn;

const DRILLS: [Turn; 6] = [
    ("drain", |scale| Box::pin(drain::a_region(scale))),
    ("region_lost", |scale| Box::pin(region::gone_and_back(scale))),
    ("upgrade", |scale| Box::pin(restart::with_a_newer_configuration(scale))),
    ("shards", |scale| Box::pin(restart::with_more_and_fewer_shards(scale))),
    ("secret", |scale| Box::pin(restart::with_another_secret(scale))),
    ("keys", |scale| Box::pin(keys::of_an_identity_provider(scale))),
];

fn main() -> ExitCode {
    turns::take("drills", &DRILLS, &std::env::args().skip(1).collect::<Vec<_>>())
}
