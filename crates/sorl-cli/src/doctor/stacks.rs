//! Are the three stacks of each region there, whole, and of the same regions as the configuration?

use futures::future::join_all;
use sorl_core::region::Region;

use super::finding::{Finding, Look, Subject, deploy};
use crate::target::{Kind, Stack, Stage};

/// One region's stacks; a text where one could not be looked at.
pub(super) struct Standing {
    pub(super) region: Region,
    stacks: Vec<(Kind, Result<Option<Stack>, String>)>,
}

impl Standing {
    /// The stack, if it is known to be there.
    pub(super) fn get(&self, kind: Kind) -> Option<&Stack> {
        let (_, found) = self.stacks.iter().find(|(known, _)| *known == kind)?;
        found.as_ref().ok()?.as_ref()
    }
}

/// Asks for all stacks of all regions.
pub(super) async fn observe(stage: &Stage) -> Vec<Standing> {
    join_all(stage.config.regions.iter().map(|region| observe_region(stage, region))).await
}

async fn observe_region(stage: &Stage, region: &Region) -> Standing {
    let aws = stage.aws(region).await;
    let stacks = Kind::ALL.map(|kind| {
        let aws = &aws;
        async move {
            (kind, Stack::find(aws, &kind.name(&stage.name)).await.map_err(|fault| format!("{fault:#}")))
        }
    });
    Standing { region: region.clone(), stacks: join_all(stacks).await }
}

pub(super) fn examine(stage: &Stage, standing: &[Standing]) -> Vec<Finding> {
    let mut findings: Vec<_> = standing.iter().flat_map(|standing| of_region(stage, standing)).collect();
    if let Some(home) = standing.first() {
        findings.extend(strangers(stage, home));
    }
    findings
}

fn of_region(stage: &Stage, standing: &Standing) -> Vec<Finding> {
    let look = Look::at(Subject::Stacks, &standing.region);
    let wrong: Vec<_> = standing
        .stacks
        .iter()
        .filter_map(|(kind, found)| of_stack(&look, stage, &standing.region, *kind, found))
        .collect();
    if wrong.is_empty() {
        let names: Vec<_> = Kind::ALL.iter().map(|kind| kind.name(&stage.name)).collect();
        return vec![look.ok(format!("{} are there, and whole", names.join(", ")))];
    }
    wrong
}

fn of_stack(
    look: &Look,
    stage: &Stage,
    region: &Region,
    kind: Kind,
    found: &Result<Option<Stack>, String>,
) -> Option<Finding> {
    let name = kind.name(&stage.name);
    let stack = match found {
        Ok(Some(stack)) => stack,
        Ok(None) => return Some(look.fault(format!("stack {name} is not there"), deploy(&stage.name))),
        Err(fault) => {
            let remedy = "the right that is needed is cloudformation:DescribeStacks";
            return Some(look.unknown(format!("stack {name} cannot be looked at: {fault}"), remedy));
        }
    };
    of_status(look, &name, region, &stack.status, &stage.name)
}

fn of_status(look: &Look, name: &str, region: &Region, status: &str, stage: &str) -> Option<Finding> {
    let is = format!("stack {name} is {status}");
    match status {
        "CREATE_COMPLETE" | "UPDATE_COMPLETE" | "IMPORT_COMPLETE" => None,
        "UPDATE_ROLLBACK_COMPLETE" | "IMPORT_ROLLBACK_COMPLETE" => Some(look.warning(
            format!("{is}: the last deployment failed, the one before it runs"),
            format!("read why in the stack's events, then {}", deploy(stage)),
        )),
        "UPDATE_ROLLBACK_FAILED" => Some(look.fault(
            is,
            format!("aws cloudformation continue-update-rollback --stack-name {name} --region {region}"),
        )),
        _ if status.ends_with("_IN_PROGRESS") => {
            Some(look.warning(format!("{is}: somebody is deploying"), "wait until that has ended"))
        }
        _ => Some(look.fault(
            format!("{is}: it never was deployed whole"),
            format!(
                "aws cloudformation delete-stack --stack-name {name} --region {region}; then {}",
                deploy(stage)
            ),
        )),
    }
}

/// Regions that are deployed and not configured, or the other way round.
fn strangers(stage: &Stage, home: &Standing) -> Vec<Finding> {
    let Some(replicas) = home.get(Kind::State).and_then(|stack| stack.output("Replicas")) else {
        return Vec::new();
    };
    let look = Look::over_all(Subject::Stacks);
    let deployed: Vec<_> = replicas.split(',').collect();
    let configured: Vec<_> = stage.config.regions.iter().map(Region::as_str).collect();
    let forgotten = deployed.iter().filter(|name| !configured.contains(name)).map(|name| {
        look.warning(
            format!("{name} is deployed, but not in the configuration: clients are not told of it"),
            format!("put it back into sorl.toml, or make remove STAGE={} REGIONS={name}", stage.name),
        )
    });
    let missing = configured.iter().filter(|name| !deployed.contains(name)).map(|name| {
        look.fault(format!("the connections table has no replica in {name}"), deploy(&stage.name))
    });
    forgotten.chain(missing).collect()
}

#[cfg(test)]
mod tests {
    use super::super::finding::State;
    use super::*;

    #[test]
    fn every_status_of_a_stack_is_judged() {
        let region = Region::parse("eu-north-1").unwrap();
        let look = Look::at(Subject::Stacks, &region);
        let state =
            |status| of_status(&look, "sorl-dev", &region, status, "dev").map(|finding| finding.state);
        assert_eq!(state("UPDATE_COMPLETE"), None);
        assert_eq!(state("UPDATE_ROLLBACK_COMPLETE"), Some(State::Warning));
        assert_eq!(state("UPDATE_IN_PROGRESS"), Some(State::Warning));
        assert_eq!(state("UPDATE_ROLLBACK_FAILED"), Some(State::Fault));
        assert_eq!(state("ROLLBACK_COMPLETE"), Some(State::Fault));
        assert_eq!(state("CREATE_FAILED"), Some(State::Fault));
    }
}
