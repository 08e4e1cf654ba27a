//! Marked messages and tokens, sent along every way there is, good and bad: what must not stand in any log, error,
//! reason or metric afterwards.

use serde_json::{Value, json};

use crate::frame::{has_message_of, text};
use crate::sns;
use crate::socket::Socket;
use crate::stage::Stage;

/// In every text that somebody publishes.
const MESSAGE: &str = "MarkedMessage";
/// In every token that is no good.
pub const TOKEN: &str = "MarkedToken";
/// Dead letters that [`Marks::publish_to_die`] makes of each region.
pub const DYING: usize = 6;

/// What must not be found.
pub struct Marks(Vec<String>);

impl Marks {
    /// Those that are sent from here, and what is secret of this token.
    #[must_use]
    pub fn of(token: &str) -> Self {
        let parts = token.split('.').skip(1).map(str::to_owned);
        Self([MESSAGE, TOKEN].map(str::to_owned).into_iter().chain(parts).collect())
    }

    /// Looks for the marks in a text.
    ///
    /// # Panics
    /// If one is found: `what` says in what.
    pub fn check(&self, what: &str, text: &str) {
        for mark in &self.0 {
            let line = text.lines().find(|line| line.contains(mark.as_str()));
            assert!(line.is_none(), "{what} has {mark}: {line:?}");
        }
    }

    /// Checks the reasons of dead letters.
    pub fn check_reasons(&self, letters: &[Value]) {
        for letter in letters {
            self.check("the reason of a dead letter", &text(&letter["reason"]));
        }
    }

    /// Publishes as a member, from inside and outside, and reads it back.
    pub async fn publish_well(&self, stage: &Stage, member: &mut Socket, channel: &str) {
        let data = format!("{MESSAGE} says hello");
        member.publish(channel, data.clone()).await;
        member.message(channel, data.clone()).await;
        let history = member.result(json!({"action": "history", "channel": channel})).await;
        assert_eq!(history["messages"][0]["data"], data.as_str(), "who may read it does");
        stage.publish_text(stage.three()[0], channel, &data).await;
        member.frame("the message from outside", |frame| has_message_of(frame, channel)).await;
    }

    /// Sends frames that are refused, and checks their errors.
    pub async fn send_badly(&self, member: &mut Socket, channel: &str) {
        for bad in bad_frames(channel) {
            member.send_text(&bad).await;
            let error = member.frame(&bad, |frame| frame["type"] == "error").await;
            self.check(&bad, &error.to_string());
        }
    }

    /// Publishes from outside what can only die, in the first region.
    pub async fn publish_to_die(&self, stage: &Stage, channel: &str) {
        let region = stage.three()[0];
        let topic = stage.region(region).topic.clone();
        for dying in [
            MESSAGE.to_owned(),
            format!(r#"{{"channel":"{channel}","data":"{MESSAGE}","ephemeral":"{MESSAGE}"}}"#),
            format!(r#"{{"channel":["{MESSAGE}"],"data":1}}"#),
            format!(r#"{{"channel":"{channel}","data":"{MESSAGE}","key":"{}"}}"#, "k".repeat(99)),
            format!(r#"{{"channel":"{channel}","data":1,"user":"{MESSAGE} !"}}"#),
        ] {
            sns::accepted(&stage.publish_to(&topic, &dying, None).await);
        }
        let order = format!(r#"{{"control":"{MESSAGE}","user":["{MESSAGE}"]}}"#);
        sns::accepted(&stage.publish_to(&stage.sibling(region, "control"), &order, None).await);
    }

    /// Calls of SNS that are refused, as bodies.
    #[must_use]
    pub fn refused_calls() -> [String; 3] {
        let publish = [("Action", "Publish"), ("TopicArn", "arn:aws:sns:x:0:nowhere"), ("Message", MESSAGE)];
        let form = crate::http::form;
        [form(&publish), form(&[("Action", "Publish"), ("Message", MESSAGE)]), format!("{{\"{MESSAGE}\":1}}")]
    }
}

fn bad_frames(channel: &str) -> Vec<String> {
    vec![
        format!(r#"{{"id":1,"action":"publish","channel":"{channel}","data":"{MESSAGE}""#),
        format!(r#"{{"id":"{MESSAGE}","action":"ping"}}"#),
        format!(r#"{{"id":1,"action":"{MESSAGE}"}}"#),
        format!(r#"{{"id":1,"action":"publish","channel":"{MESSAGE} #","data":1}}"#),
        format!(r#"{{"id":1,"action":"publish","channel":"none:1","data":"{MESSAGE}"}}"#),
        format!(r#"{{"id":1,"action":"publish","channel":"{channel}","data":1,"key":["{MESSAGE}"]}}"#),
        format!(
            r#"{{"id":1,"action":"publish","channel":"{channel}","data":1,"key":"{}"}}"#,
            MESSAGE.repeat(9)
        ),
        format!(r#"{{"id":1,"action":"publish","channel":"{channel}","ephemeral":"{MESSAGE}","data":1}}"#),
        format!(
            r#"{{"id":1,"action":"history","channel":"{channel}","since":"{MESSAGE}","limit":"{MESSAGE}"}}"#
        ),
        format!("\"{MESSAGE}\""),
        MESSAGE.to_owned(),
    ]
}
