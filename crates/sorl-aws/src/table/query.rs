//! Queries: part of what stands under one key, in order, page by page.
//!
//! A page ends where DynamoDB ends it, after a megabyte, unless a query says how many rows are enough.

use aws_sdk_dynamodb::types::AttributeValue;
use sorl_core::ports::Unavailable;

use super::page::{Page, PageReader};
use super::{Item, Row, Table, fault};

/// Pages that one call of a port may read: tens of megabytes, far more than any row set of Sorl's has, so that a
/// call always ends.
const PAGES_MAX: usize = 64;

/// What a query's answer is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    /// Everything that was acknowledged before.
    Strong,
    /// Perhaps as of a moment ago, at half the price.
    Eventual,
}

/// Rows under one key.
#[derive(Debug, Clone)]
pub(crate) struct Query {
    condition: String,
    names: Vec<(&'static str, &'static str)>,
    values: Item,
    index: Option<&'static str>,
    reading: Reading,
    descending: bool,
    limit: Option<usize>,
    start: Option<Item>,
    projection: Option<&'static str>,
}

impl Query {
    /// Everything under `partition`, ascending.
    pub(crate) fn of(partition: impl Into<String>, reading: Reading) -> Self {
        Self {
            condition: "#pk = :pk".to_owned(),
            names: vec![("#pk", "pk")],
            values: Item::from([(":pk".to_owned(), AttributeValue::S(partition.into()))]),
            index: None,
            reading,
            descending: false,
            limit: None,
            start: None,
            projection: None,
        }
    }

    /// Everything in `index` whose attribute `name` is `value`; an index is never strongly consistent.
    pub(crate) fn of_index(index: &'static str, name: &'static str, value: String) -> Self {
        Self { names: vec![("#pk", name)], index: Some(index), ..Self::of(value, Reading::Eventual) }
    }

    /// Only the row with this sort key.
    pub(crate) fn only(self, sort: &str) -> Self {
        self.bounded("#sk = :sk", &[(":sk", sort)])
    }

    /// Only rows whose sort keys lie between these, both included.
    pub(crate) fn between(self, from: &str, to: &str) -> Self {
        self.bounded("#sk BETWEEN :from AND :to", &[(":from", from), (":to", to)])
    }

    fn bounded(mut self, condition: &str, values: &[(&str, &str)]) -> Self {
        self.condition.push_str(" AND ");
        self.condition.push_str(condition);
        self.names.push(("#sk", "sk"));
        let values =
            values.iter().map(|(name, value)| ((*name).to_owned(), AttributeValue::S((*value).to_owned())));
        self.values.extend(values);
        self
    }

    pub(crate) fn descending(self, descending: bool) -> Self {
        Self { descending, ..self }
    }

    /// No more rows in a page than this.
    pub(crate) fn at_most(self, limit: usize) -> Self {
        Self { limit: Some(limit), ..self }
    }

    /// Only these attributes: an expression over the `#name`s that `names` defines. What a read costs stays the same,
    /// what comes and must be parsed does not.
    pub(crate) fn projected(
        mut self,
        expression: &'static str,
        names: &[(&'static str, &'static str)],
    ) -> Self {
        self.names.extend_from_slice(names);
        Self { projection: Some(expression), ..self }
    }

    /// Only what lies behind this key, in the query's order.
    pub(crate) fn behind(self, start: Option<Item>) -> Self {
        Self { start, ..self }
    }
}

impl Table {
    /// The query's pages, from the first one on.
    pub(crate) const fn pages(&self, query: Query) -> Pages<'_> {
        Pages { table: self, next: Some(query), read: 0 }
    }

    /// All rows.
    pub(crate) async fn all(&self, query: Query) -> Result<Vec<Row>, Unavailable> {
        let mut pages = self.pages(query);
        let mut rows = Vec::new();
        while let Some(page) = pages.next().await? {
            rows.extend(page);
        }
        Ok(rows)
    }

    async fn query(&self, query: Query) -> Result<(Vec<Row>, Option<Item>), Unavailable> {
        let mut request = self
            .client
            .query()
            .table_name(&self.name)
            .set_index_name(query.index.map(str::to_owned))
            .key_condition_expression(query.condition)
            .set_expression_attribute_values(Some(query.values))
            .consistent_read(query.reading == Reading::Strong)
            .scan_index_forward(!query.descending)
            .set_limit(query.limit.map(|limit| i32::try_from(limit).unwrap_or(i32::MAX)))
            .set_exclusive_start_key(query.start)
            .set_projection_expression(query.projection.map(str::to_owned));
        for (name, attribute) in query.names {
            request = request.expression_attribute_names(name, attribute);
        }
        let reader = PageReader::default();
        let answer = Box::pin(request.customize().interceptor(reader.clone()).send()).await;
        answer.map_err(|fault| fault::unavailable(self.port, "Query", &fault))?;
        let Page { items, last_evaluated_key } = reader.page();
        Ok((items, last_evaluated_key.map(Row::into_item).filter(|key| !key.is_empty())))
    }
}

/// A query under way.
#[derive(Debug)]
pub(crate) struct Pages<'a> {
    table: &'a Table,
    next: Option<Query>,
    read: usize,
}

impl Pages<'_> {
    /// The next page's rows, perhaps none of them; `None` at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<Row>>, Unavailable> {
        let Some(query) = self.next.take() else { return Ok(None) };
        if self.read == PAGES_MAX {
            return Err(self.table.unavailable(format!("Query: more than {PAGES_MAX} pages")));
        }
        let (rows, next) = self.table.query(query.clone()).await?;
        self.read += 1;
        self.next = next.map(|start| query.behind(Some(start)));
        Ok(Some(rows))
    }

    /// The key behind which the next page starts; `None` at the end.
    pub(crate) fn rest(&self) -> Option<Row> {
        self.next.as_ref().and_then(|query| query.start.clone()).map(Row::new)
    }
}
