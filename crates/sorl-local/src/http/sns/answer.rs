//! SNS's answers as XML, in the form in which botocore, the AWS CLI and the AWS SDKs read them.

use std::fmt::Write;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

const NAMESPACE: &str = "http://sns.amazonaws.com/doc/2010-03-31/";

/// What SNS refuses, in its own words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SnsFault {
    pub(super) status: StatusCode,
    pub(super) code: &'static str,
    pub(super) message: String,
}

impl SnsFault {
    /// A fault of the request's own: 400.
    pub(super) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, code, message: message.into() }
    }

    /// The most common one.
    pub(super) fn invalid(what: impl std::fmt::Display) -> Self {
        Self::new("InvalidParameter", format!("Invalid parameter: {what}"))
    }

    /// The fault with another status than 400.
    pub(super) fn with_status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }

    fn is_the_senders(&self) -> bool {
        self.status.is_client_error() && self.status != StatusCode::TOO_MANY_REQUESTS
    }
}

/// What came of one entry of a batch, with the entry's own id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct EntryOutcome {
    pub(super) id: String,
    pub(super) outcome: Result<String, SnsFault>,
}

/// `Publish` was accepted.
pub(super) fn published(message_id: &str, request_id: &str) -> Response {
    let result = format!("<MessageId>{}</MessageId>", escape(message_id));
    success("Publish", &result, request_id)
}

/// `PublishBatch` was accepted, some entries perhaps not.
pub(super) fn batch_published(outcomes: &[EntryOutcome], request_id: &str) -> Response {
    let (mut successful, mut failed) = (String::new(), String::new());
    for EntryOutcome { id, outcome } in outcomes {
        let id = escape(id);
        // Writing to a string cannot fail.
        let _infallible = match outcome {
            Ok(message_id) => {
                let message_id = escape(message_id);
                write!(successful, "<member><MessageId>{message_id}</MessageId><Id>{id}</Id></member>")
            }
            Err(fault) => {
                let (code, message, sender) = (fault.code, escape(&fault.message), fault.is_the_senders());
                write!(
                    failed,
                    "<member><Id>{id}</Id><Code>{code}</Code><Message>{message}</Message><SenderFault>{sender}</SenderFault></member>"
                )
            }
        };
    }
    let result = format!("<Successful>{successful}</Successful><Failed>{failed}</Failed>");
    success("PublishBatch", &result, request_id)
}

/// The whole request was refused.
pub(super) fn refused(fault: &SnsFault, request_id: &str) -> Response {
    let (code, message) = (fault.code, escape(&fault.message));
    let side = if fault.status.is_client_error() { "Sender" } else { "Receiver" };
    let body = format!(
        "<ErrorResponse xmlns=\"{NAMESPACE}\"><Error><Type>{side}</Type><Code>{code}</Code><Message>{message}</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>\n"
    );
    xml(fault.status, body, request_id)
}

fn success(action: &str, result: &str, request_id: &str) -> Response {
    let body = format!(
        "<{action}Response xmlns=\"{NAMESPACE}\"><{action}Result>{result}</{action}Result><ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{action}Response>\n"
    );
    xml(StatusCode::OK, body, request_id)
}

fn xml(status: StatusCode, body: String, request_id: &str) -> Response {
    let headers = [(header::CONTENT_TYPE.as_str(), "text/xml"), ("x-amzn-requestid", request_id)];
    (status, headers, body).into_response()
}

/// The text as it may stand in XML. Characters that XML cannot hold at all become `?`.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\t' | '\n' => escaped.push(character),
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => escaped.push('?'),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_becomes_markup() {
        assert_eq!(escape("a<b>&\"c\u{0}é"), "a&lt;b&gt;&amp;&quot;c?é");
    }
}
