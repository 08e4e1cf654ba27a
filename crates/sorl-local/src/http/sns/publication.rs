//! One message as a publisher sends it, validated as SNS does, and its attributes.
//!
//! Not what Sorl makes of it: a message that is no envelope is accepted here and becomes a dead letter later,
//! as on AWS.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use sorl_core::limits::SNS_BYTES_MAX;

use super::answer::SnsFault;
use super::form::Form;

/// Characters of a subject.
const SUBJECT_LEN_MAX: usize = 100;
/// Characters of an attribute's name or type.
const ATTRIBUTE_NAME_LEN_MAX: usize = 256;

/// A message that SNS accepts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Publication {
    pub(super) message: String,
    pub(super) subject: Option<String>,
    pub(super) attributes: BTreeMap<String, AttributeValue>,
}

/// A message attribute, binary ones as base64.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AttributeValue {
    pub(super) kind: String,
    pub(super) value: String,
}

impl Publication {
    /// Reads the fields that `Publish` and an entry of `PublishBatch` share.
    pub(super) fn read(form: &Form) -> Result<Self, SnsFault> {
        let message = form.text("Message").ok_or_else(|| SnsFault::invalid("Empty message"))?;
        let message = structured(message, form.text("MessageStructure"))?;
        let subject = form.text("Subject").map(subject).transpose()?;
        let attributes = attributes(form)?;
        let publication = Self { message, subject, attributes };
        if publication.size() > SNS_BYTES_MAX {
            return Err(SnsFault::invalid("Message too long"));
        }
        Ok(publication)
    }

    /// Bytes that count towards SNS's limit.
    pub(super) fn size(&self) -> usize {
        let attribute =
            |(name, value): (&String, &AttributeValue)| name.len() + value.kind.len() + value.value.len();
        self.message.len() + self.attributes.iter().map(attribute).sum::<usize>()
    }
}

/// With `MessageStructure=json` the message holds one text for each protocol; queues get `sqs`, or `default`.
fn structured(message: &str, structure: Option<&str>) -> Result<String, SnsFault> {
    match structure {
        None => return Ok(message.to_owned()),
        Some("json") => {}
        Some(_) => return Err(SnsFault::invalid("Message Structure")),
    }
    let texts: BTreeMap<String, Value> = serde_json::from_str(message).map_err(|_not_an_object| {
        SnsFault::invalid("Message Structure - JSON message body failed to parse")
    })?;
    let text = |protocol| texts.get(protocol).and_then(Value::as_str);
    let default = text("default")
        .ok_or_else(|| SnsFault::invalid("Message Structure - No default entry in JSON message body"))?;
    Ok(text("sqs").unwrap_or(default).to_owned())
}

fn subject(text: &str) -> Result<String, SnsFault> {
    let starts_well = text.starts_with(|c: char| c.is_ascii_graphic());
    let valid = starts_well && text.chars().count() <= SUBJECT_LEN_MAX && !text.chars().any(char::is_control);
    if valid { Ok(text.to_owned()) } else { Err(SnsFault::invalid("Subject")) }
}

fn attributes(form: &Form) -> Result<BTreeMap<String, AttributeValue>, SnsFault> {
    let mut attributes = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for entry in form.list("MessageAttributes.entry") {
        let name = entry.text("Name").unwrap_or_default().to_owned();
        if !is_attribute_name(&name) || !seen.insert(name.clone()) {
            return Err(refuse_attribute(&name, "has no valid name, or not its own"));
        }
        let value = attribute_value(&name, &entry)?;
        attributes.insert(name, value);
    }
    Ok(attributes)
}

fn attribute_value(name: &str, entry: &Form) -> Result<AttributeValue, SnsFault> {
    let kind = entry.text("Value.DataType").unwrap_or_default();
    // A custom part may follow, as in `Number.float`; `String.Array` is a type of its own.
    let base = kind.split('.').next().unwrap_or_default();
    let field = if base == "Binary" { "Value.BinaryValue" } else { "Value.StringValue" };
    let value = entry.text(field).ok_or_else(|| {
        refuse_attribute(name, &format!("must contain a non-empty value for its type '{kind}'"))
    })?;
    let valid = match base {
        "String" if kind == "String.Array" => is_array(value),
        "String" => true,
        "Number" => value.trim().parse::<f64>().is_ok_and(f64::is_finite),
        "Binary" => STANDARD.decode(value).is_ok(),
        _ => false,
    };
    if valid && kind.len() <= ATTRIBUTE_NAME_LEN_MAX {
        return Ok(AttributeValue { kind: kind.to_owned(), value: value.to_owned() });
    }
    Err(refuse_attribute(name, &format!("has an invalid value for its type '{kind}'")))
}

fn refuse_attribute(name: &str, fault: &str) -> SnsFault {
    SnsFault::invalid(format_args!("The message attribute '{name}' {fault}"))
}

fn is_attribute_name(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    (1..=ATTRIBUTE_NAME_LEN_MAX).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
        && !name.starts_with('.')
        && !name.ends_with('.')
        && !name.contains("..")
        && !lower.starts_with("aws.")
        && !lower.starts_with("amazon.")
}

fn is_array(text: &str) -> bool {
    let items: Result<Vec<Value>, _> = serde_json::from_str(text);
    items.is_ok_and(|items| items.iter().all(|item| !item.is_object() && !item.is_array()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(fields: &[(&str, &str)]) -> Result<Publication, SnsFault> {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        Publication::read(&Form::parse(body.as_bytes()).unwrap())
    }

    fn with_attribute<'a>(
        name: &'a str,
        kind: &'a str,
        field: &'a str,
        value: &'a str,
    ) -> Vec<(&'a str, &'a str)> {
        vec![
            ("Message", "hello"),
            ("MessageAttributes.entry.1.Name", name),
            ("MessageAttributes.entry.1.Value.DataType", kind),
            (field, value),
        ]
    }

    const STRING: &str = "MessageAttributes.entry.1.Value.StringValue";
    const BINARY: &str = "MessageAttributes.entry.1.Value.BinaryValue";

    #[test]
    fn attributes_of_every_type_are_read() {
        for (kind, field, value) in [
            ("String", STRING, "room:1"),
            ("String.channel", STRING, "room:1"),
            ("String.Array", STRING, r#"["a",1,true,null]"#),
            ("Number", STRING, "-1.5e3"),
            ("Number.int", STRING, "7"),
            ("Binary", BINARY, "aGVsbG8="),
        ] {
            let publication = read(&with_attribute("channel", kind, field, value)).unwrap();
            let attribute = &publication.attributes["channel"];
            assert_eq!((attribute.kind.as_str(), attribute.value.as_str()), (kind, value));
        }
    }

    #[test]
    fn bad_attributes_are_refused() {
        for fields in [
            with_attribute("channel", "Text", STRING, "x"),
            with_attribute("channel", "", STRING, "x"),
            with_attribute("channel", "String", STRING, ""),
            with_attribute("channel", "String", BINARY, "aGVsbG8="),
            with_attribute("channel", "Number", STRING, "many"),
            with_attribute("channel", "String.Array", STRING, "[{}]"),
            with_attribute("channel", "Binary", BINARY, "%%"),
            with_attribute("", "String", STRING, "x"),
            with_attribute("AWS.x", "String", STRING, "x"),
            with_attribute("a b", "String", STRING, "x"),
        ] {
            assert_eq!(read(&fields).unwrap_err().code, "InvalidParameter", "{fields:?}");
        }
    }

    #[test]
    fn an_empty_message_is_refused_and_a_large_one_too() {
        assert_eq!(read(&[]).unwrap_err().message, "Invalid parameter: Empty message");
        let largest = "x".repeat(SNS_BYTES_MAX);
        assert!(read(&[("Message", &largest)]).is_ok());
        let larger = format!("{largest}x");
        assert_eq!(read(&[("Message", &larger)]).unwrap_err().message, "Invalid parameter: Message too long");
    }

    #[test]
    fn a_structured_message_is_what_queues_get() {
        let message =
            |text| read(&[("Message", text), ("MessageStructure", "json")]).map(|read| read.message);
        assert_eq!(message(r#"{"default":"d","sqs":"s"}"#).unwrap(), "s");
        assert_eq!(message(r#"{"default":"d","email":"e"}"#).unwrap(), "d");
        assert!(message(r#"{"sqs":"s"}"#).is_err() && message("[]").is_err() && message("x").is_err());
    }

    #[test]
    fn a_subject_is_short_plain_text() {
        let subject = |text: &str| read(&[("Message", "m"), ("Subject", text)]).map(|read| read.subject);
        assert_eq!(subject("Hello").unwrap().as_deref(), Some("Hello"));
        assert!(subject(&"s".repeat(101)).is_err() && subject("two\nlines").is_err());
    }
}
