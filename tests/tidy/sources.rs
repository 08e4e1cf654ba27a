//! Files: how they open, what they are called, how long they are, what is not left in them.

use std::path::Path;

use crate::{Source, none, sources};

/// Names that say nothing, so that everything ends up under them.
const VAGUE: [&str; 8] = ["utils", "util", "common", "helpers", "helper", "types", "manager", "misc"];

/// A file that is longer has two subjects.
const LINES_MAX: usize = 400;

fn code() -> impl Iterator<Item = Source> {
    sources().into_iter().filter(|source| source.is(&["rs", "js", "mjs", "py"]))
}

#[test]
fn every_file_opens_with_what_it_is() {
    let opening = |source: &Source| {
        let text = source
            .text
            .strip_prefix("#!")
            .and_then(|rest| rest.split_once('\n'))
            .map_or(&*source.text, |(_, rest)| rest);
        match Path::new(&source.path).extension().and_then(|extension| extension.to_str()) {
            Some("rs") => text.starts_with("//! "),
            Some("py") => text.starts_with("\"\"\""),
            _ => text.starts_with("/**") || text.starts_with("// "),
        }
    };
    let faults: Vec<_> = code().filter(|source| !opening(source)).map(|source| source.path).collect();
    none("a file opens with a doc comment: what it is, what it is not, what it keeps", &faults);
}

#[test]
fn no_file_and_no_folder_has_a_name_that_says_nothing() {
    let is_vague = |path: &Path| {
        path.iter()
            .any(|part| VAGUE.contains(&Path::new(part).file_stem().and_then(|s| s.to_str()).unwrap_or("")))
    };
    let faults: Vec<_> = code().map(|source| source.path).filter(|path| is_vague(Path::new(path))).collect();
    none("name it after what is in it", &faults);
}

#[test]
fn no_file_is_too_long_to_hold_in_mind() {
    let long =
        sources().into_iter().filter(|source| source.is(&["rs", "js", "mjs", "py", "css", "html", "sh"]));
    let faults: Vec<_> = long
        .map(|source| (source.text.lines().count(), source.path))
        .filter(|(lines, _)| *lines > LINES_MAX)
        .map(|(lines, path)| format!("{path}: {lines} lines"))
        .collect();
    none("split it by subject", &faults);
}

#[test]
fn nothing_is_left_for_later_and_no_test_is_left_out() {
    // Put together here, so that this file does not find itself.
    let everywhere = [["TO", "DO"], ["FIX", "ME"], ["todo", "!("], ["unimplemented", "!("], ["#[ign", "ore"]];
    let in_scripts = [
        ["test.on", "ly("],
        ["test.sk", "ip("],
        ["it.on", "ly("],
        ["describe.sk", "ip("],
        ["skip", ": true"],
    ];
    let mut faults = Vec::new();
    for source in code() {
        let scripts = source.is(&["js", "mjs"]);
        for (at, line) in source.text.lines().enumerate() {
            let banned = everywhere.iter().chain(in_scripts.iter().filter(|_| scripts));
            for word in banned.map(|parts| parts.concat()).filter(|word| line.contains(word)) {
                faults.push(format!("{}:{}: {word}", source.path, at + 1));
            }
        }
    }
    none("do it, or file it", &faults);
}

#[test]
fn lines_end_plainly() {
    let mut faults = Vec::new();
    for source in sources().into_iter().filter(|source| !source.path.ends_with(".lock")) {
        if source.text.contains('\r') {
            faults.push(format!("{}: carriage returns", source.path));
        }
        if !source.text.is_empty() && !source.text.ends_with('\n') {
            faults.push(format!("{}: no line end at its end", source.path));
        }
    }
    none("lines end with a line feed", &faults);
}
