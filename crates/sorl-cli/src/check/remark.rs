//! Something to be said of a configuration.

use serde::Serialize;

/// How much it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Level {
    /// Good to know.
    Note,
    /// Most likely not what is meant.
    Warning,
    /// It would break something.
    Fault,
}

impl Level {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Fault => "fault",
        }
    }
}

/// A remark: of what, what it is, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Remark {
    pub(super) level: Level,
    /// A section or key, such as `namespaces.room`.
    pub(super) of: String,
    /// Its line, counted from 1, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) line: Option<usize>,
    pub(super) what: String,
}

impl Remark {
    pub(super) fn new(level: Level, of: impl Into<String>, what: impl Into<String>) -> Self {
        Self { level, of: of.into(), line: None, what: what.into() }
    }
}
