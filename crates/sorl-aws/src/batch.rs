//! What the batches of SNS and SQS have in common: several under way at a time, and which items of them failed.
//!
//! Not how items become batches (`sorl_core::batch`). The invariant: an item is done only if AWS named it as done.

use std::collections::BTreeSet;
use std::future::Future;

use futures::{StreamExt, stream};
use sorl_core::batch::Batches;
use sorl_core::ports::{Partial, Unavailable};

/// Batches under way at a time: a mass audience's slices go out in a second, and no throttle is run into.
const IN_FLIGHT_MAX: usize = 8;

/// What came of one batch: the ids that AWS acknowledged, and why the others failed.
pub(crate) struct Outcome {
    pub(crate) done: BTreeSet<String>,
    pub(crate) fault: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Outcome {
    /// The whole batch failed.
    pub(crate) fn failed(fault: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { done: BTreeSet::new(), fault: Some(fault.into()) }
    }
}

/// Sends every batch by `send`, which gets each item with its index as id.
pub(crate) async fn send_all<F: Future<Output = Outcome>>(
    port: &'static str,
    Batches { batches, too_large }: Batches,
    send: impl Fn(Vec<(usize, String)>) -> F,
) -> Result<(), Partial> {
    let sending = batches.into_iter().map(|batch| {
        let indexes: Vec<usize> = batch.iter().map(|(index, _)| *index).collect();
        let sent = send(batch);
        async move { (indexes, sent.await) }
    });
    let outcomes: Vec<_> = stream::iter(sending).buffer_unordered(IN_FLIGHT_MAX).collect().await;
    let mut source = too_large.first().map(|_index| Unavailable::new(port, "an item is too large to send"));
    let mut failed = too_large;
    for (indexes, Outcome { done, fault }) in outcomes {
        let missing = indexes.into_iter().filter(|index| !done.contains(&index.to_string()));
        let before = failed.len();
        failed.extend(missing);
        if failed.len() > before {
            source = Some(Unavailable::new(port, fault.unwrap_or_else(|| "not acknowledged".into())));
        }
    }
    failed.sort_unstable();
    source.map_or(Ok(()), |source| Err(Partial { failed, source }))
}

/// A JSON text without the two characters that it may hold and SQS refuses, U+FFFE and U+FFFF, which stand in
/// strings only: there, their escapes mean the same.
pub(crate) fn sendable(json: String) -> String {
    if !json.contains(['\u{fffe}', '\u{ffff}']) {
        return json;
    }
    let mut escaped = String::with_capacity(json.len());
    for character in json.chars() {
        match character {
            '\u{fffe}' => escaped.push_str("\\ufffe"),
            '\u{ffff}' => escaped.push_str("\\uffff"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_that_sqs_refuses_is_escaped_and_means_the_same() {
        let json = sendable("{\"a\":\"x\u{ffff}\u{fffe}é\"}".to_owned());
        assert_eq!(json, r#"{"a":"x\uffff\ufffeé"}"#);
        let value: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(value["a"], "x\u{ffff}\u{fffe}é");
    }
}
