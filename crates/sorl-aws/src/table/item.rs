//! Items: written attribute by attribute, read as rows whose attributes may be missing or of another kind.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use sorl_core::time::Timestamp;

/// Attributes by name, as the SDK takes them.
pub(crate) type Item = HashMap<String, AttributeValue>;

/// The attribute by which DynamoDB collects rows, in seconds; days late, so that nobody reads it.
const COLLECTED_AT: &str = "expires_at";
/// The same in milliseconds: what readers go by.
const EXPIRES_MS: &str = "expires_ms";

/// An item under construction.
#[derive(Debug, Default)]
pub(crate) struct ItemBuilder(Item);

impl ItemBuilder {
    /// An item with the key of a row.
    pub(crate) fn keyed(partition: impl Into<String>, sort: impl Into<String>) -> Self {
        Self::default().text("pk", partition).text("sk", sort)
    }

    pub(crate) fn text(mut self, name: &str, value: impl Into<String>) -> Self {
        self.0.insert(name.to_owned(), AttributeValue::S(value.into()));
        self
    }

    pub(crate) fn number(mut self, name: &str, value: u64) -> Self {
        self.0.insert(name.to_owned(), AttributeValue::N(value.to_string()));
        self
    }

    pub(crate) fn time(self, name: &str, value: Timestamp) -> Self {
        self.number(name, value.as_millis())
    }

    /// When the row counts as gone, and may be collected.
    pub(crate) fn expiring(self, at: Timestamp) -> Self {
        self.expiring_not_before(at, at)
    }

    /// As [`Self::expiring`], collected no earlier than `floor`: DynamoDB never collects what expired more than
    /// five years ago, so a row that is written as expired must not say so with a time that means nothing.
    pub(crate) fn expiring_not_before(self, at: Timestamp, floor: Timestamp) -> Self {
        self.time(EXPIRES_MS, at).number(COLLECTED_AT, at.max(floor).as_secs_ceil())
    }

    pub(crate) fn build(self) -> Item {
        self.0
    }
}

/// An item that was read. What it holds was perhaps written by another version, so nothing in it is certain.
#[derive(Debug, Clone, Default)]
pub(crate) struct Row(Item);

impl Row {
    pub(crate) const fn new(item: Item) -> Self {
        Self(item)
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_s().ok().map(String::as_str)
    }

    pub(crate) fn number<N: std::str::FromStr>(&self, name: &str) -> Option<N> {
        self.0.get(name)?.as_n().ok()?.parse().ok()
    }

    pub(crate) fn time(&self, name: &str) -> Option<Timestamp> {
        self.number(name).map(Timestamp::from_millis)
    }

    /// When the row counts as gone.
    pub(crate) fn expires_at(&self) -> Option<Timestamp> {
        self.time(EXPIRES_MS)
    }

    pub(crate) fn partition_key(&self) -> Option<&str> {
        self.text("pk")
    }

    pub(crate) fn sort_key(&self) -> Option<&str> {
        self.text("sk")
    }
}
