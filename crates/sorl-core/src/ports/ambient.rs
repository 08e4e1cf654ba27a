//! Time and chance, which core never takes for itself.

use crate::time::Timestamp;

/// The time of day of the region.
pub trait Clock: Send + Sync {
    /// Now. May jump between regions by the skew of AWS's clocks; never asked of a client.
    fn now(&self) -> Timestamp;

    /// Now, and how many 4,096ths of the millisecond have passed: so that ids which one process makes one
    /// after the other sort so. A clock that knows no fraction says 0.
    fn now_precisely(&self) -> (Timestamp, u16) {
        (self.now(), 0)
    }
}

/// Random bits, for ids that no key determines.
pub trait Entropy: Send + Sync {
    /// 64 bits that nobody can guess.
    fn bits(&self) -> u64;
}
