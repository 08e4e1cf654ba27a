//! End to end: the published interfaces over real sockets, against `sorl dev` or a deployed stage.
//!
//! Not a test of parts. Most tests share one stage (`SORL_URL`, else a server of this run) and use channels
//! and users of their own; what needs faults, signals or a configuration of its own starts a server.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test stops at the first thing that is not as it should be, and says what it measured"
)]

mod shared;

mod addresses;
mod bounds;
mod canary;
mod command_line;
mod control;
mod delivery;
mod durability;
mod expiry;
mod frames;
mod grants;
mod handshake;
mod history;
mod hostile;
mod invoice;
mod late;
mod load;
mod load_command;
mod operating;
mod presence;
mod probe_command;
mod publish;
mod publishers;
mod recovery;
mod rotation;
mod rust_client;
mod stock_clients;
mod subscribe;
mod traces;
