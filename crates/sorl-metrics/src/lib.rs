//! What Sorl counts: one catalogue, what each handler's outcome adds to it, and how CloudWatch is told.
//!
//! Not a part of core, which decides and does not count; not a metrics server either: `sorl dev` keeps sums and serves
//! them as Prometheus text (`sorl_local::metrics`), a Lambda writes each invocation's samples as one log line
//! ([`emf`]). The invariant: a name, a unit and a label stand in [`catalogue`] and nowhere else, so both say the same.

pub mod catalogue;
pub mod emf;
pub mod outcomes;
mod samples;

pub use catalogue::{Kind, Metric, Place, Unit};
pub use samples::{Sample, Samples};
