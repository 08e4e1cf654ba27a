//! The Lambda `authorize`: configuration, adapters, handler.

fn main() {}
