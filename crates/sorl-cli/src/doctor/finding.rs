//! One thing that was looked at, how it is, and what to do about it.

use aws_sdk_sns::error::ProvideErrorMetadata;
use serde::Serialize;
use sorl_core::region::Region;

use crate::target::{is_absent, told};

/// How it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    /// As it should be.
    Ok,
    /// It could not be looked at.
    Unknown,
    /// It works, but not for every load, or not for long.
    Warning,
    /// It does not work.
    Fault,
}

/// What was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Subject {
    /// What is deployed.
    Stacks,
    /// Which queue gets what which topic takes.
    Subscriptions,
    /// The tables, their replicas, their expiry.
    Tables,
    /// What tokens are signed with.
    Secret,
    /// Whether a client can connect.
    Connect,
    /// What AWS lets the account do.
    Quotas,
    /// This machine's clock against the service's.
    Clock,
    /// What could not be handled.
    DeadLetters,
    /// Faults that were switched on.
    Faults,
}

impl Subject {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Stacks => "stacks",
            Self::Subscriptions => "subscriptions",
            Self::Tables => "tables",
            Self::Secret => "secret",
            Self::Connect => "connect",
            Self::Quotas => "quotas",
            Self::Clock => "clock",
            Self::DeadLetters => "dead letters",
            Self::Faults => "faults",
        }
    }
}

/// A finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    pub(super) state: State,
    pub(super) subject: Subject,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) region: Option<Region>,
    /// What is.
    pub(super) what: String,
    /// What to do; there unless all is well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) remedy: Option<String>,
}

/// Where findings are made: a subject in a region.
#[derive(Debug, Clone)]
pub(super) struct Look {
    subject: Subject,
    region: Option<Region>,
}

impl Look {
    pub(super) fn at(subject: Subject, region: &Region) -> Self {
        Self { subject, region: Some(region.clone()) }
    }

    pub(super) const fn over_all(subject: Subject) -> Self {
        Self { subject, region: None }
    }

    pub(super) fn ok(&self, what: impl Into<String>) -> Finding {
        self.finding(State::Ok, what.into(), None)
    }

    pub(super) fn warning(&self, what: impl Into<String>, remedy: impl Into<String>) -> Finding {
        self.finding(State::Warning, what.into(), Some(remedy.into()))
    }

    pub(super) fn fault(&self, what: impl Into<String>, remedy: impl Into<String>) -> Finding {
        self.finding(State::Fault, what.into(), Some(remedy.into()))
    }

    pub(super) fn unknown(&self, what: impl Into<String>, remedy: impl Into<String>) -> Finding {
        self.finding(State::Unknown, what.into(), Some(remedy.into()))
    }

    /// AWS did not answer as asked: what is not there is a fault, what may not be seen is unknown.
    pub(super) fn refused<E>(&self, thing: &str, stage: &str, fault: E) -> Finding
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        if is_absent(&fault) {
            return self.fault(format!("{thing} is not there"), deploy(stage));
        }
        self.unknown(format!("{thing} cannot be looked at: {:#}", told(fault)), LOOK_YOURSELF)
    }

    fn finding(&self, state: State, what: String, remedy: Option<String>) -> Finding {
        Finding { state, subject: self.subject, region: self.region.clone(), what, remedy }
    }
}

const LOOK_YOURSELF: &str = "give whoever runs this the right to look, or look in the AWS console";

/// The usual remedy for what is missing: deploying puts back all that belongs to a stage.
pub(super) fn deploy(stage: &str) -> String {
    format!("make deploy STAGE={stage}")
}
