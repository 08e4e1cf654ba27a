//! Connections that are in the table and nowhere else, as one is whose `$disconnect` never came.
//!
//! Made from the row that a real one left, so that nothing here knows what a row looks like but its keys.

use std::time::Duration;

use serde_json::{Value, json};
use sorl_tests::names::{now, unique};
use sorl_tests::socket::Socket;
use sorl_tests::stage::Stage;

/// A connection that nobody holds.
pub(crate) struct Ghost {
    region: String,
    id: String,
    /// Who it was.
    pub(crate) user: String,
}

impl Ghost {
    /// One that joined these channels so long ago.
    pub(crate) async fn in_channels(stage: &Stage, region: &str, channels: &[&str], age: Duration) -> Self {
        let user = unique("ghost");
        let mut real = stage.connect(region, &user).await;
        let mut rows = Vec::new();
        for channel in channels {
            real.subscribe(channel).await;
            rows.push(row(stage, region, channel, &user).await);
        }
        let id = another(rows[0]["sk"]["S"].as_str().unwrap());
        end(real, stage, region, channels, &user).await;
        let ghost = Self { region: region.to_owned(), id, user };
        for row in rows {
            ghost.haunt(stage, row, age).await;
        }
        ghost
    }

    async fn haunt(&self, stage: &Stage, mut row: Value, age: Duration) {
        row["sk"] = json!({ "S": self.id });
        row["connection"] = json!({ "S": format!("{}#{}", self.region, self.id) });
        row["since"] = json!({ "N": now().minus(age).as_millis().to_string() });
        let put = json!({ "TableName": table(stage), "Item": row });
        stage.deployed().aws.json(&self.region, "dynamodb", "DynamoDB_20120810.PutItem", &put).await;
    }

    /// How many rows it still has.
    pub(crate) async fn rows(&self, stage: &Stage) -> usize {
        let query = json!({
            "TableName": table(stage), "IndexName": "by-connection",
            "KeyConditionExpression": "#c = :c",
            "ExpressionAttributeNames": { "#c": "connection" },
            "ExpressionAttributeValues": { ":c": { "S": format!("{}#{}", self.region, self.id) } },
        });
        let answer =
            stage.deployed().aws.json(&self.region, "dynamodb", "DynamoDB_20120810.Query", &query).await;
        answer["Items"].as_array().unwrap().len()
    }
}

fn table(stage: &Stage) -> String {
    format!("sorl-{}-connections", stage.deployed().stage)
}

/// An id of the same form that no connection has.
fn another(id: &str) -> String {
    let turned =
        id.chars().map(|c| if c.is_ascii_digit() { char::from(b'a' + (c as u8 - b'0') % 6) } else { c });
    turned.collect::<String>().replacen(|c: char| c.is_ascii_alphabetic(), "f", 3)
}

async fn members(stage: &Stage, region: &str, channel: &str) -> Vec<Value> {
    let query = json!({
        "TableName": table(stage), "ConsistentRead": true,
        "KeyConditionExpression": "pk = :pk",
        "ExpressionAttributeValues": { ":pk": { "S": format!("{channel}#{region}#0") } },
    });
    let answer = stage.deployed().aws.json(region, "dynamodb", "DynamoDB_20120810.Query", &query).await;
    answer["Items"].as_array().unwrap().clone()
}

pub(crate) async fn row(stage: &Stage, region: &str, channel: &str, user: &str) -> Value {
    let rows = members(stage, region, channel).await;
    rows.into_iter().find(|row| row["user"]["S"] == user).expect("the row of a member")
}

/// Ends a connection and waits until it is forgotten.
async fn end(socket: Socket, stage: &Stage, region: &str, channels: &[&str], user: &str) {
    socket.close().await;
    for channel in channels {
        sorl_tests::eventually("a connection that ended is forgotten", async || {
            let rows = members(stage, region, channel).await;
            rows.iter().all(|row| row["user"]["S"] != user).then_some(())
        })
        .await;
    }
}
