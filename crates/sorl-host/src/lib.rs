//! What a Lambda and one machine have in common: a clock, chance, a pace of posting, and one message's way in the log.
//!
//! Not an adapter of anything of AWS or of the embedded service. Handlers are told the time and never wait by
//! themselves; this is where that is done for them.

pub mod clock;
mod moment;
pub mod pace;
pub mod share;
pub mod trace;
pub mod witness;
