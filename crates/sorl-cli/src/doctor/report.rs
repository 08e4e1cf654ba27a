//! All findings, as a table or as JSON.

use serde::ser::SerializeStruct as _;
use serde::{Serialize, Serializer};

use super::finding::{Finding, State};
use crate::table::Table;
use crate::terminal::{Tone, toned};

/// What was found, and where.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) place: String,
    pub(super) findings: Vec<Finding>,
}

impl Report {
    /// How many are in this state.
    pub(super) fn count(&self, state: State) -> usize {
        self.findings.iter().filter(|finding| finding.state == state).count()
    }

    /// The report for people: the findings, then how many there are of each kind.
    pub(super) fn told(&self, width: Option<usize>) -> String {
        let mut table = Table::with(["state", "what", "region", "finding"]);
        for finding in &self.findings {
            let region = finding.region.as_ref().map_or("all", |region| region.as_str());
            let remedy = finding.remedy.as_ref().map(|remedy| format!("\n→ {remedy}")).unwrap_or_default();
            table.row([
                toned(tone(finding.state), word(finding.state)),
                finding.subject.as_str().to_owned(),
                region.to_owned(),
                format!("{}{remedy}", finding.what),
            ]);
        }
        format!("{}\n\n{}: {}", table.render(width), self.place, self.summary())
    }

    fn summary(&self) -> String {
        let states = [State::Ok, State::Warning, State::Fault, State::Unknown];
        let counts = states.map(|state| format!("{} {}", self.count(state), word(state)));
        counts.join(", ")
    }
}

impl Serialize for Report {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut report = serializer.serialize_struct("Report", 4)?;
        report.serialize_field("place", &self.place)?;
        report.serialize_field("faults", &self.count(State::Fault))?;
        report.serialize_field("warnings", &self.count(State::Warning))?;
        report.serialize_field("findings", &self.findings)?;
        report.end()
    }
}

const fn word(state: State) -> &'static str {
    match state {
        State::Ok => "ok",
        State::Unknown => "unknown",
        State::Warning => "warning",
        State::Fault => "fault",
    }
}

const fn tone(state: State) -> Tone {
    match state {
        State::Ok => Tone::Good,
        State::Unknown | State::Warning => Tone::Doubtful,
        State::Fault => Tone::Bad,
    }
}

#[cfg(test)]
mod tests {
    use sorl_core::region::Region;

    use super::super::finding::{Look, Subject};
    use super::*;

    #[test]
    fn a_report_counts_its_findings_and_shows_the_remedies() {
        let region = Region::parse("eu-north-1").unwrap();
        let look = Look::at(Subject::Tables, &region);
        let findings = vec![look.ok("fine"), look.fault("gone", "bring it back")];
        let report = Report { place: "stage prod".to_owned(), findings };
        let text = report.told(None);
        assert!(text.contains("→ bring it back"), "{text}");
        assert!(text.ends_with("stage prod: 1 ok, 0 warning, 1 fault, 0 unknown"), "{text}");
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!((&json["faults"], &json["findings"][1]["state"]), (&1.into(), &"fault".into()));
    }
}
