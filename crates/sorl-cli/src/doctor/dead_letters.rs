//! Does anything lie in the region's dead-letter queue?

use aws_sdk_sqs::types::QueueAttributeName;
use sorl_core::region::Region;

use super::finding::{Finding, Look, Subject};
use crate::target::Stage;

pub(super) async fn examine(stage: &Stage, region: &Region) -> Vec<Finding> {
    let look = Look::at(Subject::DeadLetters, region);
    vec![of_queue(stage, region, &look).await]
}

async fn of_queue(stage: &Stage, region: &Region, look: &Look) -> Finding {
    let name = stage.resource("dead-letters");
    let thing = format!("the queue {name}");
    let sqs = aws_sdk_sqs::Client::new(&stage.aws(region).await);
    let url = match sqs.get_queue_url().queue_name(&name).send().await {
        Ok(found) => found.queue_url.unwrap_or_default(),
        Err(fault) => return look.refused(&thing, &stage.name, fault),
    };
    let counts = [
        QueueAttributeName::ApproximateNumberOfMessages,
        QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
    ];
    let call = sqs.get_queue_attributes().queue_url(url).set_attribute_names(Some(counts.to_vec()));
    let answer = match call.send().await {
        Ok(answer) => answer,
        Err(fault) => return look.refused(&thing, &stage.name, fault),
    };
    let told = |name| answer.attributes()?.get(name)?.parse::<u64>().ok();
    let waiting: Option<Vec<_>> = counts.iter().map(told).collect();
    match waiting {
        Some(counts) => {
            judged(look, counts.iter().sum(), &format!(" --stage {} --region {region}", stage.name))
        }
        None => look.unknown(format!("{thing} tells no number of letters"), "sorl dlq list"),
    }
}

/// What so many letters mean; `place` is how the other commands find them.
pub(super) fn judged(look: &Look, waiting: u64, place: &str) -> Finding {
    if waiting == 0 {
        return look.ok("no dead letters");
    }
    let (s, wait) = if waiting == 1 { ("", "waits") } else { ("s", "wait") };
    look.warning(
        format!("{waiting} dead letter{s} {wait}"),
        format!("read why: sorl dlq list{place}; then redrive or purge"),
    )
}
