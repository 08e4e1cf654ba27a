//! What a Lambda and one machine have in common: a clock, chance, and a pace of posting.
//!
//! Not an adapter of anything of AWS or of the embedded service. Handlers are told the time and never wait by
//! themselves; this is where that is done for them.

pub mod clock;
pub mod pace;
