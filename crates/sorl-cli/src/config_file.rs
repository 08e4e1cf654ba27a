//! Reading `sorl.toml`: every fault at once, each with its line.

use std::fmt::Write as _;
use std::io::ErrorKind;
use std::path::Path;

use sorl_core::config::{Config, ConfigFaults};

use crate::exit::Misuse;

/// The file that is read where none is named.
pub(crate) const USUAL: &str = "sorl.toml";

/// The configuration in `named`; without a name, that of `sorl.toml` here if there is one, else the built-in.
pub(crate) fn read(named: Option<&Path>) -> Result<Config, Misuse> {
    let path = named.unwrap_or(Path::new(USUAL));
    match std::fs::read_to_string(path) {
        Ok(text) => Config::parse(&text).map_err(|faults| misuse(path, &faults)),
        Err(fault) if fault.kind() == ErrorKind::NotFound && named.is_none() => Ok(Config::default()),
        Err(fault) => {
            Err(Misuse(format!("{}: {fault}; name a readable file with --config, or none", path.display())))
        }
    }
}

/// The faults of a file, each on a line of its own.
pub(crate) fn misuse(path: &Path, ConfigFaults(faults): &ConfigFaults) -> Misuse {
    let mut text = String::new();
    for fault in faults {
        let separator = if text.is_empty() { "" } else { "\n" };
        // Writing to a string does not fail.
        write!(text, "{separator}{}:{}: {}", path.display(), fault.line, fault.message).ok();
    }
    Misuse(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_named_by_file_and_line() {
        let faults = Config::parse("stage = 7\n\nnonsense = 1\n").unwrap_err();
        let text = misuse(Path::new("sorl.toml"), &faults).to_string();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 2, "{text}");
        assert!(lines[0].starts_with("sorl.toml:1: ") && lines[1].starts_with("sorl.toml:3: "), "{text}");
    }

    #[test]
    fn a_file_that_was_named_must_be_there() {
        let fault = read(Some(Path::new("no/such/sorl.toml"))).unwrap_err().to_string();
        assert!(fault.starts_with("no/such/sorl.toml: ") && fault.contains("--config"), "{fault}");
    }
}
