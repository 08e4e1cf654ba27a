//! Hostile bytes, names and grants, thrown at everything that reads them: the fuzz targets' own claims over their
//! corpus and some thousand mutations of it, and properties over every case of a small world.
//!
//! Not the search for new cases, which is `make fuzz`; not sockets (`tests/e2e/hostile`). What was found once stands
//! in `fuzz/corpus` for good. Nothing here is left to luck: the mutations come from a seed.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test stops at the first thing that is not as it should be"
)]
#![allow(unreachable_pub, reason = "the fuzz targets' files are a library's where they are at home")]

mod grants;
mod mutate;
mod names;

#[path = "../../fuzz/src/configuration.rs"]
mod configuration;
#[path = "../../fuzz/src/envelopes.rs"]
mod envelopes;
#[path = "../../fuzz/src/events.rs"]
mod events;
#[path = "../../fuzz/src/frames.rs"]
mod frames;
#[path = "../../fuzz/src/sns.rs"]
mod sns;
#[path = "../../fuzz/src/stubs.rs"]
mod stubs;
#[path = "../../fuzz/src/tokens.rs"]
mod tokens;

use mutate::Mutations;

/// Mutations of each target's corpus, together some seconds.
const MUTATIONS: usize = 20_000;
/// Mutations where each costs signatures.
const MUTATIONS_SIGNED: usize = 2_000;

/// The corpus of a target, by file.
fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = sorl_tests::server::repository().join("fuzz/corpus").join(target);
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|fault| panic!("{}: {fault}", folder.display()));
    let mut files: Vec<_> = entries
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name().into_string().unwrap(), std::fs::read(entry.path()).unwrap()))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{} is empty", folder.display());
    files
}

/// The claim over the corpus and over so many mutations of it; what breaks it is told.
fn holds(target: &str, count: usize, hold: fn(&[u8])) {
    let corpus = corpus(target);
    let told = |what: &str, bytes: &[u8]| {
        let outcome = std::panic::catch_unwind(|| hold(bytes));
        assert!(outcome.is_ok(), "{target}, {what}: {:?}", String::from_utf8_lossy(bytes));
    };
    for (name, bytes) in &corpus {
        told(name, bytes);
    }
    for (at, bytes) in Mutations::of(corpus.into_iter().map(|(_, bytes)| bytes)).take(count).enumerate() {
        told(&format!("mutation {at}"), &bytes);
    }
}

#[test]
fn configurations_hold() {
    holds("configuration", MUTATIONS, configuration::hold);
}

#[test]
fn envelopes_hold() {
    holds("envelopes", MUTATIONS, envelopes::hold);
}

#[test]
fn events_hold() {
    holds("events", MUTATIONS, events::hold);
}

#[test]
fn frames_hold() {
    holds("frames", MUTATIONS, frames::hold);
}

#[test]
fn sns_calls_hold() {
    holds("sns", MUTATIONS, sns::hold);
}

#[test]
fn tokens_hold() {
    holds("tokens", MUTATIONS_SIGNED, tokens::hold);
}
