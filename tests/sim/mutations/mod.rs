//! Mutations: the service with one thing broken on purpose, to see that the checker sees it.
//!
//! Broken is always a port, or what operators do, from outside; core has no switches. What a flaw does stands where
//! its port is.

mod gateway;
mod log;
mod registry;
mod rollout;
mod sending;

use sorl_tests::over::Over;
use std::sync::Arc;

use crate::ports::PortSet;
use crate::wiring::{Bench, Lambda};

pub(crate) use gateway::GatewayFlaw;
pub(crate) use log::LogFlaw;
pub(crate) use registry::RegistryFlaw;
pub(crate) use rollout::RolloutFlaw;
pub(crate) use sending::SendingFlaw;

/// One thing that is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// In the connections table.
    Registry(RegistryFlaw),
    /// In the messages table.
    Log(LogFlaw),
    /// In the topics or the queues.
    Sending(SendingFlaw),
    /// In `@connections`.
    Gateway(GatewayFlaw),
    /// In the order in which an operator rolls configurations out.
    Rollout(RolloutFlaw),
}

impl Flaw {
    /// All of them.
    pub(crate) const ALL: [Self; 29] = [
        Self::Log(LogFlaw::AppendsAfterTheAudience),
        Self::Log(LogFlaw::MarksAfterTheAudience),
        Self::Log(LogFlaw::MarksNothing),
        Self::Log(LogFlaw::ReadsNoMarks),
        Self::Log(LogFlaw::SwallowsErrors),
        Self::Log(LogFlaw::ReadsOnePage),
        Self::Registry(RegistryFlaw::DeletesAnotherRow),
        Self::Registry(RegistryFlaw::DeletesNothing),
        Self::Registry(RegistryFlaw::ForgetsAShard),
        Self::Registry(RegistryFlaw::ForgetsPages),
        Self::Registry(RegistryFlaw::IgnoresExpiry),
        Self::Registry(RegistryFlaw::ReadsNoBlocks),
        Self::Registry(RegistryFlaw::WritesNoBlocks),
        Self::Registry(RegistryFlaw::HasNoIndex),
        Self::Registry(RegistryFlaw::PutsMembersLate),
        Self::Registry(RegistryFlaw::LagsBehind),
        Self::Sending(SendingFlaw::DropsRetries),
        Self::Sending(SendingFlaw::DropsAudiences),
        Self::Sending(SendingFlaw::DropsReadings),
        Self::Sending(SendingFlaw::DropsSomeSlices),
        Self::Sending(SendingFlaw::DropsPublishes),
        Self::Sending(SendingFlaw::SwallowsErrors),
        Self::Sending(SendingFlaw::BuriesNothing),
        Self::Gateway(GatewayFlaw::DropsFrames),
        Self::Gateway(GatewayFlaw::ClosesNothing),
        Self::Gateway(GatewayFlaw::TakesThrottledForTaken),
        Self::Gateway(GatewayFlaw::TakesGoneForTaken),
        Self::Rollout(RolloutFlaw::ChangesShardsAtOnce),
        Self::Rollout(RolloutFlaw::LowersShardsTooSoon),
    ];

    /// The ports of one invocation with this flaw.
    pub(crate) fn apply(self, ports: PortSet, bench: &Bench<'_>) -> PortSet {
        match self {
            Self::Registry(flaw) => {
                let (delivers, clock) = (bench.lambda == Lambda::Deliver, bench.timeline.clone());
                let broken = registry::Broken { inner: ports.registry, flaw, delivers, clock };
                PortSet { registry: Arc::new(Over(broken)), ..ports }
            }
            Self::Log(flaw) => log::apply(flaw, ports, bench.timeline),
            Self::Sending(flaw) => sending::apply(flaw, ports, bench.chance),
            Self::Gateway(flaw) => {
                let broken = gateway::Broken { inner: ports.gateway, flaw, chance: bench.chance.clone() };
                PortSet { gateway: Arc::new(broken), ..ports }
            }
            Self::Rollout(_) => ports,
        }
    }
}
