//! How the ports are put together: as they are, or with one of them broken on purpose.
//!
//! The broken ones stand in `mutations`; core itself has no switches.

use std::fmt;

use crate::chance::Chance;
use crate::executor::Timeline;
use crate::ports::PortSet;

/// Which Lambda.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lambda {
    /// Token to principal.
    Authorize,
    /// `$connect`.
    Connect,
    /// `$disconnect`.
    Disconnect,
    /// `$default`.
    Command,
    /// The queues.
    Deliver,
}

impl fmt::Display for Lambda {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Authorize => "authorize",
            Self::Connect => "connect",
            Self::Disconnect => "disconnect",
            Self::Command => "command",
            Self::Deliver => "deliver",
        })
    }
}

/// What a broken port may need besides the ones that work.
pub(crate) struct Bench<'a> {
    /// For whom the ports are.
    pub(crate) lambda: Lambda,
    /// Tasks and time.
    pub(crate) timeline: &'a Timeline,
    /// Chance.
    pub(crate) chance: &'a Chance,
}

/// Breaks something.
pub(crate) type Mutation = fn(PortSet, &Bench<'_>) -> PortSet;

/// How the ports of an invocation come about.
#[derive(Clone, Copy, Default)]
pub(crate) struct Wiring(Option<Mutation>);

impl Wiring {
    /// With one thing broken.
    pub(crate) const fn mutated(mutation: Mutation) -> Self {
        Self(Some(mutation))
    }

    /// The ports of one invocation.
    pub(crate) fn apply(
        self,
        lambda: Lambda,
        ports: PortSet,
        timeline: &Timeline,
        chance: &Chance,
    ) -> PortSet {
        match self.0 {
            None => ports,
            Some(mutation) => mutation(ports, &Bench { lambda, timeline, chance }),
        }
    }
}
