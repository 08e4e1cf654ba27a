//! Mutations do not rot: every patch says what it breaks, still applies, and stands in the table with every flaw.
//!
//! Not whether a test sees them: that takes an hour (`make mutations`).

use std::path::Path;
use std::process::Command;

use crate::{none, read, root, sources};

const FOLDER: &str = "tests/mutations";

/// The patches, by name.
fn patches() -> Vec<(String, String)> {
    let patches =
        sources().into_iter().filter(|source| source.path.starts_with(FOLDER) && source.is(&["patch"]));
    let patches: Vec<_> = patches
        .map(|source| {
            let name = Path::new(&source.path).file_stem().expect("a name").to_string_lossy().into_owned();
            (name, source.text)
        })
        .collect();
    assert!(patches.len() >= 40, "only {} patches were found", patches.len());
    patches
}

#[test]
fn every_mutation_says_what_it_breaks_and_which_promise() {
    let says = |text: &str| {
        let mut lines = text.lines();
        let mut begins = |with| lines.next().is_some_and(|line: &str| line.starts_with(with));
        begins("Breaks: ") && begins("Promise: ") && begins("--- a/")
    };
    let faults: Vec<_> =
        patches().into_iter().filter(|(_, text)| !says(text)).map(|(name, _)| name).collect();
    none("a patch opens with `Breaks: …`, `Promise: …`, and then is a unified diff", &faults);
}

#[test]
fn every_mutation_applies() {
    let mut faults = Vec::new();
    for (name, _) in patches() {
        let patch = format!("{FOLDER}/{name}.patch");
        let git = Command::new("git").args(["apply", "--check", &patch]).current_dir(root()).output();
        let told = git.expect("git, by which patches are applied");
        if !told.status.success() {
            faults.push(format!("{name}: {}", String::from_utf8_lossy(&told.stderr).trim()));
        }
    }
    none("break the same thing in the code as it is now: make the change, `git diff -U2`", &faults);
}

#[test]
fn every_mutation_and_every_flaw_stands_in_the_table_and_nothing_else_does() {
    let table = read("tests/mutations/README.md");
    let rows: Vec<_> = table.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    let flaws = read("tests/sim/mutations/mod.rs");
    let flaws = flaws.lines().filter_map(|line| line.trim().strip_prefix("Self::")?.strip_suffix("),"));
    let flaws = flaws.filter_map(|flaw| flaw.split_once('(')).map(|(_, flaw)| flaw.to_owned());
    let flaws = flaws.filter(|flaw| flaw.contains("Flaw::"));
    let known: Vec<_> = patches().into_iter().map(|(name, _)| name).chain(flaws).collect();
    assert!(known.iter().any(|name| name == "LogFlaw::MarksNothing"), "the flaws were not found");
    let missing =
        known.iter().filter(|name| !rows.contains(&name.as_str())).map(|name| format!("{name}: no row"));
    let unknown = rows
        .iter()
        .filter(|row| !known.iter().any(|name| name == *row))
        .map(|row| format!("{row}: no such mutation"));
    none("tests/mutations/README.md", &missing.chain(unknown).collect::<Vec<_>>());
}
