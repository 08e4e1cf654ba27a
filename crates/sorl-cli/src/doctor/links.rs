//! Does every region's queue get what every region's topics take?
//!
//! The invariant that is checked is the one that Sorl stands on: what a topic accepts reaches every region, unfiltered,
//! in SNS's own envelope.

use std::collections::HashMap;

use aws_sdk_sns::types::Subscription;
use futures::future::join_all;
use sorl_core::envelope::{Topic, TopicArn};
use sorl_core::region::Region;

use super::finding::{Finding, Look, Subject, deploy};
use super::stacks::Standing;
use crate::target::{Kind, Stage};

pub(super) async fn examine(stage: &Stage, standing: &[Standing]) -> Vec<Finding> {
    join_all(standing.iter().map(|standing| of_region(stage, standing))).await.concat()
}

async fn of_region(stage: &Stage, standing: &Standing) -> Vec<Finding> {
    let look = Look::at(Subject::Subscriptions, &standing.region);
    let state = standing.get(Kind::State).and_then(|stack| stack.output("MessagesTopicArn"));
    let Some(messages) = state.and_then(TopicArn::parse) else {
        return vec![
            look.unknown("its topics are not known, since its state stack is not", deploy(&stage.name)),
        ];
    };
    let sns = aws_sdk_sns::Client::new(&stage.aws(&standing.region).await);
    let topics = Topic::ALL.map(|topic| TopicArn { topic, ..messages.clone() });
    let wrong = join_all(topics.iter().map(|topic| of_topic(stage, &look, &sns, topic))).await.concat();
    if wrong.is_empty() {
        let n = stage.config.regions.len();
        return vec![
            look.ok(format!("its {} topics reach the queues of all {n} regions, unfiltered", topics.len())),
        ];
    }
    wrong
}

async fn of_topic(stage: &Stage, look: &Look, sns: &aws_sdk_sns::Client, topic: &TopicArn) -> Vec<Finding> {
    let there = match subscriptions(sns, topic).await {
        Ok(there) => there,
        Err(fault) => {
            return vec![look.refused(&format!("the topic {}", topic.topic.as_str()), &stage.name, fault)];
        }
    };
    let links = stage.config.regions.iter().map(|region| of_link(stage, look, sns, topic, region, &there));
    join_all(links).await.into_iter().flatten().collect()
}

type ListFault = aws_sdk_sns::error::SdkError<
    aws_sdk_sns::operation::list_subscriptions_by_topic::ListSubscriptionsByTopicError,
>;

async fn subscriptions(sns: &aws_sdk_sns::Client, topic: &TopicArn) -> Result<Vec<Subscription>, ListFault> {
    let (mut all, mut next) = (Vec::new(), None);
    loop {
        let call = sns.list_subscriptions_by_topic().topic_arn(topic.to_string()).set_next_token(next);
        let page = call.send().await?;
        all.extend(page.subscriptions().iter().cloned());
        next = page.next_token().filter(|token| !token.is_empty()).map(str::to_owned);
        if next.is_none() {
            return Ok(all);
        }
    }
}

/// One topic, one region's queue.
async fn of_link(
    stage: &Stage,
    look: &Look,
    sns: &aws_sdk_sns::Client,
    topic: &TopicArn,
    region: &Region,
    there: &[Subscription],
) -> Option<Finding> {
    let TopicArn { partition, account, .. } = topic;
    let queue = format!("arn:{partition}:sqs:{region}:{account}:{}", stage.resource("live"));
    let what = format!("{} to {region}", topic.topic.as_str());
    let found = there.iter().find(|subscription| subscription.endpoint() == Some(&queue));
    let Some(arn) = found.and_then(Subscription::subscription_arn) else {
        let lost = format!("what is published to {} does not reach {region}", topic.topic.as_str());
        return Some(look.fault(lost, resubscribe(topic, &queue, stage)));
    };
    if !arn.starts_with("arn:") {
        return Some(look.fault(format!("the subscription of {what} is not confirmed"), deploy(&stage.name)));
    }
    match sns.get_subscription_attributes().subscription_arn(arn).send().await {
        Ok(answer) => match answer.attributes() {
            Some(attributes) => of_attributes(look, &what, attributes, &stage.name),
            None => {
                Some(look.unknown(format!("SNS tells nothing of the subscription of {what}"), "try again"))
            }
        },
        Err(fault) => Some(look.refused(&format!("the subscription of {what}"), &stage.name, fault)),
    }
}

/// Deploying makes what never was there, but does not notice what somebody took away.
fn resubscribe(topic: &TopicArn, queue: &str, stage: &Stage) -> String {
    let TopicArn { partition, region, account, .. } = topic;
    let dead_letters = format!("arn:{partition}:sqs:{region}:{account}:{}", stage.resource("dead-letters"));
    let policy = format!(r#"{{"RedrivePolicy":"{{\"deadLetterTargetArn\":\"{dead_letters}\"}}"}}"#);
    format!(
        "{}; if somebody took it away: aws sns subscribe --region {region} --topic-arn {topic} --protocol sqs \
         --notification-endpoint {queue} --attributes '{policy}'",
        deploy(&stage.name)
    )
}

fn of_attributes(
    look: &Look,
    what: &str,
    attributes: &HashMap<String, String>,
    stage: &str,
) -> Option<Finding> {
    let text = |name: &str| attributes.get(name).map(String::as_str).filter(|text| !text.is_empty());
    if text("FilterPolicy").is_some_and(|policy| policy != "{}") {
        let remedy = "remove its filter policy: every region needs every message for its log";
        return Some(look.fault(format!("the subscription of {what} has a filter"), remedy));
    }
    if text("RawMessageDelivery") == Some("true") {
        let remedy = "switch raw delivery off: the envelope says which topic a message came through";
        return Some(look.fault(format!("the subscription of {what} delivers raw"), remedy));
    }
    if text("RedrivePolicy").is_none() {
        let lost =
            format!("the subscription of {what} has no dead-letter queue: what SNS cannot deliver is lost");
        return Some(look.warning(lost, deploy(stage)));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::finding::State;
    use super::*;

    #[test]
    fn a_subscription_is_unfiltered_enveloped_and_has_a_dead_letter_queue() {
        let region = Region::parse("eu-north-1").unwrap();
        let look = Look::at(Subject::Subscriptions, &region);
        let judged = |more: &[(&str, &str)]| {
            let usual =
                [("RawMessageDelivery", "false"), ("RedrivePolicy", "{\"deadLetterTargetArn\":\"x\"}")];
            let all = usual.iter().chain(more).map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
            of_attributes(&look, "relay to x", &all.collect(), "dev").map(|finding| finding.state)
        };
        assert_eq!(judged(&[]), None);
        assert_eq!(judged(&[("FilterPolicy", "{}")]), None);
        assert_eq!(judged(&[("FilterPolicy", "{\"channel\":[\"a\"]}")]), Some(State::Fault));
        assert_eq!(judged(&[("RawMessageDelivery", "true")]), Some(State::Fault));
        assert_eq!(judged(&[("RedrivePolicy", "")]), Some(State::Warning));
    }
}
