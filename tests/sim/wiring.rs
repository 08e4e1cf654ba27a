//! How the ports are put together: as they are, or with one of them broken on purpose.
//!
//! The broken ones stand in `mutations`; core itself has no switches.

use std::fmt;

use crate::chance::Chance;
use crate::executor::Timeline;
use crate::mutations::{Flaw, RolloutFlaw};
use crate::plan::Plan;
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

/// How the ports of an invocation come about.
#[derive(Clone, Copy, Default)]
pub(crate) struct Wiring(Option<Flaw>);

impl Wiring {
    /// With one thing broken.
    pub(crate) const fn broken(flaw: Flaw) -> Self {
        Self(Some(flaw))
    }

    /// Whether a run can be another with this wiring: what is broken in changing shards is seen only where they are.
    pub(crate) fn concerns(self, plan: &Plan) -> bool {
        self.rollout_flaw().is_none() || plan.odds.resharded.is_some()
    }

    /// What is broken in how configurations are rolled out, which is no port.
    pub(crate) const fn rollout_flaw(self) -> Option<RolloutFlaw> {
        match self.0 {
            Some(Flaw::Rollout(flaw)) => Some(flaw),
            _ => None,
        }
    }

    /// The ports of one invocation.
    pub(crate) fn apply(self, ports: PortSet, bench: &Bench<'_>) -> PortSet {
        match self.0 {
            None => ports,
            Some(flaw) => flaw.apply(ports, bench),
        }
    }
}
