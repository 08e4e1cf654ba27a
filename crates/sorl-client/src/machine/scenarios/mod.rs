//! The scenarios of `tests/scenarios`, run against the machine: the contract of both clients' behaviour.
//!
//! The format is that folder's README's. Not the sockets (`client`).

mod script;
mod world;

use std::path::Path;

use script::Scenario;
use world::World;

/// What differs from the scenario, by step.
fn faults(scenario: &Scenario) -> Vec<String> {
    let mut world = World::new(&scenario.client);
    let mut faults = Vec::new();
    for (number, step) in scenario.steps.iter().enumerate() {
        world.cause(step);
        let differences = world.compare(step).into_iter();
        faults.extend(differences.map(|difference| format!("step {}: {difference}", number + 1)));
        if !faults.is_empty() {
            // What follows follows from it.
            break;
        }
    }
    faults
}

#[test]
fn every_scenario_holds() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/scenarios");
    let mut files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    assert!(files.len() > 50, "the scenarios are in {}", folder.display());
    let mut broken = Vec::new();
    for file in files {
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        let scenario = Scenario::read(&std::fs::read_to_string(&file).unwrap());
        broken.extend(faults(&scenario).into_iter().map(|fault| format!("{name}, {fault}")));
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn a_scenario_that_does_not_hold_is_found() {
    let text = |more: &str| {
        format!(
            r#"{{"claim": "", "client": {{"endpoints": ["eu"], "region": "eu"}}, "steps": [
                {{"app": {{"connect": true}}, "dials": [{{"c1": "eu", "token": "t1"}}]{more}}}]}}"#
        )
    };
    assert_eq!(faults(&Scenario::read(&text(""))), Vec::<String>::new());
    for wrong in [r#", "state": "connected""#, r#", "closes": ["c1"]"#, r#", "tells": [{"gap": "c"}]"#] {
        assert_eq!(faults(&Scenario::read(&text(wrong))).len(), 1, "{wrong}");
    }
}
