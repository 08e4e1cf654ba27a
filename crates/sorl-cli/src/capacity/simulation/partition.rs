//! One channel's partitions in the registry: how long its audience's reads wait for DynamoDB.

/// Read units as a bucket: what one second gives may be used at once, more has to wait.
#[derive(Debug)]
pub(super) struct Partition {
    /// Units a second, of all its shards.
    rate: f64,
    /// When the bucket is full again.
    full_at: f64,
}

impl Partition {
    pub(super) const fn new(rate: f64) -> Self {
        Self { rate, full_at: 0.0 }
    }

    /// Takes units at `now`; how long the reader waits for the last of them.
    pub(super) fn take(&mut self, units: f64, now: f64) -> f64 {
        self.full_at = self.full_at.max(now) + units / self.rate;
        // The bucket holds one second's units.
        (self.full_at - now - 1.0).max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seconds_units_are_free_and_more_wait_for_their_time() {
        let mut partition = Partition::new(3_000.0);
        assert!(partition.take(3_000.0, 10.0).abs() < 1e-9);
        // 4,700 units at 3,000 a second, the first second used up.
        assert!((partition.take(4_700.0, 10.0) - 4_700.0 / 3_000.0).abs() < 1e-9);
        assert!(partition.take(1.0, 20.0).abs() < 1e-9);
    }
}
