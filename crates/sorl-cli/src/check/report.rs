//! A checked configuration, as people and programs read it.

use std::fmt::Write as _;
use std::time::Duration;

use serde::ser::SerializeStruct as _;
use serde::{Serialize, Serializer};
use serde_json::json;
use sorl_core::config::{Config, Namespace};
use sorl_core::grants::{Right, Rights};

use super::remark::{Level, Remark};
use crate::table::Table;
use crate::terminal::{Tone, toned};

/// What was found.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) file: String,
    pub(super) config: Config,
    pub(super) remarks: Vec<Remark>,
    /// What deploying it would change; none if that was not asked.
    pub(super) changes: Option<Vec<Remark>>,
}

impl Report {
    /// The report for people.
    pub(super) fn told(&self, width: Option<usize>) -> String {
        let regions: Vec<_> = self.config.regions.iter().map(|region| region.as_str()).collect();
        let mut text = format!("{} is valid: regions {}\n\n", self.file, regions.join(", "));
        text.push_str(&self.namespaces().render(width));
        let parts = [("what is odd", Some(&self.remarks)), ("what would change", self.changes.as_ref())];
        for (heading, remarks) in parts {
            let Some(remarks) = remarks else { continue };
            // Writing to a string does not fail.
            write!(text, "\n\n{heading}: {}", if remarks.is_empty() { "nothing" } else { "" }).ok();
            if !remarks.is_empty() {
                text.truncate(text.trim_end().len());
                write!(text, "\n{}", listed(remarks).render(width)).ok();
            }
        }
        text
    }

    fn namespaces(&self) -> Table {
        let mut table =
            Table::with(["namespace", "history", "presence", "shards", "rate", "grants to all tokens"]);
        for namespace in self.config.namespaces() {
            table.row([
                namespace.name.clone(),
                span(namespace.history),
                presence(namespace).to_owned(),
                shards(namespace),
                namespace.rate.map_or("-".to_owned(), |rate| format!("{}/{}", rate.count, span(rate.window))),
                grants(namespace.grants),
            ]);
        }
        table
    }
}

fn listed(remarks: &[Remark]) -> Table {
    let mut table = Table::with(["level", "of", "line", "what"]);
    for remark in remarks {
        let tone = match remark.level {
            Level::Note => Tone::Faint,
            Level::Warning => Tone::Doubtful,
            Level::Fault => Tone::Bad,
        };
        table.row([
            toned(tone, remark.level.as_str()),
            remark.of.clone(),
            remark.line.map_or("-".to_owned(), |line| line.to_string()),
            remark.what.clone(),
        ]);
    }
    table
}

const fn presence(namespace: &Namespace) -> &'static str {
    match (namespace.presence, namespace.join_leave) {
        (true, true) => "yes, join and leave",
        (true, false) => "yes",
        (false, true) => "join and leave only",
        (false, false) => "no",
    }
}

fn shards(namespace: &Namespace) -> String {
    let Namespace { shards, shards_read, .. } = namespace;
    if shards == shards_read { shards.to_string() } else { format!("{shards}, reads {shards_read}") }
}

/// The rights as they are written.
pub(super) fn grants(rights: Rights) -> String {
    if rights == Rights::ALL {
        return "all".to_owned();
    }
    let names: Vec<_> =
        Right::ALL.into_iter().filter(|right| rights.has(*right)).map(Right::as_str).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

/// A length of time as it is written: in the largest unit that fits.
pub(super) fn span(span: Duration) -> String {
    let millis = span.as_millis();
    let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s")];
    let fitting = units.into_iter().find(|(unit, _)| millis >= *unit && millis.is_multiple_of(*unit));
    match fitting {
        _ if millis == 0 => "0".to_owned(),
        // A day is written as hours, as it usually is.
        Some((86_400_000, _)) if millis == 86_400_000 => "24h".to_owned(),
        Some((unit, name)) => format!("{}{name}", millis / unit),
        None => format!("{millis}ms"),
    }
}

impl Serialize for Report {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let namespaces: Vec<_> = self
            .config
            .namespaces()
            .map(|namespace| {
                json!({
                    "name": namespace.name,
                    "history": span(namespace.history),
                    "presence": namespace.presence,
                    "join_leave": namespace.join_leave,
                    "shards": namespace.shards,
                    "shards_read": namespace.shards_read,
                    "rate": namespace.rate.map(|rate| format!("{}/{}", rate.count, span(rate.window))),
                    "grants": grants(namespace.grants),
                })
            })
            .collect();
        let mut report = serializer.serialize_struct("Report", 6)?;
        report.serialize_field("file", &self.file)?;
        report.serialize_field("valid", &true)?;
        report.serialize_field("regions", &self.config.regions)?;
        report.serialize_field("namespaces", &namespaces)?;
        report.serialize_field("remarks", &self.remarks)?;
        report.serialize_field("changes", &self.changes)?;
        report.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_written_as_it_is_read() {
        let hours = Duration::from_hours;
        assert_eq!(
            (span(hours(24)), span(hours(48)), span(hours(1))),
            ("24h".into(), "2d".into(), "1h".into())
        );
        assert_eq!(span(Duration::from_millis(1_500)), "1500ms");
        assert_eq!(span(Duration::ZERO), "0");
    }
}
