//! The pages for users, as far as a text can show it: the configuration's reference is what the parser reads, examples
//! are valid, and every program that no test runs is listed here.
//!
//! Not whether a program does what its page says: `tests/docs` runs them.

use std::collections::BTreeSet;

use serde_json::Value;
use sorl_core::config::{Config, ConfigFaults};

use crate::{none, read, sources};

/// Programs that no test runs: the page, the language, how many, and why.
const NOT_RUN: [(&str, &str, usize, &str); 14] = [
    ("README.md", "sh", 4, "builds, runs all tests, deploys to AWS and looks there"),
    ("docs/migrating-from-pusher.md", "js", 3, "Pusher's side"),
    ("docs/migrating-from-socket-io.md", "js", 2, "Socket.IO's side"),
    ("docs/operations/decommission.md", "sh", 2, "removes what stands on AWS"),
    ("docs/operations/failover.md", "sh", 2, "half a minute of both cores; needs a stage on AWS"),
    ("docs/operations/harden.md", "sh", 1, "needs tables on AWS"),
    ("docs/operations/install.md", "sh", 1, "builds, and deploys to AWS"),
    ("docs/operations/restore.md", "sh", 3, "needs tables on AWS, and their backups"),
    ("docs/operations/upgrade.md", "sh", 2, "needs functions on AWS"),
    ("docs/operations/watch.md", "sh", 1, "needs logs on AWS"),
    ("docs/publishing.md", "csharp", 1, "no .NET where the tests run"),
    ("docs/publishing.md", "go", 1, "no Go where the tests run"),
    ("docs/publishing.md", "java", 1, "no AWS SDK for Java where the tests run"),
    ("docs/publishing.md", "ruby", 1, "no Ruby where the tests run"),
];

/// A row of the configuration's reference.
struct Key {
    section: &'static str,
    name: String,
    /// As TOML; none if there is none, or if it follows from another key.
    default: Option<String>,
    example: String,
}

/// The headings of the reference and how a section is written.
const SECTIONS: [(&str, &str); 4] = [
    ("## The stage", ""),
    ("## `[auth]`", "[auth]"),
    ("## `[limits]`", "[limits]"),
    ("## `[namespaces.NAME]`", "[namespaces.example]"),
];

fn keys() -> Vec<Key> {
    let text = read("docs/configuration.md");
    SECTIONS.into_iter().flat_map(|(heading, section)| rows(&text, heading, section)).collect()
}

fn rows(text: &str, heading: &str, section: &'static str) -> Vec<Key> {
    let (_, rest) = text.split_once(&format!("\n{heading}\n")).unwrap_or_else(|| panic!("no {heading}"));
    let part = rest.split("\n## ").next().unwrap_or_default();
    let rows = part.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let cells: Vec<_> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let code = |cell: &str| {
            let value = cell.strip_prefix('`').and_then(|rest| rest.strip_suffix('`'));
            value.map(str::to_owned)
        };
        Key {
            section,
            name: code(cells[0]).expect("a key"),
            default: code(cells[1]),
            example: code(cells[2]).expect("an example"),
        }
    })
    .collect()
}

fn faults(text: &str) -> Vec<String> {
    let faults = Config::parse(text).err().map(|ConfigFaults(faults)| faults);
    faults.unwrap_or_default().into_iter().map(|fault| fault.message).collect()
}

/// What the parser says of a key that is not known in a section: the known ones.
fn known(section: &str) -> BTreeSet<String> {
    let complaint = faults(&format!("{section}\nno-such-key = 1\n")).remove(0);
    let (_, names) = complaint.split_once("known are ").expect("a list of the known keys");
    names.split(", ").map(str::to_owned).collect()
}

#[test]
fn every_key_of_the_configuration_is_documented() {
    let sections = BTreeSet::from(["auth", "limits", "namespaces"].map(str::to_owned));
    for (_, section) in SECTIONS {
        let mut expected = known(section);
        if section.is_empty() {
            expected.retain(|name| !sections.contains(name));
        }
        let documented: BTreeSet<_> =
            keys().into_iter().filter(|key| key.section == section).map(|key| key.name).collect();
        assert_eq!(documented, expected, "docs/configuration.md, section {section:?}");
    }
    // And what the parser matches is what it says that it knows.
    let source = read("crates/sorl-core/src/config/file.rs");
    let arms = source.lines().filter_map(|line| line.trim().strip_prefix('"')?.split_once("\" => "));
    let matched: BTreeSet<_> = arms.map(|(name, _)| name.to_owned()).collect();
    let said: BTreeSet<_> = SECTIONS.iter().flat_map(|(_, section)| known(section)).collect();
    assert_eq!(matched, said, "config/file.rs, its arms against its lists of known keys");
}

#[test]
fn every_documented_example_is_accepted() {
    let mut refused = Vec::new();
    for Key { section, name, example, .. } in keys() {
        let text = format!("{section}\n{name} = {example}\n");
        // What one key needs of another (`jwks` an algorithm) is shown by the page's whole files.
        let of_itself = |fault: &String| ["expected", "unknown"].iter().any(|begin| fault.starts_with(begin));
        refused.extend(faults(&text).into_iter().filter(of_itself).map(|fault| format!("{name}: {fault}")));
    }
    none("docs/configuration.md gives an example that is refused", &refused);
}

#[test]
fn documented_defaults_are_those_of_the_code() {
    let mut wrong = Vec::new();
    for Key { section, name, default, .. } in keys() {
        let Some(default) = default else { continue };
        let without = Config::parse(&format!("{section}\n")).expect("an empty section");
        match Config::parse(&format!("{section}\n{name} = {default}\n")) {
            Ok(with) if with == without => {}
            Ok(_) => wrong.push(format!("{name}: the default is another than {default}")),
            Err(faults) => wrong.push(format!("{name} = {default}: {faults}")),
        }
    }
    none("docs/configuration.md names a default that is none", &wrong);
}

/// A fenced block: its page, its line, what stands behind the fence, its text.
struct Block {
    page: String,
    line: usize,
    info: String,
    text: String,
}

/// The blocks of the pages that users read; `docs/cli.md` is compared with `--help` elsewhere.
fn blocks() -> Vec<Block> {
    let is_guide = |path: &str| {
        let is_page = path.starts_with("docs/") && path != "docs/cli.md";
        is_page || ["README.md", "PROTOCOL.md"].contains(&path)
    };
    let pages = sources().into_iter().filter(|source| source.is(&["md"]) && is_guide(&source.path));
    let mut blocks = Vec::new();
    for page in pages {
        let mut open: Option<Block> = None;
        for (at, line) in page.text.lines().enumerate() {
            match (open.take(), line.strip_prefix("```")) {
                (None, Some(info)) => {
                    let (page, info) = (page.path.clone(), info.to_owned());
                    open = Some(Block { page, line: at + 1, info, text: String::new() });
                }
                (Some(block), Some(_)) => blocks.push(block),
                (Some(block), None) => open = Some(Block { text: block.text + line + "\n", ..block }),
                (None, None) => {}
            }
        }
    }
    blocks
}

#[test]
fn configurations_and_json_of_the_pages_are_valid() {
    let mut faults = Vec::new();
    for Block { page, line, info, text } in blocks() {
        let fault = match info.split(' ').next() {
            Some("toml") => Config::parse(&text).err().map(|fault| fault.to_string()),
            Some("json") => json_fault(&text),
            _ => None,
        };
        faults.extend(fault.map(|fault| format!("{page}:{line}: {fault}")));
    }
    none("a page shows what would be refused", &faults);
}

/// A block is one JSON value, or one a line.
fn json_fault(text: &str) -> Option<String> {
    let whole = serde_json::from_str::<Value>(text);
    let lines = || text.lines().all(|line| serde_json::from_str::<Value>(line).is_ok());
    whole.err().filter(|_| !lines()).map(|fault| fault.to_string())
}

#[test]
fn every_page_is_in_the_index() {
    let index = read("docs/README.md");
    let pages = sources().into_iter().filter(|source| source.is(&["md"])).map(|source| source.path);
    let names = pages.filter_map(|path| path.strip_prefix("docs/").map(str::to_owned));
    let is_missing = |name: &String| name != "README.md" && !index.contains(&format!("({name})"));
    let missing: Vec<_> = names.filter(is_missing).collect();
    none("add the page to docs/README.md", &missing);
}

#[test]
fn programs_that_no_test_runs_are_listed() {
    let is_data = |language: &str| ["text", "json", "toml", ""].contains(&language);
    let mut shown: Vec<(String, String, usize)> = Vec::new();
    for Block { page, info, .. } in blocks() {
        let (language, use_) = info.split_once(' ').unwrap_or((&info, ""));
        if is_data(language) || !use_.is_empty() {
            continue;
        }
        match shown.iter_mut().find(|(of, known, _)| *of == page && known == language) {
            Some((_, _, count)) => *count += 1,
            None => shown.push((page, language.to_owned(), 1)),
        }
    }
    let listed: BTreeSet<_> =
        NOT_RUN.iter().map(|(page, language, count, _)| format!("{page}: {language}, {count}")).collect();
    let found: BTreeSet<_> =
        shown.iter().map(|(page, language, count)| format!("{page}: {language}, {count}")).collect();
    assert_eq!(found, listed, "mark the block to be run (tests/docs/README.md), or list it with the reason");
}
