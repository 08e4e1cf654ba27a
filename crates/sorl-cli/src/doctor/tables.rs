//! Are the tables there, in every region, with their replicas and their expiry?

use aws_sdk_dynamodb::types::{TableDescription, TimeToLiveStatus};
use futures::future::join_all;
use sorl_core::region::Region;

use super::finding::{Finding, Look, Subject, deploy};
use crate::target::Stage;

/// The attribute by which rows expire.
const EXPIRES_AT: &str = "expires_at";

pub(super) async fn examine(stage: &Stage) -> Vec<Finding> {
    join_all(stage.config.regions.iter().map(|region| of_region(stage, region))).await.concat()
}

async fn of_region(stage: &Stage, region: &Region) -> Vec<Finding> {
    let look = Look::at(Subject::Tables, region);
    let client = aws_sdk_dynamodb::Client::new(&stage.aws(region).await);
    let names = ["connections", "messages"];
    let wrong = join_all(names.map(|name| of_table(stage, region, &look, &client, name))).await.concat();
    if wrong.is_empty() {
        let all = "connections, with its replicas, and messages are active; what has expired is removed";
        return vec![look.ok(all)];
    }
    wrong
}

async fn of_table(
    stage: &Stage,
    region: &Region,
    look: &Look,
    client: &aws_sdk_dynamodb::Client,
    name: &str,
) -> Vec<Finding> {
    let table = stage.resource(name);
    let described = client.describe_table().table_name(&table).send().await;
    let mut findings = match described {
        Ok(answer) => {
            answer.table().map(|table| of_description(stage, region, look, name, table)).unwrap_or_default()
        }
        Err(fault) => return vec![look.refused(&format!("the table {table}"), &stage.name, fault)],
    };
    match client.describe_time_to_live().table_name(&table).send().await {
        Ok(answer) => {
            let expiry = answer.time_to_live_description();
            let enabled =
                expiry.and_then(|expiry| expiry.time_to_live_status()) == Some(&TimeToLiveStatus::Enabled);
            let by = expiry.and_then(|expiry| expiry.attribute_name()) == Some(EXPIRES_AT);
            if !(enabled && by) {
                let what = format!("rows of {table} do not expire by {EXPIRES_AT}: the table grows for ever");
                findings.push(look.warning(what, deploy(&stage.name)));
            }
        }
        Err(fault) => findings.push(look.refused(&format!("the expiry of {table}"), &stage.name, fault)),
    }
    findings
}

fn of_description(
    stage: &Stage,
    region: &Region,
    look: &Look,
    name: &str,
    table: &TableDescription,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let status = table.table_status().map_or("of no known status", |status| status.as_str());
    // It serves while it is changed.
    if !["ACTIVE", "UPDATING"].contains(&status) {
        findings.push(look.fault(format!("the table {} is {status}", stage.resource(name)), WAIT));
    }
    let is_home = stage.config.regions.first() == Some(region);
    if name == "connections" && is_home {
        let others = stage.config.regions.iter().filter(|other| *other != region);
        findings.extend(others.filter_map(|other| of_replica(look, table, other, &stage.name)));
    }
    findings
}

const WAIT: &str = "wait if it is being made; else look into the table's events in the AWS console";

/// The home region's table knows all its replicas.
fn of_replica(look: &Look, table: &TableDescription, region: &Region, stage: &str) -> Option<Finding> {
    let replica = table.replicas().iter().find(|replica| replica.region_name() == Some(region.as_str()));
    let Some(replica) = replica else {
        return Some(look.fault(format!("the connections table has no replica in {region}"), deploy(stage)));
    };
    let status = replica.replica_status().map_or("of no known status", |status| status.as_str());
    let is_active = ["ACTIVE", "UPDATING"].contains(&status);
    (!is_active).then(|| look.fault(format!("the replica in {region} is {status}"), WAIT))
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::types::{ReplicaDescription, ReplicaStatus};

    use super::super::finding::State;
    use super::*;

    #[test]
    fn a_replica_is_there_and_active() {
        let region = |name| Region::parse(name).unwrap();
        let look = Look::at(Subject::Tables, &region("us-east-1"));
        let replica = |name: &str, status| {
            ReplicaDescription::builder().region_name(name).replica_status(status).build()
        };
        let table = TableDescription::builder()
            .replicas(replica("eu-north-1", ReplicaStatus::Active))
            .replicas(replica("eu-west-1", ReplicaStatus::CreationFailed))
            .build();
        let state = |name| of_replica(&look, &table, &region(name), "dev").map(|finding| finding.state);
        assert_eq!(state("eu-north-1"), None);
        assert_eq!(state("eu-west-1"), Some(State::Fault));
        assert_eq!(state("ap-southeast-2"), Some(State::Fault));
    }
}
