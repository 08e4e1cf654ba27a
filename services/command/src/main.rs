//! The Lambda `command`: configuration, adapters, handler.

fn main() {}
