//! Results on stdout. A reader that has gone away (`sorl tail … | head`) is no failure but the end.

use std::io::{ErrorKind, Write as _};

use serde::Serialize;

/// Whether anybody still reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reader {
    /// Somebody does.
    There,
    /// Nobody does.
    Gone,
}

/// Writes one line.
pub(crate) fn line(text: &str) -> anyhow::Result<Reader> {
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Ok(()) => Ok(Reader::There),
        Err(fault) if fault.kind() == ErrorKind::BrokenPipe => Ok(Reader::Gone),
        Err(fault) => Err(fault.into()),
    }
}

/// Writes one line of JSON.
pub(crate) fn json(value: &impl Serialize) -> anyhow::Result<Reader> {
    line(&serde_json::to_string(value)?)
}
