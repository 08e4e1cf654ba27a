//! Which region missed what SNS could not deliver.
//!
//! Such a letter lies in the topic's region and names the subscription, not the queue. The invariant: if the
//! subscription tells no region any more, every region gets the record, which those that had it know by its id.

use sorl_core::region::Region;

use crate::target::Stage;

/// The regions that the record goes to.
pub(super) async fn regions(
    stage: &Stage,
    published_in: &Region,
    subscription: &str,
) -> anyhow::Result<Vec<Region>> {
    let sns = aws_sdk_sns::Client::new(&stage.aws(published_in).await);
    let answer = sns.get_subscription_attributes().subscription_arn(subscription).send().await;
    let endpoint = answer.ok().and_then(|answer| answer.attributes()?.get("Endpoint").cloned());
    let missed = endpoint.as_deref().and_then(region_of);
    Ok(match missed {
        Some(region) if stage.config.regions.contains(&region) => vec![region],
        _ => stage.config.regions.clone(),
    })
}

/// The region in the ARN of a queue.
fn region_of(arn: &str) -> Option<Region> {
    arn.split(':').nth(3).and_then(|name| Region::parse(name).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_region_is_that_of_the_queue() {
        let region = region_of("arn:aws:sqs:ap-southeast-2:000000000000:sorl-dev-live");
        assert_eq!(region, Region::parse("ap-southeast-2").ok());
        assert_eq!(region_of("sorl-dev-live"), None);
    }
}
