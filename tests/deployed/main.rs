//! The deployed stage: the published interfaces over real sockets, through the template and the Lambdas that ship.
//!
//! The modules of `tests/e2e` are run here as they are; what the emulator cannot carry of them is named in
//! `excluded.txt` with the reason, and the runner (`run.py`) leaves those out. What only a deployed stage has is
//! tested by modules of its own. Those in `alone` break the stage on purpose, so they run one by one, afterwards.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test stops at the first thing that is not as it should be, and says what it measured"
)]

mod alone;
mod excluded;
mod ghost;
mod gone;
mod measuring;
mod seeing;
mod shared;
mod slices;

#[path = "../e2e/bounds.rs"]
mod bounds;
#[path = "../e2e/control.rs"]
mod control;
#[path = "../e2e/expiry.rs"]
mod expiry;
#[path = "../e2e/frames.rs"]
mod frames;
#[path = "../e2e/grants.rs"]
mod grants;
#[path = "../e2e/handshake.rs"]
mod handshake;
#[path = "../e2e/history.rs"]
mod history;
#[path = "../e2e/operating.rs"]
mod operating;
#[path = "../e2e/presence.rs"]
mod presence;
#[path = "../e2e/publish.rs"]
mod publish;
#[path = "../e2e/publishers.rs"]
mod publishers;
#[path = "../e2e/recovery.rs"]
mod recovery;
#[path = "../e2e/rust_client.rs"]
mod rust_client;
#[path = "../e2e/stock_clients.rs"]
mod stock_clients;
#[path = "../e2e/subscribe.rs"]
mod subscribe;
