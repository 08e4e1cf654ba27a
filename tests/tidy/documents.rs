//! Documents say what the code does: codes, actions, commands and paths that are there.
//!
//! Links are `links`, the pages for users `guides`.

use std::collections::BTreeSet;

use serde_json::Value;
use sorl_core::error::ErrorCode;
use sorl_core::message::Message;
use sorl_core::protocol::{Action, Request};

use crate::{none, read, root, sources};

/// The part of a document below a heading, up to the next heading of the same or a higher level.
fn section<'t>(text: &'t str, heading: &str) -> &'t str {
    let level = heading.split(' ').next().unwrap_or_default();
    let (_, rest) =
        text.split_once(&format!("\n{heading}\n")).unwrap_or_else(|| panic!("no heading {heading:?}"));
    let ends = (1..=level.len()).filter_map(|depth| rest.find(&format!("\n{} ", "#".repeat(depth))));
    &rest[..ends.min().unwrap_or(rest.len())]
}

/// The first cells of a table's rows that begin with a word in backticks, whole.
fn rows(table: &str) -> impl Iterator<Item = &str> {
    let cells = table.lines().filter_map(|line| line.strip_prefix("| `")?.split('|').next());
    cells.map(str::trim)
}

/// All words between single backticks, outside fenced blocks.
fn quoted(text: &str) -> Vec<String> {
    let mut fenced = false;
    let mut words = Vec::new();
    for line in text.lines() {
        if line.starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            words.extend(line.split('`').skip(1).step_by(2).map(str::to_owned));
        }
    }
    words
}

#[test]
fn the_protocols_errors_are_the_codes() {
    let text = read("PROTOCOL.md");
    let documented: BTreeSet<_> = rows(section(&text, "## Errors"))
        .map(|cell| {
            let (code, more) = cell.split_once('`').expect("a code in backticks");
            (code.to_owned(), more.contains("(t)"))
        })
        .collect();
    let coded =
        ErrorCode::ALL.into_iter().map(|code| (code.as_str().to_owned(), code.is_temporary())).collect();
    assert_eq!(documented, coded, "the table of PROTOCOL.md against ErrorCode");
}

#[test]
fn the_protocols_actions_are_the_codes() {
    let text = read("PROTOCOL.md");
    let documented: BTreeSet<_> =
        rows(section(&text, "### Client to server")).map(|cell| cell.trim_matches('`').to_owned()).collect();
    let coded = Action::ALL.into_iter().map(|action| action.as_str().to_owned()).collect();
    assert_eq!(documented, coded, "the table of PROTOCOL.md against Action");
}

/// The lines of a document's JSON blocks.
fn json_lines(text: &str) -> impl Iterator<Item = &str> {
    let blocks = text.split("```json\n").skip(1).filter_map(|rest| rest.split("```").next());
    blocks.flat_map(str::lines).filter(|line| line.starts_with('{') && line.ends_with('}'))
}

#[test]
fn the_protocols_examples_are_frames() {
    let text = read("PROTOCOL.md");
    let (mut requests, mut messages) = (0, 0);
    for line in json_lines(&text) {
        let frame: Value = serde_json::from_str(line).unwrap_or_else(|fault| panic!("{line}: {fault}"));
        if frame.get("action").is_some() {
            let action = Request::parse(line).and_then(|request| request.action());
            assert!(action.is_ok(), "{line}");
            requests += 1;
        }
        for message in frame["messages"].as_array().into_iter().flatten() {
            let read: Message =
                serde_json::from_str(&message.to_string()).unwrap_or_else(|fault| panic!("{line}: {fault}"));
            assert_eq!(message["at"], read.at().as_millis(), "`at` is the time of the id");
            messages += 1;
        }
    }
    assert!(requests > 0 && messages > 0, "PROTOCOL.md shows frames");
}

#[test]
fn the_code_map_names_files_that_exist() {
    let paths: Vec<_> = sources().into_iter().map(|source| format!("/{}", source.path)).collect();
    let names = quoted(&read("ARCHITECTURE.md"));
    let files =
        names.iter().filter(|name| !name.contains(' ') && (name.ends_with(".rs") || name.ends_with(".js")));
    let faults: Vec<_> =
        files.filter(|name| !paths.iter().any(|path| path.ends_with(&format!("/{name}")))).cloned().collect();
    none("ARCHITECTURE.md names what is not there", &faults);
}

#[test]
fn the_readmes_commands_exist() {
    let (readme, makefile) = (read("README.md"), read("Makefile"));
    let mut faults = Vec::new();
    for target in words_after(&readme, "make ") {
        if !makefile.lines().any(|line| line.starts_with(&format!("{target}:"))) {
            faults.push(format!("make {target}"));
        }
    }
    for command in
        words_after(&readme, "sorl ").into_iter().chain(words_after(&readme, "cargo run --release -- "))
    {
        let sources = root().join("crates/sorl-cli/src");
        if !sources.join(format!("{command}.rs")).exists() && !sources.join(&command).is_dir() {
            faults.push(format!("sorl {command}"));
        }
    }
    none("README.md tells to run what is not there", &faults);
    assert!(
        readme.contains("cargo run --release -- dev") && readme.contains("make test"),
        "the two commands"
    );
}

/// The words that follow `prefix` at the beginning of a command: in backticks or at the start of a line.
fn words_after(text: &str, prefix: &str) -> BTreeSet<String> {
    let begins = [format!("`{prefix}"), format!("\n{prefix}")];
    let rests = begins.iter().flat_map(|begin| text.split(begin.as_str()).skip(1).collect::<Vec<_>>());
    let word =
        |rest: &str| rest.chars().take_while(|c| c.is_ascii_lowercase() || *c == '-').collect::<String>();
    rests.map(word).filter(|word| !word.is_empty()).collect()
}

#[test]
fn the_gate_runs_what_the_readme_says() {
    assert!(read(".ci/run").contains("make test"));
    let makefile = read("Makefile");
    for target in ["help", "check", "test"] {
        assert!(makefile.contains(&format!("\n{target}: ")), "make {target}");
    }
}

#[test]
fn the_documents_are_there() {
    for (path, heading) in [
        ("README.md", "# Sorl"),
        ("ARCHITECTURE.md", "# Architecture"),
        ("PROTOCOL.md", "# "),
        ("CHANGELOG.md", "# Changelog"),
        ("SECURITY.md", "# Security"),
        ("LICENSE", "Apache License"),
    ] {
        assert!(read(path).contains(heading), "{path} does not open as it should");
    }
}
