//! How a failure is told, and which exit code it has.

use std::fmt;
use std::process::ExitCode;

/// Wrong usage or configuration: trying again changes nothing, changing what was written does.
#[derive(Debug)]
pub(crate) struct Misuse(pub(crate) String);

impl fmt::Display for Misuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Misuse {}

/// Says what went wrong on stderr; 2 for a [`Misuse`], 1 for everything else.
pub(crate) fn report(fault: &anyhow::Error) -> ExitCode {
    if let Some(misuse) = fault.downcast_ref::<Misuse>() {
        eprintln!("{misuse}");
        return ExitCode::from(2);
    }
    eprintln!("sorl: {fault:#}");
    ExitCode::FAILURE
}
