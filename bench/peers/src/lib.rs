//! What the two peers in Rust share.
//!
//! Not the stub and not the load client (`bench/src`): those are built without AWS's SDK.

pub mod event;
