//! The events of a WebSocket API's routes, and the answers to them.
//!
//! The invariant: whom a connection speaks for is the authorizer's word alone, and a word that cannot be read speaks
//! for nobody.

use std::borrow::Cow;
use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sorl_core::authorize::{Caller, Principal};
use sorl_core::ids::ConnectionId;
use sorl_core::names::UserName;
use sorl_core::protocol::SUBPROTOCOL;
use sorl_core::region::Region;
use sorl_core::time::Timestamp;

use super::authorizer::Opening;

/// A call of `$connect`, `$disconnect` or `$default`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WebSocketEvent {
    request_context: RequestContext,
    body: Option<String>,
    is_base64_encoded: bool,
    #[serde(flatten)]
    opening: Opening,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct RequestContext {
    connection_id: Option<String>,
    connected_at: Option<u64>,
    authorizer: Option<BTreeMap<String, Value>>,
}

/// An event that does not say what every call of a connection that was authorized says: a fault of the deployment,
/// never the client's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the event has no usable {0}")]
pub struct Incomplete(pub &'static str);

impl WebSocketEvent {
    /// The connection, and whom it speaks for.
    ///
    /// # Errors
    /// [`Incomplete`] names what is missing or cannot be read.
    pub fn caller(&self, region: &Region) -> Result<Caller, Incomplete> {
        let RequestContext { connection_id, connected_at, authorizer } = &self.request_context;
        let connection = connection_id.as_deref().and_then(|id| ConnectionId::parse(id).ok());
        Ok(Caller {
            connection: connection.ok_or(Incomplete("connectionId"))?,
            region: region.clone(),
            connected_at: Timestamp::from_millis(connected_at.ok_or(Incomplete("connectedAt"))?),
            principal: principal(authorizer.as_ref().ok_or(Incomplete("authorizer"))?)?,
        })
    }

    /// The frame; empty, which is no frame at all, if there is none or it is no text.
    #[must_use]
    pub fn frame(&self) -> Cow<'_, str> {
        let body = self.body.as_deref().unwrap_or_default();
        if !self.is_base64_encoded {
            return Cow::Borrowed(body);
        }
        let decoded = STANDARD.decode(body).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        Cow::Owned(decoded.unwrap_or_default())
    }

    /// The answer that lets the connection open: it selects the protocol if the client offered it, and only then.
    #[must_use]
    pub fn opened(&mut self) -> WebSocketAnswer {
        let mut answer = WebSocketAnswer::status(200);
        if self.opening.handshake().offers_sorl() {
            answer.headers.insert("Sec-WebSocket-Protocol", SUBPROTOCOL);
        }
        answer
    }
}

fn principal(context: &BTreeMap<String, Value>) -> Result<Principal, Incomplete> {
    let text = |name| context.get(name).and_then(Value::as_str);
    let user = text("user").and_then(|user| UserName::parse(user).ok());
    // Grants that are there but cannot be read must not fall back to the defaults.
    let grants = match context.get("grants") {
        None | Some(Value::Null) => None,
        Some(Value::String(json)) => {
            Some(serde_json::from_str(json).map_err(|_fault| Incomplete("authorizer.grants"))?)
        }
        Some(_) => return Err(Incomplete("authorizer.grants")),
    };
    let expires_at = text("expires_at").and_then(|millis| millis.parse().ok());
    Ok(Principal {
        user: user.ok_or(Incomplete("authorizer.user"))?,
        grants,
        expires_at: Timestamp::from_millis(expires_at.ok_or(Incomplete("authorizer.expires_at"))?),
    })
}

/// An answer to API Gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WebSocketAnswer {
    status_code: u16,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    headers: BTreeMap<&'static str, &'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
}

impl WebSocketAnswer {
    /// Nothing but a status: what `$connect` answers decides whether the connection opens.
    #[must_use]
    pub const fn status(status_code: u16) -> Self {
        Self { status_code, headers: BTreeMap::new(), body: None }
    }

    /// A frame for the client.
    #[must_use]
    pub const fn frame(frame: String) -> Self {
        Self { status_code: 200, headers: BTreeMap::new(), body: Some(frame) }
    }
}
