//! The Lambda `disconnect`: configuration, adapters, handler.

fn main() {}
