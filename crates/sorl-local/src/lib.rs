//! Sorl embedded: the same handlers over adapters in one process, several regions on one machine.
//!
//! A product and not a mock: what AWS guarantees is guaranteed here, and what AWS does not guarantee (order of
//! records, freshness of other regions' rows, one delivery only) is not given here either.
//!
//! # Layout
//!
//! - The state, told the time, driven by anybody: [`world`], and in it a region's [`registry`], [`log`], [`bus`],
//!   [`queue`], [`dead_letters`]; the [`topics`] between regions; the [`faults`] in force.
//! - What people and programs meet: the [`gateway`] for WebSockets, [`http`] for everything else, both over the
//!   running [`stage`] with its [`keys`], [`metrics`], what is [`billed`], and [`ways`]; `serve` lets them in;
//!   [`delivery`] runs `deliver` over the queues; [`dev`] starts and stops it all.
//! - What it stands on: [`store`] (rows in memory or on disk), [`clock`] (the only place that reads the clock).

pub mod billed;
pub mod bus;
pub mod clock;
pub mod dead_letters;
pub mod delivery;
pub mod dev;
pub mod faults;
pub mod gateway;
pub mod http;
pub mod keys;
pub mod log;
pub mod metrics;
pub mod queue;
pub mod registry;
mod serve;
pub mod stage;
pub mod store;
pub mod topics;
pub mod ways;
mod witness;
pub mod world;
