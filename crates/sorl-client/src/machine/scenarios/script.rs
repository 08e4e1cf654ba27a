//! A scenario as it is written: its short forms replaced, its names bound to values as they come.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use sorl_core::ids::{MessageId, Tail};
use sorl_core::time::Timestamp;

/// When every scenario begins, in ms.
pub(super) const START: u64 = 1_764_000_000_000;

/// One scenario.
pub(super) struct Scenario {
    pub(super) client: Value,
    pub(super) steps: Vec<Value>,
}

impl Scenario {
    pub(super) fn read(text: &str) -> Self {
        let mut scenario: Value = serde_json::from_str(text).expect("a scenario is JSON");
        expand(&mut scenario);
        let steps = scenario["steps"].take();
        Self { client: scenario["client"].take(), steps: serde_json::from_value(steps).expect("steps") }
    }
}

/// Replaces the short forms.
fn expand(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Some(id) = message_id(text) {
                *text = id.to_string();
            }
        }
        Value::Array(items) => items.iter_mut().for_each(expand),
        Value::Object(fields) => match fields.get("$text").and_then(Value::as_u64) {
            Some(length) => *value = "x".repeat(usize::try_from(length).unwrap()).into(),
            None => fields.values_mut().for_each(expand),
        },
        _ => {}
    }
}

/// `5#1`: the id of 5 s after the beginning, with the tail 1.
fn message_id(text: &str) -> Option<MessageId> {
    let (second, tail) = text.split_once('#')?;
    let at = START.checked_add_signed(second.parse::<i64>().ok()? * 1_000)?;
    Some(MessageId::new(Timestamp::from_millis(at), 0, Tail::from_bits(tail.parse().ok()?)))
}

/// What the names of a scenario stand for.
#[derive(Default)]
pub(super) struct Names(BTreeMap<String, Value>);

impl Names {
    /// The frame with its names replaced.
    pub(super) fn fill(&self, frame: &Value) -> Value {
        match frame {
            Value::String(text) => self.0.get(text).unwrap_or(frame).clone(),
            Value::Array(items) => items.iter().map(|item| self.fill(item)).collect(),
            Value::Object(fields) => {
                Value::Object(fields.iter().map(|(key, value)| (key.clone(), self.fill(value))).collect())
            }
            _ => frame.clone(),
        }
    }

    /// Whether what came is what was expected; names that are new stand for it from now on.
    pub(super) fn matches(&mut self, expected: &Value, came: &Value) -> bool {
        match (expected, came) {
            (Value::String(name), _) if name.starts_with('$') => {
                // This client's ids and keys are never used twice.
                let taken = self.0.iter().any(|(other, value)| other != name && value == came);
                !taken && self.0.entry(name.clone()).or_insert_with(|| came.clone()) == came
            }
            (Value::Array(expected), Value::Array(came)) => {
                expected.len() == came.len() && expected.iter().zip(came).all(|(a, b)| self.matches(a, b))
            }
            (Value::Object(expected), Value::Object(came)) => self.match_fields(expected, came),
            _ => expected == came,
        }
    }

    fn match_fields(&mut self, expected: &Map<String, Value>, came: &Map<String, Value>) -> bool {
        let matches =
            |(key, value): (&String, &Value)| came.get(key).is_some_and(|came| self.matches(value, came));
        expected.len() == came.len() && expected.iter().all(matches)
    }
}
