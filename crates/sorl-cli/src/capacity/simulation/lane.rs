//! The two ways to `deliver`: `live` for what is new, `bulk` for slices.

/// Which queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    Live,
    Bulk,
}

/// One of a thing for each lane.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Lanes<T> {
    pub(crate) live: T,
    pub(crate) bulk: T,
}

impl<T> Lanes<T> {
    pub(crate) const fn of(&self, lane: Lane) -> &T {
        match lane {
            Lane::Live => &self.live,
            Lane::Bulk => &self.bulk,
        }
    }

    pub(crate) const fn of_mut(&mut self, lane: Lane) -> &mut T {
        match lane {
            Lane::Live => &mut self.live,
            Lane::Bulk => &mut self.bulk,
        }
    }
}
