//! One region's messages table: a user's rows found, and deleted.
//!
//! Not the log's adapter, whose roles may not delete. The invariant: a row is deleted only after it was read as a
//! message of his, or of his personal channel.

use std::collections::HashMap;

use anyhow::Context as _;
use aws_sdk_dynamodb::types::{AttributeValue, DeleteRequest, WriteRequest};
use sorl_core::message::Message;
use sorl_core::names::ChannelName;
use sorl_core::region::Region;

use super::Wanted;
use crate::target::{Stage, told};

type Item = HashMap<String, AttributeValue>;

/// Items of one `BatchWriteItem`, as DynamoDB bounds it.
const BATCH_MAX: usize = 25;

/// A page of rows, and where the next one begins.
struct Page {
    rows: Vec<Item>,
    next: Option<Item>,
}

/// One region's log.
pub(super) struct Log {
    client: aws_sdk_dynamodb::Client,
    table: String,
    region: Region,
}

impl Log {
    pub(super) async fn of(stage: &Stage, region: &Region) -> Self {
        let client = aws_sdk_dynamodb::Client::new(&stage.aws(region).await);
        Self { client, table: stage.resource("messages"), region: region.clone() }
    }

    /// Counts, or erases, what is wanted; how many messages.
    pub(super) async fn each(&self, wanted: &Wanted<'_>, erase: bool) -> anyhow::Result<usize> {
        let mut count = 0;
        for channel in &wanted.channels {
            count += self.of_channel(channel, wanted, erase).await?;
        }
        if wanted.everywhere {
            count += self.of_all(wanted, erase).await?;
        }
        Ok(count)
    }

    async fn of_channel(
        &self,
        channel: &ChannelName,
        wanted: &Wanted<'_>,
        erase: bool,
    ) -> anyhow::Result<usize> {
        let request = self.client.query().table_name(&self.table).key_condition_expression("pk = :channel");
        let request = request
            .expression_attribute_values(":channel", AttributeValue::S(channel.to_string()))
            .consistent_read(true);
        let page = async |after| {
            let page = request.clone().set_exclusive_start_key(after).send().await.map_err(told)?;
            Ok(Page { rows: page.items.unwrap_or_default(), next: page.last_evaluated_key })
        };
        self.take_all(page, wanted, erase).await
    }

    /// All channels but his own, which was looked at before.
    async fn of_all(&self, wanted: &Wanted<'_>, erase: bool) -> anyhow::Result<usize> {
        let own = AttributeValue::S(ChannelName::personal(wanted.user).to_string());
        let request = self.client.scan().table_name(&self.table);
        let request = request
            .filter_expression("pk <> :own AND contains(message, :user)")
            .expression_attribute_values(":own", own)
            // A name needs no escape in JSON; what it is the name of is read below.
            .expression_attribute_values(":user", AttributeValue::S(format!("\"{}\"", wanted.user)));
        let page = async |after| {
            let page = request.clone().set_exclusive_start_key(after).send().await.map_err(told)?;
            Ok(Page { rows: page.items.unwrap_or_default(), next: page.last_evaluated_key })
        };
        self.take_all(page, wanted, erase).await
    }

    /// Page after page, each from where the one before it ended.
    async fn take_all(
        &self,
        page: impl AsyncFn(Option<Item>) -> anyhow::Result<Page>,
        wanted: &Wanted<'_>,
        erase: bool,
    ) -> anyhow::Result<usize> {
        let (mut count, mut after) = (0, None);
        loop {
            let Page { rows, next } = page(after).await.with_context(|| self.place())?;
            count += self.take(&rows, wanted, erase).await?;
            match next {
                Some(next) if !next.is_empty() => after = Some(next),
                _ => return Ok(count),
            }
        }
    }

    async fn take(&self, rows: &[Item], wanted: &Wanted<'_>, erase: bool) -> anyhow::Result<usize> {
        let meant: Vec<_> = rows.iter().filter(|row| is_meant(row, wanted)).filter_map(key).collect();
        if erase {
            for batch in meant.chunks(BATCH_MAX) {
                self.delete(batch).await?;
            }
        }
        Ok(meant.len())
    }

    /// Until DynamoDB has taken all of them.
    async fn delete(&self, keys: &[Item]) -> anyhow::Result<()> {
        let requests: Result<Vec<_>, _> = keys.iter().cloned().map(delete_request).collect();
        let mut rest = HashMap::from([(self.table.clone(), requests?)]);
        while !rest.is_empty() {
            let answer = self.client.batch_write_item().set_request_items(Some(rest)).send().await;
            rest = answer.map_err(told).with_context(|| self.place())?.unprocessed_items.unwrap_or_default();
        }
        Ok(())
    }

    fn place(&self) -> String {
        format!("the table {} in {}", self.table, self.region)
    }
}

fn delete_request(key: Item) -> Result<WriteRequest, aws_sdk_dynamodb::error::BuildError> {
    let request = DeleteRequest::builder().set_key(Some(key)).build()?;
    Ok(WriteRequest::builder().delete_request(request).build())
}

/// Rows of a personal channel are its owner's; elsewhere he must have written them, and Sorl must have verified or
/// been told so. A mark is no message, and names nobody.
fn is_meant(row: &Item, wanted: &Wanted<'_>) -> bool {
    let Some(Ok(text)) = row.get("message").map(AttributeValue::as_s) else { return false };
    let Ok(message) = serde_json::from_str::<Message>(text) else { return false };
    wanted.is_own(&message.channel) || message.user.as_ref() == Some(wanted.user)
}

fn key(row: &Item) -> Option<Item> {
    let part = |name: &str| Some((name.to_owned(), row.get(name)?.clone()));
    Some(Item::from([part("pk")?, part("sk")?]))
}

#[cfg(test)]
mod tests {
    use sorl_core::names::UserName;

    use super::*;

    fn row(channel: &str, user: &str, data: &str) -> Item {
        let id = "019ab2c3-d400-7000-8000-000000000001";
        let message = format!(
            r#"{{"id":"{id}","channel":"{channel}","data":"{data}","user":"{user}","verified":true,"region":"r"}}"#
        );
        let text = |text: &str| AttributeValue::S(text.to_owned());
        Item::from([
            ("pk".to_owned(), text(channel)),
            ("sk".to_owned(), text(id)),
            ("message".to_owned(), text(&message)),
        ])
    }

    #[test]
    fn what_he_wrote_and_what_was_written_to_him_is_meant_and_nothing_else() {
        let bob = UserName::parse("bob").unwrap();
        let wanted = Wanted { user: &bob, channels: Vec::new(), everywhere: true };
        assert!(is_meant(&row("room:1", "bob", "x"), &wanted));
        assert!(is_meant(&row("@bob", "alice", "x"), &wanted));
        assert!(!is_meant(&row("room:1", "alice", "bob"), &wanted), "somebody spoke of him");
        assert!(!is_meant(&row("room:1", "bobby", "x"), &wanted));
        assert!(!is_meant(&Item::new(), &wanted));
        assert_eq!(key(&row("room:1", "bob", "x")).unwrap().len(), 2);
    }
}
