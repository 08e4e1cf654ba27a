//! Flaws of a roll-out: what an operator does who does not keep to the order of the steps.
//!
//! No port is broken; `schedule` draws up the steps as the flaw has them.

/// What is done wrongly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RolloutFlaw {
    /// Shards are written before all regions' versions read them, or read no more while members stand in them.
    ChangesShardsAtOnce,
    /// Fewer shards are read as soon as fewer are written, and not when the members who stood in them are gone.
    LowersShardsTooSoon,
}
