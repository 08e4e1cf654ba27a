//! Items: written attribute by attribute, read as rows whose attributes may be missing or of another kind.

use std::collections::HashMap;
use std::fmt;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
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
pub(crate) struct Row(Vec<(Box<str>, Attribute)>);

/// What Sorl writes. Anything else is as good as absent, and not even kept.
#[derive(Debug, Clone)]
enum Attribute {
    Text(String),
    Number(String),
}

impl Row {
    pub(crate) fn new(item: Item) -> Self {
        let attributes = item.into_iter().filter_map(|(name, value)| {
            let attribute = match value {
                AttributeValue::S(text) => Attribute::Text(text),
                AttributeValue::N(number) => Attribute::Number(number),
                _ => return None,
            };
            Some((name.into_boxed_str(), attribute))
        });
        Self(attributes.collect())
    }

    /// The row as the SDK takes it.
    pub(super) fn into_item(self) -> Item {
        let attributes = self.0.into_iter().map(|(name, attribute)| {
            let value = match attribute {
                Attribute::Text(text) => AttributeValue::S(text),
                Attribute::Number(number) => AttributeValue::N(number),
            };
            (name.into_string(), value)
        });
        attributes.collect()
    }

    fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.0.iter().find(|(known, _)| **known == *name).map(|(_, attribute)| attribute)
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        match self.attribute(name)? {
            Attribute::Text(text) => Some(text),
            Attribute::Number(_) => None,
        }
    }

    pub(crate) fn number<N: std::str::FromStr>(&self, name: &str) -> Option<N> {
        match self.attribute(name)? {
            Attribute::Number(number) => number.parse().ok(),
            Attribute::Text(_) => None,
        }
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

/// DynamoDB's JSON, in which each value is an object that names its kind: `{"sk":{"S":"…"},"since":{"N":"17…"}}`.
impl<'de> Deserialize<'de> for Row {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Attributes;
        impl<'de> Visitor<'de> for Attributes {
            type Value = Row;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("attributes by name")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Row, M::Error> {
                let mut attributes = Vec::with_capacity(ATTRIBUTES);
                while let Some((name, value)) = map.next_entry::<Box<str>, Value>()? {
                    attributes.extend(value.0.map(|attribute| (name, attribute)));
                }
                Ok(Row(attributes))
            }
        }
        deserializer.deserialize_map(Attributes)
    }
}

/// As many attributes as a member's row has, as an audience is read.
const ATTRIBUTES: usize = 4;

/// An attribute, unless it is of a kind that Sorl does not write.
struct Value(Option<Attribute>);

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        enum Kind {
            S,
            N,
            #[serde(other)]
            Other,
        }
        struct Tagged;
        impl<'de> Visitor<'de> for Tagged {
            type Value = Value;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value under the name of its kind")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Value, M::Error> {
                let mut attribute = None;
                while let Some(kind) = map.next_key()? {
                    match kind {
                        Kind::S => attribute = Some(Attribute::Text(map.next_value()?)),
                        Kind::N => attribute = Some(Attribute::Number(map.next_value()?)),
                        Kind::Other => drop(map.next_value::<IgnoredAny>()?),
                    }
                }
                Ok(Value(attribute))
            }
        }
        deserializer.deserialize_map(Tagged)
    }
}
