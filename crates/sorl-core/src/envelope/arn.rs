//! The ARN of a topic, which SNS itself writes into a notification and nobody can forge.

use std::fmt;

use crate::region::Region;

/// Sorl's three topics of a region.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Topic {
    /// Where external publishers write.
    Messages,
    /// Where only Sorl's Lambdas write.
    Relay,
    /// Where only operators write.
    Control,
}

impl Topic {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Messages, Self::Relay, Self::Control];

    /// The last part of the topic's name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Messages => "messages",
            Self::Relay => "relay",
            Self::Control => "control",
        }
    }
}

/// `arn:aws:sns:{region}:{account}:sorl-{stage}-{topic}`
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TopicArn {
    /// The AWS partition: `aws`, `aws-cn`, `aws-us-gov`.
    pub partition: String,
    /// Where the topic is, so where its messages were accepted.
    pub region: Region,
    /// The account's 12 digits.
    pub account: String,
    /// The stage in the topic's name.
    pub stage: String,
    /// Which of the three.
    pub topic: Topic,
}

impl TopicArn {
    /// Parses the ARN of one of Sorl's topics; none for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(6, ':');
        if parts.next() != Some("arn") {
            return None;
        }
        let partition = parts.next()?.to_owned();
        if parts.next() != Some("sns") {
            return None;
        }
        let region = Region::parse(parts.next()?).ok()?;
        let account = parts.next()?.to_owned();
        let (stage, topic) = parts.next()?.strip_prefix("sorl-")?.rsplit_once('-')?;
        let topic = Topic::ALL.into_iter().find(|known| known.as_str() == topic)?;
        Some(Self { partition, region, account, stage: stage.to_owned(), topic })
    }
}

impl fmt::Display for TopicArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { partition, region, account, stage, topic } = self;
        write!(f, "arn:{partition}:sns:{region}:{account}:sorl-{stage}-{}", topic.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_is_read_back_and_anything_else_is_none() {
        let text = "arn:aws:sns:eu-north-1:000000000000:sorl-my-dev-messages";
        let arn = TopicArn::parse(text).unwrap();
        assert_eq!((arn.stage.as_str(), arn.topic), ("my-dev", Topic::Messages));
        assert_eq!(arn.to_string(), text);
        for bad in [
            "",
            "arn:aws:sns:eu-north-1:0:other",
            "arn:aws:sqs:r:0:sorl-dev-messages",
            "arn:aws:sns:r:0:sorl-dev-x",
        ] {
            assert_eq!(TopicArn::parse(bad), None, "{bad}");
        }
    }
}
