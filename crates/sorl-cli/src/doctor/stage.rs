//! All that is looked at in a deployed stage; each look stands for itself, and they go on side by side.

use futures::future::join_all;
use sorl_core::region::Region;

use super::finding::Finding;
use super::{clock_skew, connect, dead_letters, links, quotas, secret, stacks, tables};
use crate::target::Stage;

/// What one subject yields in all regions is kept together, in the order of the regions.
pub(super) async fn examine(stage: &Stage) -> Vec<Finding> {
    let standing = stacks::observe(stage).await;
    let (subscriptions, tables, secrets, connections) = tokio::join!(
        links::examine(stage, &standing),
        tables::examine(stage),
        each(stage, |region| secret::examine(stage, region)),
        connect::examine_stage(stage, &standing),
    );
    let (quotas, clock, letters) = tokio::join!(
        each(stage, |region| quotas::examine(stage, region)),
        each(stage, |region| clock_skew::examine(stage, region)),
        each(stage, |region| dead_letters::examine(stage, region)),
    );
    let stacks = stacks::examine(stage, &standing);
    [stacks, subscriptions, tables, secrets, connections, quotas, clock, letters].concat()
}

async fn each<'s, F>(stage: &'s Stage, look: impl Fn(&'s Region) -> F) -> Vec<Finding>
where
    F: Future<Output = Vec<Finding>>,
{
    join_all(stage.config.regions.iter().map(look)).await.concat()
}
