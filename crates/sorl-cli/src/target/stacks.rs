//! The three `CloudFormation` stacks that a stage has in each region, as they stand.
//!
//! Only asks. Their names are those of the templates (`serverless.yml`, `infra/`).

use std::collections::BTreeMap;

use aws_config::SdkConfig;
use aws_sdk_cloudformation::error::ProvideErrorMetadata as _;

use super::told;

/// One of the three.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// Tables, topics, queues.
    State,
    /// This region's queue, subscribed to every region's topics.
    Subscriptions,
    /// Functions, WebSocket API, alarms.
    Running,
}

/// A stack that is there.
#[derive(Debug, Clone)]
pub(crate) struct Stack {
    /// Such as `UPDATE_COMPLETE`.
    pub(crate) status: String,
    /// Its outputs, by name.
    pub(crate) outputs: BTreeMap<String, String>,
}

impl Kind {
    /// All of them, in the order in which they are deployed.
    pub(crate) const ALL: [Self; 3] = [Self::State, Self::Subscriptions, Self::Running];

    /// What it is called.
    pub(crate) fn name(self, stage: &str) -> String {
        let service = match self {
            Self::State => "sorl-state",
            Self::Subscriptions => "sorl-subscriptions",
            Self::Running => "sorl",
        };
        format!("{service}-{stage}")
    }
}

impl Stack {
    /// The stack of this name, if it is there.
    pub(crate) async fn find(aws: &SdkConfig, name: &str) -> anyhow::Result<Option<Self>> {
        let client = aws_sdk_cloudformation::Client::new(aws);
        let described = match client.describe_stacks().stack_name(name).send().await {
            Ok(described) => described,
            Err(fault) if is_absence(fault.code(), fault.message()) => return Ok(None),
            Err(fault) => return Err(told(fault)),
        };
        let found = described
            .stacks()
            .iter()
            .find(|stack| stack.stack_status().is_some_and(|status| status.as_str() != "DELETE_COMPLETE"));
        Ok(found.map(Self::read))
    }

    fn read(stack: &aws_sdk_cloudformation::types::Stack) -> Self {
        let status = stack.stack_status().map(|status| status.as_str().to_owned()).unwrap_or_default();
        let outputs = stack
            .outputs()
            .iter()
            .filter_map(|output| Some((output.output_key()?.to_owned(), output.output_value()?.to_owned())));
        Self { status, outputs: outputs.collect() }
    }

    /// An output, if it is there.
    pub(crate) fn output(&self, name: &str) -> Option<&str> {
        self.outputs.get(name).map(String::as_str)
    }
}

/// `CloudFormation` calls a stack that is not there a validation error.
fn is_absence(code: Option<&str>, message: Option<&str>) -> bool {
    code == Some("ValidationError") && message.is_some_and(|message| message.contains("does not exist"))
}
