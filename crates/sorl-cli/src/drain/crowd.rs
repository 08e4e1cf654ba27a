//! Who is connected to a region: every connection has a row in its user's personal channel.
//!
//! Only asks. The invariant: what a page cut off is read on, so nobody is overlooked who was there throughout.

use anyhow::Context as _;
use aws_sdk_dynamodb::types::AttributeValue;
use futures::future::try_join_all;
use sorl_core::envelope::Departing;
use sorl_core::ids::ConnectionId;
use sorl_core::names::UserName;
use sorl_core::region::Region;
use sorl_core::time::Timestamp;

use crate::clock;
use crate::target::{DevServer, Place, Target, told};

/// Parts of the table that are read side by side: each gives a megabyte at a time, some 4,000 rows.
const SEGMENTS: i32 = 8;

/// The connections of one region.
pub(super) enum Crowd {
    Dev { server: DevServer, region: Region },
    Table { client: aws_sdk_dynamodb::Client, table: String, region: Region },
}

impl Crowd {
    /// Those of `region`; nobody is asked yet.
    pub(super) async fn of(target: &Target, region: &Region) -> Self {
        let region = region.clone();
        match &target.place {
            Place::Dev(server) => Self::Dev { server: server.clone(), region },
            Place::Stage(stage) => Self::Table {
                client: aws_sdk_dynamodb::Client::new(&stage.aws(&region).await),
                table: stage.resource("connections"),
                region,
            },
        }
    }

    /// All that are open now, as far as the table knows.
    pub(super) async fn open(&self) -> anyhow::Result<Vec<Departing>> {
        match self {
            Self::Dev { server, region } => server.get(&format!("/regions/{region}/connections")).await,
            Self::Table { client, table, region } => {
                let parts = (0..SEGMENTS).map(|segment| scan(client, table, region, segment));
                Ok(try_join_all(parts).await?.concat())
            }
        }
    }
}

/// One part of the table, from its beginning to its end.
async fn scan(
    client: &aws_sdk_dynamodb::Client,
    table: &str,
    region: &Region,
    segment: i32,
) -> anyhow::Result<Vec<Departing>> {
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let request = client.scan().table_name(table).segment(segment).total_segments(SEGMENTS);
        // Only rows of members have the attribute `connection`; those of personal channels are the connections.
        let request = request
            .filter_expression(
                "begins_with(pk, :personal) AND begins_with(#connection, :region) AND #expires > :now",
            )
            .projection_expression("sk, #user, #since")
            .expression_attribute_names("#connection", "connection")
            .expression_attribute_names("#expires", "expires_ms")
            .expression_attribute_names("#user", "user")
            .expression_attribute_names("#since", "since")
            .expression_attribute_values(":personal", AttributeValue::S("@".to_owned()))
            .expression_attribute_values(":region", AttributeValue::S(format!("{region}#")))
            .expression_attribute_values(":now", AttributeValue::N(clock::now().as_millis().to_string()))
            .consistent_read(true)
            .set_exclusive_start_key(after);
        let page =
            request.send().await.map_err(told).with_context(|| format!("the table {table} in {region}"))?;
        found.extend(page.items().iter().filter_map(departing));
        match page.last_evaluated_key {
            Some(next) if !next.is_empty() => after = Some(next),
            _ => return Ok(found),
        }
    }
}

/// A row that cannot be read names nobody who could be sent away; it expires.
fn departing(row: &std::collections::HashMap<String, AttributeValue>) -> Option<Departing> {
    let text = |name: &str| row.get(name)?.as_s().ok();
    let since = row.get("since")?.as_n().ok()?.parse().ok()?;
    Some(Departing {
        connection: ConnectionId::parse(text("sk")?).ok()?,
        user: UserName::parse(text("user")?).ok()?,
        since: Timestamp::from_millis(since),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn a_connections_row_is_read_and_another_passed_over() {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let mut row = HashMap::from([
            ("sk".to_owned(), text("L0SM9cOFvHcCIhw=")),
            ("user".to_owned(), text("alice")),
            ("since".to_owned(), AttributeValue::N("1764000000000".to_owned())),
        ]);
        let read = departing(&row).unwrap();
        assert_eq!((read.user.as_str(), read.since.as_millis()), ("alice", 1_764_000_000_000));
        row.insert("since".to_owned(), text("yesterday"));
        assert_eq!(departing(&row), None);
    }
}
