//! The Lambda `deliver`: configuration, adapters, handler.

fn main() {}
