//! A DynamoDB table as the registry and the log use one: put, delete and query, each one request.
//!
//! Not a general client: there is no get, update, scan or transaction, because no role has the right to them.
//! The invariant: every failure comes out as `Unavailable` of the table's port with a text that says which request
//! failed and why, and holds nothing of any item.
//!
//! The SDK's client owns the retries and the time-out of each request; nothing here repeats one. A call of several
//! requests has a time-out of its own. Requests are boxed, since the SDK's futures have many kilobytes.

mod fault;
mod item;
mod page;
mod query;
#[cfg(test)]
pub(crate) mod recorded;

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{BuildError, SdkError};
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{PutRequest, ReturnValue, ReturnValuesOnConditionCheckFailure, WriteRequest};
use sorl_core::ports::Unavailable;
use tokio::time::{Instant, timeout_at};

pub(crate) use item::{Item, ItemBuilder, Row};
pub(crate) use query::{Query, Reading};

/// Longest that a call of a port may take: two requests that are given up, and half of what a command has in all.
const CALL_MAX: Duration = Duration::from_secs(15);

/// When a call that begins now must be over.
pub(crate) fn call_ends_at() -> Instant {
    Instant::now() + CALL_MAX
}

/// One table, for one port.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    client: Client,
    name: String,
    port: &'static str,
}

/// What must hold for a put: an expression over `#name`s of attributes and `:name`s of values.
#[derive(Debug, Clone)]
pub(crate) struct Condition {
    pub(crate) expression: &'static str,
    /// `#name` → attribute.
    pub(crate) names: Vec<(&'static str, &'static str)>,
    /// `:name` → value, in the form of an item.
    pub(crate) values: Item,
}

/// What came of a conditional put.
#[derive(Debug)]
pub(crate) enum Put {
    /// The condition held.
    Done,
    /// It did not, because of the row that stands.
    Refused(Row),
}

impl Table {
    pub(crate) const fn new(client: Client, name: String, port: &'static str) -> Self {
        Self { client, name, port }
    }

    /// A failure of this table's port.
    pub(crate) fn unavailable(&self, why: impl Into<String>) -> Unavailable {
        Unavailable::new(self.port, why.into())
    }

    /// Gives `call`, which makes several requests, its time.
    pub(crate) async fn in_time<T>(
        &self,
        call: impl Future<Output = Result<T, Unavailable>> + Send,
    ) -> Result<T, Unavailable> {
        self.until(call_ends_at(), call).await
    }

    /// Gives `call` until then.
    pub(crate) async fn until<T>(
        &self,
        ends_at: Instant,
        call: impl Future<Output = Result<T, Unavailable>> + Send,
    ) -> Result<T, Unavailable> {
        let answer = timeout_at(ends_at, call).await;
        answer.unwrap_or_else(|_elapsed| {
            Err(self.unavailable(format!("no answer in {} s", CALL_MAX.as_secs())))
        })
    }

    /// Writes a row; returns the one that stood there.
    pub(crate) async fn put(&self, item: Item) -> Result<Option<Row>, Unavailable> {
        let put = self.client.put_item().table_name(&self.name).set_item(Some(item));
        let put = Box::pin(put.return_values(ReturnValue::AllOld).send()).await;
        let put = put.map_err(|fault| fault::unavailable(self.port, "PutItem", &fault))?;
        Ok(put.attributes.map(Row::new))
    }

    /// Writes a row if `condition` holds. A refusal tells the row that stands, which saves reading it.
    pub(crate) async fn put_if(&self, item: Item, condition: Condition) -> Result<Put, Unavailable> {
        let mut put = self
            .client
            .put_item()
            .table_name(&self.name)
            .set_item(Some(item))
            .condition_expression(condition.expression)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        for (name, attribute) in condition.names {
            put = put.expression_attribute_names(name, attribute);
        }
        if !condition.values.is_empty() {
            put = put.set_expression_attribute_values(Some(condition.values));
        }
        match Box::pin(put.send()).await {
            Ok(_) => Ok(Put::Done),
            Err(fault) => match refusal(&fault) {
                Some(row) => Ok(Put::Refused(row)),
                None => Err(fault::unavailable(self.port, "PutItem", &fault)),
            },
        }
    }

    /// Deletes a row; returns it if it stood.
    pub(crate) async fn delete(&self, key: Item) -> Result<Option<Row>, Unavailable> {
        let delete = self.client.delete_item().table_name(&self.name).set_key(Some(key));
        let delete = Box::pin(delete.return_values(ReturnValue::AllOld).send()).await;
        let delete = delete.map_err(|fault| fault::unavailable(self.port, "DeleteItem", &fault))?;
        Ok(delete.attributes.map(Row::new))
    }

    /// Writes up to 25 rows of different keys; returns those that DynamoDB did not get to.
    pub(crate) async fn put_batch(&self, items: Vec<Item>) -> Result<Vec<Row>, Unavailable> {
        let writes: Result<Vec<_>, _> = items.into_iter().map(write).collect();
        let writes = writes.map_err(|fault| Unavailable::new(self.port, fault))?;
        let batch = self.client.batch_write_item().request_items(&self.name, writes);
        let batch = Box::pin(batch.send())
            .await
            .map_err(|fault| fault::unavailable(self.port, "BatchWriteItem", &fault))?;
        let left = batch.unprocessed_items.unwrap_or_default().into_values().flatten();
        Ok(left.map(|write| write.put_request.map(|put| Row::new(put.item)).unwrap_or_default()).collect())
    }
}

fn write(item: Item) -> Result<WriteRequest, BuildError> {
    let put = PutRequest::builder().set_item(Some(item)).build()?;
    Ok(WriteRequest::builder().put_request(put).build())
}

/// The row because of which a condition did not hold.
fn refusal<R>(fault: &SdkError<PutItemError, R>) -> Option<Row> {
    match fault.as_service_error()? {
        PutItemError::ConditionalCheckFailedException(refused) => {
            Some(Row::new(refused.item.clone().unwrap_or_default()))
        }
        _ => None,
    }
}
