//! The authorizer's event and answer.
//!
//! The invariant: what the authorizer tells about a token is text that `websocket` reads back, the same principal.

use std::collections::BTreeMap;

use lambda_runtime::Diagnostic;
use serde::{Deserialize, Serialize};
use sorl_core::authorize::{Handshake, Principal};

/// A handshake, as API Gateway shows it to a REQUEST authorizer; `$connect` gets the same headers.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AuthorizerEvent {
    /// What is asked for: the ARN of the stage's `$connect`.
    pub method_arn: String,
    #[serde(flatten)]
    opening: Opening,
}

/// Headers and query of a handshake.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Opening {
    headers: Option<BTreeMap<String, Option<String>>>,
    multi_value_headers: Option<BTreeMap<String, Option<Vec<String>>>>,
    query_string_parameters: Option<BTreeMap<String, Option<String>>>,
    multi_value_query_string_parameters: Option<BTreeMap<String, Option<Vec<String>>>>,
    /// What headers that may come as several lines come to; made once by [`Opening::joined`].
    #[serde(skip)]
    subprotocols: Option<String>,
    #[serde(skip)]
    origin: Option<String>,
}

impl AuthorizerEvent {
    /// What of the handshake may carry the token, and which page began it.
    #[must_use]
    pub fn handshake(&mut self) -> Handshake<'_> {
        self.opening.handshake()
    }
}

impl Opening {
    pub(super) fn handshake(&mut self) -> Handshake<'_> {
        self.subprotocols = self.joined("Sec-WebSocket-Protocol");
        self.origin = self.joined("Origin");
        Handshake {
            subprotocols: self.subprotocols.as_deref(),
            authorization: self.header("Authorization"),
            query_token: self.query("token"),
            origin: self.origin.as_deref(),
        }
    }

    /// A parameter of the query, decoded: the first of several, of which AWS's single form has the last.
    fn query(&self, name: &str) -> Option<&str> {
        let lines = self.multi_value_query_string_parameters.as_ref();
        let first = lines.and_then(|query| query.get(name)?.as_ref()?.first());
        let single = || self.query_string_parameters.as_ref()?.get(name)?.as_ref();
        first.or_else(single).map(String::as_str)
    }

    /// A header, whatever the case of its name: AWS keeps the client's, others write it small.
    fn header(&self, name: &str) -> Option<&str> {
        let single = self.headers.iter().flatten();
        let single =
            single.filter(|(key, _)| key.eq_ignore_ascii_case(name)).find_map(|(_, value)| value.as_deref());
        single.or_else(|| self.lines(name).next())
    }

    /// A header that is a list, whether it came as one line or as several.
    fn joined(&self, name: &str) -> Option<String> {
        let lines: Vec<_> = self.lines(name).collect();
        if lines.is_empty() { self.header(name).map(str::to_owned) } else { Some(lines.join(",")) }
    }

    fn lines(&self, name: &str) -> impl Iterator<Item = &str> {
        let all = self.multi_value_headers.iter().flatten();
        let lines = all
            .filter(move |(key, _)| key.eq_ignore_ascii_case(name))
            .filter_map(|(_, lines)| lines.as_ref());
        lines.flatten().map(String::as_str)
    }
}

/// Leave to connect, and what every later call of the connection is told about its principal.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Allowance {
    principal_id: String,
    policy_document: Policy,
    context: Context,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Policy {
    version: &'static str,
    statement: [Statement; 1],
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Statement {
    action: &'static str,
    effect: &'static str,
    resource: String,
}

/// API Gateway keeps texts only.
#[derive(Debug, Clone, Serialize)]
struct Context {
    user: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    grants: Option<String>,
    expires_at: String,
}

impl Allowance {
    /// Lets `principal` do what `event` asks for.
    ///
    /// # Errors
    /// If the grants cannot be written as JSON, which grants that were read from JSON can.
    pub fn new(event: &AuthorizerEvent, principal: &Principal) -> Result<Self, serde_json::Error> {
        let resource = event.method_arn.clone();
        let statement = Statement { action: "execute-api:Invoke", effect: "Allow", resource };
        let context = Context {
            user: principal.user.as_str().to_owned(),
            grants: principal.grants.as_ref().map(serde_json::to_string).transpose()?,
            expires_at: principal.expires_at.as_millis().to_string(),
        };
        Ok(Self {
            principal_id: principal.user.as_str().to_owned(),
            policy_document: Policy { version: "2012-10-17", statement: [statement] },
            context,
        })
    }
}

/// The failure that API Gateway turns into a 401: its message is exactly this word.
#[must_use]
pub fn unauthorized() -> Diagnostic {
    Diagnostic { error_type: "Unauthorized".to_owned(), error_message: "Unauthorized".to_owned() }
}
