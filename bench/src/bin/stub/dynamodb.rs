//! DynamoDB: the audience in pages of its one megabyte, writes that always succeed.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use crate::http::{Request, write};
use crate::lambda::{Stub, now_ms};
use crate::scenario::{channel_name, connection_id, connection_in};

const JSON: &str = "Content-Type: application/x-amz-json-1.0\r\n";
const REGION: &str = "eu-north-1";
/// A query reads so many bytes of items, whatever of them it returns.
const PAGE_BYTES: usize = 1 << 20;
/// How long ago everybody joined, and how long all stay.
const HOUR_MS: u64 = 3_600_000;

/// Pages that were made, by members a channel, channel, first row and attributes. Every invocation, and every turn of
/// a scenario, asks for the same ones, and DynamoDB's own work is not what is measured.
pub(crate) type Pages = HashMap<(usize, usize, usize, String), Vec<u8>>;

pub(crate) fn answer(stub: &mut Stub, request: &Request<'_>, answer: &mut Vec<u8>) {
    let operation = request.target.rsplit('.').next().unwrap_or_default();
    let asked: Value = serde_json::from_slice(request.body).unwrap_or_default();
    let body = match operation {
        "Query" => {
            stub.ledger.counts.queries += 1;
            query(stub, &asked)
        }
        "BatchWriteItem" => {
            stub.ledger.counts.logged += rows_in(&asked);
            br#"{"UnprocessedItems":{}}"#.to_vec()
        }
        "DeleteItem" => {
            let connection = asked.pointer("/Key/sk/S").and_then(Value::as_str).and_then(connection_in);
            stub.ledger.forgotten.extend(connection);
            b"{}".to_vec()
        }
        "PutItem" => b"{}".to_vec(),
        _ => {
            stub.ledger.counts.unknown += 1;
            return write(answer, "400 Bad Request", JSON, br#"{"__type":"UnknownOperationException"}"#);
        }
    };
    write(answer, "200 OK", JSON, &body);
}

fn rows_in(asked: &Value) -> u64 {
    let tables = asked.get("RequestItems").and_then(Value::as_object);
    let rows = tables.into_iter().flat_map(Map::values).filter_map(Value::as_array);
    rows.map(|rows| rows.len() as u64).sum()
}

fn query(stub: &mut Stub, asked: &Value) -> Vec<u8> {
    let values = asked.get("ExpressionAttributeValues").and_then(Value::as_object);
    let text = values
        .into_iter()
        .flat_map(Map::values)
        .find_map(|value| value.get("S")?.as_str())
        .unwrap_or_default();
    let projection = projection(asked);
    if asked.get("IndexName").is_some() {
        let connection = text.rsplit('#').next().and_then(connection_in);
        let rows = connection
            .map(|connection| row(connection / stub.scenario.members.max(1), connection, &projection));
        return page(rows.as_slice(), None);
    }
    let channel = text.strip_suffix("#0").and_then(|text| text.strip_suffix(REGION)?.strip_suffix('#'));
    let Some(channel) = channel.and_then(|name| stub.scenario.channel_named(name)) else {
        return page(&[], None);
    };
    let start = asked.pointer("/ExclusiveStartKey/sk/S").and_then(Value::as_str).and_then(connection_in);
    let members = channel * stub.scenario.members..(channel + 1) * stub.scenario.members;
    let start = start.map_or(members.start, |start| start + 1);
    if !stub.ledger.forgotten.is_empty() {
        return audience(stub, channel, start, members.end, &projection);
    }
    let key = (stub.scenario.members, channel, start, projection.join(","));
    if let Some(known) = stub.pages.get(&key) {
        return known.clone();
    }
    let made = audience(stub, channel, start, members.end, &projection);
    stub.pages.insert(key, made.clone());
    made
}

/// The attributes that are asked for, by their own names; none: all.
fn projection(asked: &Value) -> Vec<String> {
    let names = asked.get("ExpressionAttributeNames");
    let named = |name: &str| names.and_then(|names| names.get(name)?.as_str()).unwrap_or(name).to_owned();
    let expression = asked.get("ProjectionExpression").and_then(Value::as_str);
    expression.into_iter().flat_map(|text| text.split(',')).map(|name| named(name.trim())).collect()
}

/// One page of a channel's members from `start` on.
fn audience(stub: &Stub, channel: usize, start: usize, end: usize, projection: &[String]) -> Vec<u8> {
    let rows_a_page = PAGE_BYTES / bytes(&row(channel, start, &[]));
    let stop = end.min(start + rows_a_page);
    let there = (start..stop).filter(|connection| !stub.ledger.forgotten.contains(connection));
    let rows: Vec<_> = there.map(|connection| row(channel, connection, projection)).collect();
    page(&rows, (stop < end).then(|| key(channel, stop - 1)))
}

fn page(rows: &[Value], last: Option<Value>) -> Vec<u8> {
    let mut page = json!({ "Count": rows.len(), "ScannedCount": rows.len(), "Items": rows });
    if let (Some(last), Some(page)) = (last, page.as_object_mut()) {
        page.insert("LastEvaluatedKey".to_owned(), last);
    }
    page.to_string().into_bytes()
}

fn key(channel: usize, connection: usize) -> Value {
    json!({
        "pk": { "S": format!("{}#{REGION}#0", channel_name(channel)) },
        "sk": { "S": connection_id(connection) },
    })
}

/// A member's row as `subscribe` writes it, or the attributes of it that are asked for.
fn row(channel: usize, connection: usize, projection: &[String]) -> Value {
    let now = now_ms();
    let mut row = key(channel, connection);
    if let Some(row) = row.as_object_mut() {
        let text = |text: String| json!({ "S": text });
        let number = |number: u64| json!({ "N": number.to_string() });
        row.insert("user".to_owned(), text(format!("user-{connection}")));
        row.insert("since".to_owned(), number(now - HOUR_MS));
        row.insert("connection".to_owned(), text(format!("{REGION}#{}", connection_id(connection))));
        row.insert("expires_ms".to_owned(), number(now + HOUR_MS));
        row.insert("expires_at".to_owned(), number((now + HOUR_MS) / 1_000));
        row.retain(|name, _| projection.is_empty() || projection.iter().any(|wanted| wanted == name));
    }
    row
}

/// What DynamoDB counts of a row: names and values; a number takes a byte for two digits, and one more.
fn bytes(row: &Value) -> usize {
    let attributes = row.as_object().into_iter().flatten();
    let size = |value: &Value| match (value.get("S"), value.get("N")) {
        (Some(Value::String(text)), _) => text.len(),
        (_, Some(Value::String(digits))) => digits.len().div_ceil(2) + 1,
        _ => 0,
    };
    attributes.map(|(name, value)| name.len() + size(value)).sum()
}
