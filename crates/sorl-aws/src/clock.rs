//! The time and chance of a Lambda.
