//! `@connections`: the callback API of API Gateway, in the words in which AWS answers it.
//!
//! The same gateway that the handlers in this process post to directly. Not the WebSocket itself (`gateway`).

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Json, Response};
use percent_encoding::percent_decode_str;
use serde_json::json;
use sorl_core::ids::ConnectionId;
use sorl_core::ports::{CloseError, Gateway, PostError};
use sorl_core::protocol::Frame;

use super::BODY_MAX;
use crate::clock::{iso8601, random_uuid};
use crate::gateway::LocalGateway;
use crate::stage::{Stage, Station};

/// What AWS calls a fault, with its status and its text.
struct AwsFault {
    status: StatusCode,
    kind: &'static str,
    message: &'static str,
}

const GONE: AwsFault = AwsFault { status: StatusCode::GONE, kind: "GoneException", message: "" };
const BAD_ID: AwsFault = AwsFault {
    status: StatusCode::BAD_REQUEST,
    kind: "BadRequestException",
    message: "Invalid connectionId",
};
const BAD_BODY: AwsFault = AwsFault {
    status: StatusCode::BAD_REQUEST,
    kind: "BadRequestException",
    message: "Invalid request body",
};
const TOO_LARGE: AwsFault = AwsFault {
    status: StatusCode::PAYLOAD_TOO_LARGE,
    kind: "PayloadTooLargeException",
    message: "Payload too large",
};
const THROTTLED: AwsFault = AwsFault {
    status: StatusCode::TOO_MANY_REQUESTS,
    kind: "LimitExceededException",
    message: "Limit exceeded",
};
const FORBIDDEN: AwsFault =
    AwsFault { status: StatusCode::FORBIDDEN, kind: "ForbiddenException", message: "Forbidden" };
const FAILED: AwsFault = AwsFault {
    status: StatusCode::INTERNAL_SERVER_ERROR,
    kind: "InternalServerErrorException",
    message: "Internal server error",
};
const NOT_ALLOWED: AwsFault = AwsFault {
    status: StatusCode::METHOD_NOT_ALLOWED,
    kind: "BadRequestException",
    message: "Unsupported method",
};

/// `POST|GET|DELETE /regions/{region}/@connections/{id}`.
pub(super) async fn call(
    State(stage): State<Arc<Stage>>,
    Path((region, connection)): Path<(String, String)>,
    request: Request,
) -> Response {
    let outcome = match stage.station(&region) {
        Some(station) => answer(station, &connection, request).await,
        None => Err(FORBIDDEN),
    };
    let mut response = outcome.unwrap_or_else(IntoResponse::into_response);
    if let Ok(id) = random_uuid(stage.entropy.as_ref()).parse() {
        response.headers_mut().insert("x-amzn-requestid", id);
    }
    response
}

async fn answer(station: &Station, connection: &str, request: Request) -> Result<Response, AwsFault> {
    let connection = parse_id(connection)?;
    match *request.method() {
        Method::POST => post(&station.gateway, &connection, request.into_body()).await,
        Method::GET => describe(&station.gateway, &connection),
        Method::DELETE => close(&station.gateway, &connection).await,
        _ => Err(NOT_ALLOWED),
    }
}

/// SDKs escape the `=` of an id, some of them twice.
fn parse_id(text: &str) -> Result<ConnectionId, AwsFault> {
    let decoded = percent_decode_str(text).decode_utf8_lossy();
    ConnectionId::parse(&decoded).ok().filter(is_api_gateways).ok_or(BAD_ID)
}

/// Whether API Gateway could have given this id: base64 of some bytes, so whole and padded.
fn is_api_gateways(id: &ConnectionId) -> bool {
    let text = id.as_str();
    let digits = text.trim_end_matches('=');
    text.len().is_multiple_of(4)
        && text.len() - digits.len() <= 2
        && !digits.contains('=')
        && digits.len() >= 8
}

async fn post(gateway: &LocalGateway, connection: &ConnectionId, body: Body) -> Result<Response, AwsFault> {
    // More is read than may be posted, so that its sender is still there to be told.
    let frame = axum::body::to_bytes(body, BODY_MAX).await.map_err(|_too_large| TOO_LARGE)?;
    if std::str::from_utf8(&frame).is_err() {
        return Err(BAD_BODY);
    }
    gateway.post(connection, &Frame::from(frame)).await.map_err(|fault| match fault {
        PostError::Gone => GONE,
        PostError::Throttled => THROTTLED,
        PostError::TooLarge => TOO_LARGE,
        PostError::Forbidden => FORBIDDEN,
        PostError::Unavailable(_) => FAILED,
    })?;
    Ok(StatusCode::OK.into_response())
}

fn describe(gateway: &LocalGateway, connection: &ConnectionId) -> Result<Response, AwsFault> {
    let known = gateway.describe(connection).ok_or(GONE)?;
    let answer = json!({
        "connectedAt": iso8601(known.connected_at),
        "lastActiveAt": iso8601(known.last_active_at),
        "identity": { "sourceIp": known.identity.source_ip, "userAgent": known.identity.user_agent },
    });
    Ok(Json(answer).into_response())
}

async fn close(gateway: &LocalGateway, connection: &ConnectionId) -> Result<Response, AwsFault> {
    // The port closes what is gone without complaint; AWS tells its callers.
    gateway.describe(connection).ok_or(GONE)?;
    gateway.close(connection).await.map_err(|fault| match fault {
        CloseError::Forbidden => FORBIDDEN,
        CloseError::Unavailable(_) => FAILED,
    })?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

impl IntoResponse for AwsFault {
    fn into_response(self) -> Response {
        let kind = [("x-amzn-errortype", self.kind)];
        (self.status, kind, Json(json!({ "message": self.message }))).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_base64_however_often_it_was_escaped() {
        for id in ["L0SM9cOFvHcCIhw=", "L0SM9cOFvHcCIhw%3D", "L0SM9cOFvHcCIhw%253D"] {
            let decoded = percent_decode_str(id).decode_utf8_lossy();
            assert!(parse_id(&decoded).is_ok_and(|id| id.as_str() == "L0SM9cOFvHcCIhw="), "{id}");
        }
        for id in
            ["", "x", "not an id", "L0SM9cOFvHcCIhw", "L0SM=cOFvHcCIhw=", "%00%00", "========", "åäöåäöåä"]
        {
            assert!(parse_id(id).is_err(), "{id}");
        }
    }
}
