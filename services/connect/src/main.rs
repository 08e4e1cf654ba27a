//! The Lambda `connect`: configuration, adapters, handler.

fn main() {}
