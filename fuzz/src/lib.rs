//! What must hold whatever the bytes: one file for each kind of input, each with one function `hold`.
//!
//! Not the throwing: `targets/` (coverage-guided, for hours) and `tests/hostile` (the corpus and a few thousand
//! mutations of it, in every run of the tests) both include these files. `hold` panics where a claim does not hold.

pub mod configuration;
pub mod envelopes;
#[cfg(feature = "events")]
pub mod events;
pub mod frames;
#[cfg(feature = "sns")]
pub mod sns;
pub mod stubs;
pub mod tokens;
