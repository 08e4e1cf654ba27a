//! The two ways to `deliver`: `live` for what is new, `bulk` for slices.

/// Which queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::capacity) enum Lane {
    Live,
    Bulk,
}

/// One of a thing for each lane.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub(in crate::capacity) struct Lanes<T> {
    pub(in crate::capacity) live: T,
    pub(in crate::capacity) bulk: T,
}

impl<T> Lanes<T> {
    pub(in crate::capacity) const fn of(&self, lane: Lane) -> &T {
        match lane {
            Lane::Live => &self.live,
            Lane::Bulk => &self.bulk,
        }
    }

    pub(in crate::capacity) const fn of_mut(&mut self, lane: Lane) -> &mut T {
        match lane {
            Lane::Live => &mut self.live,
            Lane::Bulk => &mut self.bulk,
        }
    }
}
