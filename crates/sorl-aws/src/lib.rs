//! Sorl deployed: core's ports over AWS's services, and Lambda's events as core's types.
//!
//! Not the handlers (`sorl_core`) and not the template (`infra/`, `serverless.yml`). Only `events` knows Lambda's
//! event types; no SDK type is in a signature that core sees.

mod batch;
pub mod bus;
pub mod clients;
pub mod events;
pub mod gateway;
pub mod keys;
pub mod log;
pub mod logging;
pub mod queue;
pub mod registry;
pub mod secret;
pub mod settings;
mod table;
pub mod telemetry;
