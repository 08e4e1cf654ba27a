//! Directions between crates, as their manifests say: the meaning depends on nothing of ours, adapters never on
//! each other.

use std::collections::{BTreeMap, BTreeSet};

use crate::{none, root, sources};

/// Which of our crates each crate may depend on; a crate that is not named here is a decision to make.
const ALLOWED: [(&str, &[&str]); 13] = [
    ("sorl-core", &[]),
    ("sorl-client", &["sorl-core"]),
    ("sorl-host", &["sorl-core"]),
    ("sorl-jwks", &["sorl-core"]),
    ("sorl-metrics", &["sorl-core"]),
    ("sorl-round", &["sorl-core", "sorl-client"]),
    ("sorl-local", &["sorl-core", "sorl-host", "sorl-jwks", "sorl-metrics"]),
    ("sorl-aws", &["sorl-core", "sorl-host", "sorl-jwks", "sorl-metrics"]),
    ("sorl-cli", &["sorl-core", "sorl-client", "sorl-local", "sorl-aws"]),
    ("sorl-tests", &["sorl-core", "sorl-client", "sorl-local", "sorl-aws", "sorl-metrics", "sorl-round"]),
    ("sorl-fuzz", &["sorl-core", "sorl-local", "sorl-aws"]),
    ("sorl-bench", &["sorl-core", "sorl-client", "sorl-aws"]),
    ("sorl-bench-peers", &["sorl-core"]),
];

/// What a service, a Lambda's `main`, may depend on.
const OF_SERVICES: [&str; 4] = ["sorl-core", "sorl-host", "sorl-aws", "sorl-metrics"];
/// What the one that is no handler of core's may besides: it is a client.
const OF_CANARY: [&str; 6] =
    ["sorl-core", "sorl-host", "sorl-aws", "sorl-metrics", "sorl-client", "sorl-round"];

/// The crates of the workspace, each with those of ours that it depends on in any way.
fn crates() -> BTreeMap<String, (String, BTreeSet<String>)> {
    let manifests = sources().into_iter().filter(|source| source.path.ends_with("/Cargo.toml"));
    manifests
        .map(|manifest| {
            let table: toml::Table =
                manifest.text.parse().unwrap_or_else(|fault| panic!("{}: {fault}", manifest.path));
            let name = table["package"]["name"].as_str().expect("a package has a name").to_owned();
            (name, (manifest.path, ours(&table)))
        })
        .collect()
}

fn ours(manifest: &toml::Table) -> BTreeSet<String> {
    let sections = ["dependencies", "dev-dependencies", "build-dependencies"];
    let tables = sections.iter().filter_map(|section| manifest.get(*section)?.as_table());
    tables.flat_map(|table| table.keys()).filter(|name| name.starts_with("sorl-")).cloned().collect()
}

#[test]
fn crates_depend_in_one_direction_only() {
    let mut faults = Vec::new();
    for (name, (path, dependencies)) in crates() {
        let known = ALLOWED.iter().find(|(known, _)| *known == name).map(|(_, allowed)| *allowed);
        let allowed = match known {
            Some(allowed) => allowed,
            None if path == "services/canary/Cargo.toml" => &OF_CANARY[..],
            None if path.starts_with("services/") => &OF_SERVICES[..],
            None => {
                faults.push(format!("{path}: say in this test what {name} may depend on"));
                continue;
            }
        };
        let strangers = dependencies.iter().filter(|dependency| !allowed.contains(&dependency.as_str()));
        faults.extend(strangers.map(|stranger| format!("{path}: {name} must not depend on {stranger}")));
    }
    none("see the code map of ARCHITECTURE.md", &faults);
}

#[test]
fn every_crate_inherits_the_lints() {
    let manifests = sources().into_iter().filter(|source| source.path.ends_with("/Cargo.toml"));
    let faults: Vec<_> = manifests
        .filter(|manifest| !manifest.text.contains("[lints]\nworkspace = true"))
        .map(|m| m.path)
        .collect();
    none("add [lints] workspace = true", &faults);
}

#[test]
fn core_keeps_its_own_list_of_what_it_must_not_touch() {
    let list =
        std::fs::read_to_string(root().join("crates/sorl-core/clippy.toml")).expect("core's clippy.toml");
    for banned in ["SystemTime::now", "std::env::var", "thread::spawn", "thread::sleep"] {
        assert!(list.contains(banned), "crates/sorl-core/clippy.toml does not ban {banned}");
    }
}
