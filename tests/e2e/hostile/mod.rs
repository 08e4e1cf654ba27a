//! Hostile input over real sockets: foreign pages, forged tokens, names that pretend, odd requests, and what of all
//! that ends up where it can be read.
//!
//! Not the parsers alone, at which `tests/hostile` and `fuzz/` throw bytes. Each attack starts from something that
//! works, so that a refusal is the attack's and not a slip of the test.

mod logs;
mod origins;
mod requests;
mod tokens;
