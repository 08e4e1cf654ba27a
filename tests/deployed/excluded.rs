//! The list of tests that are left out here: every name is one of a test, has its reason, and is in the README.

use std::process::Command;

use sorl_tests::server::repository;

const LIST: &str = include_str!("excluded.txt");

/// Names and reasons.
fn excluded() -> impl Iterator<Item = (&'static str, &'static str)> {
    let lines = LIST.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| line.split_once(' ').unwrap_or_else(|| panic!("{line} has no reason")))
}

#[test]
fn every_test_that_is_left_out_exists() {
    let me = std::env::current_exe().unwrap();
    let listed = Command::new(me).arg("--list").output().unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    for (name, reason) in excluded() {
        println!("left out: {name}: {reason}");
        assert!(listed.lines().any(|line| line == format!("{name}: test")), "there is no test {name}");
    }
}

#[test]
fn the_readme_names_every_test_that_is_left_out() {
    let readme = std::fs::read_to_string(repository().join("tests/README.md")).unwrap();
    for (name, reason) in excluded() {
        let row = format!("| `{name}` | {} |", reason.trim());
        assert!(readme.contains(&row), "tests/README.md lacks the row {row}");
    }
}
