//! The stage's queues as an operator sees them: how full, and how long a message stays invisible.

use serde_json::{Value, json};
use sorl_tests::stage::Stage;

/// How long a message that was received stays invisible. A test that shortens it puts it back.
pub(super) async fn set_visibility(stage: &Stage, region: &str, queue: &str, seconds: &str) {
    let deployed = stage.deployed();
    let queue = deployed.queue(region, queue).await;
    let set = json!({ "QueueUrl": queue, "Attributes": { "VisibilityTimeout": seconds } });
    deployed.aws.json(region, "sqs", "AmazonSQS.SetQueueAttributes", &set).await;
}

/// The same for all queues of all regions.
pub(super) async fn see_again_after(stage: &Stage, seconds: &str) {
    for region in stage.three() {
        for queue in ["live", "bulk"] {
            set_visibility(stage, region, queue, seconds).await;
        }
    }
}

pub(super) async fn attribute(stage: &Stage, region: &str, queue: &str, name: &str) -> String {
    let deployed = stage.deployed();
    let queue = deployed.queue(region, queue).await;
    let get = json!({ "QueueUrl": queue, "AttributeNames": [name] });
    let answer: Value = deployed.aws.json(region, "sqs", "AmazonSQS.GetQueueAttributes", &get).await;
    answer["Attributes"][name].as_str().expect(name).to_owned()
}
