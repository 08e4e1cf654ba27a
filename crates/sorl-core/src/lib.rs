//! The meaning of Sorl: what a channel, a member, a message and a promise are.
//!
//! Core does no I/O, reads no clock and no environment, never spawns, sleeps or selects: everything that
//! touches the world is a port (`ports`), passed in as a parameter. The same handlers run as Lambdas over
//! AWS, in one process under `sorl dev`, and under the simulator.
//!
//! # Layout
//!
//! - The flow, one module a Lambda: [`authorize`], [`connect`], [`disconnect`], [`command`], [`deliver`].
//! - What they speak: [`protocol`] (WebSocket frames), [`envelope`] (what travels through SNS and SQS).
//! - What they speak of: [`ids`], [`names`], [`region`], [`time`], [`message`], [`member`], [`grants`].
//! - What they stand on: [`ports`], [`batch`], [`config`], [`limits`], [`error`].

pub mod authorize;
pub mod batch;
pub mod command;
pub mod config;
pub mod connect;
pub mod deliver;
pub mod disconnect;
pub mod envelope;
pub mod error;
pub mod grants;
pub mod ids;
pub mod limits;
pub mod member;
pub mod message;
pub mod names;
pub mod ports;
pub mod protocol;
pub mod region;
pub mod time;
