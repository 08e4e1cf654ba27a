//! Lambda's events, as files, read as the services read them; and the answers, as API Gateway and SQS read those.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

use std::path::Path;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use sorl_aws::events::{
    Allowance, AuthorizerEvent, Incomplete, QueueAnswer, QueueEvent, WebSocketAnswer, WebSocketEvent,
    unauthorized,
};
use sorl_core::authorize::{Caller, Principal};
use sorl_core::ports::RecordSource;
use sorl_core::region::Region;
use sorl_core::time::Timestamp;

fn file(name: &str) -> Value {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/events");
    let text = std::fs::read_to_string(folder.join(format!("{name}.json"))).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn event<T: DeserializeOwned>(name: &str) -> T {
    // By way of a text, as the runtime reads it.
    serde_json::from_str(&file(name).to_string()).unwrap()
}

fn caller(event: &WebSocketEvent) -> Result<Caller, Incomplete> {
    event.caller(&Region::parse("eu-north-1").unwrap())
}

/// The event with one part of its context replaced; null is absent.
fn message_with(pointer: &str, value: Value) -> WebSocketEvent {
    let mut event = file("message");
    *event.pointer_mut(pointer).unwrap() = value;
    serde_json::from_value(event).unwrap()
}

#[test]
fn a_token_is_found_wherever_and_however_it_is_written() {
    for name in ["authorize_subprotocol", "authorize_lower_case", "authorize_two_lines"] {
        let mut event: AuthorizerEvent = event(name);
        assert_eq!(event.handshake().token(), Some("header.claims.signature"), "{name}");
        assert!(event.handshake().offers_sorl(), "{name}");
    }
    let mut query: AuthorizerEvent = event("authorize_query");
    assert_eq!(query.handshake().token(), Some("first"), "the first found counts");
}

#[test]
fn the_page_that_began_a_handshake_is_known_and_several_are_none_of_them() {
    let origin = |event: Value| {
        let mut event: AuthorizerEvent = serde_json::from_value(event).unwrap();
        event.handshake().origin.map(str::to_owned)
    };
    assert_eq!(origin(file("authorize_subprotocol")).as_deref(), Some("https://chat.example"));
    assert_eq!(
        origin(json!({"headers": {"origin": "https://evil.example"}})).as_deref(),
        Some("https://evil.example")
    );
    let two = json!({"headers": {"Origin": "https://chat.example"},
        "multiValueHeaders": {"Origin": ["https://evil.example", "https://chat.example"]}});
    assert_eq!(origin(two).as_deref(), Some("https://evil.example,https://chat.example"));
    assert_eq!(origin(file("authorize_two_lines")), None);
}

#[test]
fn an_event_with_nothing_in_it_is_a_handshake_without_a_token() {
    for text in
        ["{}", r#"{"headers":null,"queryStringParameters":null,"multiValueHeaders":{"Authorization":null}}"#]
    {
        let mut event: AuthorizerEvent = serde_json::from_str(text).unwrap();
        assert_eq!(event.handshake().token(), None);
    }
}

#[test]
fn who_is_allowed_is_the_principal_that_every_later_call_speaks_for() {
    for grants in [None, Some(json!({})), Some(json!({"room:*": ["*"], "\"é": ["publish"]}))] {
        let principal: Principal = serde_json::from_value(
            json!({"user": "alice", "grants": grants, "expires_at": 1_764_003_600_000_u64}),
        )
        .unwrap();
        let allowance = Allowance::new(&event("authorize_subprotocol"), &principal).unwrap();
        let allowance = serde_json::to_value(&allowance).unwrap();
        let statement = &allowance["policyDocument"]["Statement"][0];
        assert_eq!(
            *statement,
            json!({"Action": "execute-api:Invoke", "Effect": "Allow",
                "Resource": "arn:aws:execute-api:eu-north-1:123456789012:abc123/prod/$connect"})
        );
        let context = allowance["context"].clone();
        assert!(context.as_object().unwrap().values().all(Value::is_string), "API Gateway keeps texts only");
        let heard = caller(&message_with("/requestContext/authorizer", context)).unwrap();
        assert_eq!(heard.principal, principal);
    }
}

#[test]
fn a_bad_token_fails_with_the_one_word_that_is_a_401() {
    let failure = serde_json::to_value(unauthorized()).unwrap();
    assert_eq!(failure, json!({"errorType": "Unauthorized", "errorMessage": "Unauthorized"}));
}

#[test]
fn every_call_of_a_connection_says_which_it_is_and_whom_it_speaks_for() {
    for name in ["connect", "message", "disconnect"] {
        let caller = caller(&event(name)).unwrap();
        assert_eq!(caller.connection.as_str(), "Ux1xUdJqgi0CEQg=");
        assert_eq!(caller.connected_at, Timestamp::from_millis(1_764_000_000_000));
        assert_eq!(caller.principal.user.as_str(), "alice");
        assert_eq!(caller.principal.expires_at, Timestamp::from_millis(1_764_003_600_000));
        assert!(caller.principal.grants.is_some());
    }
    assert!(
        caller(&event("message_base64")).unwrap().principal.grants.is_none(),
        "a token without the claim"
    );
}

#[test]
fn a_context_that_cannot_be_read_speaks_for_nobody() {
    let context = "/requestContext/authorizer";
    for (pointer, value, missing) in [
        (context.to_owned(), Value::Null, "authorizer"),
        (context.to_owned(), json!({}), "authorizer.user"),
        (format!("{context}/user"), json!("no such name!"), "authorizer.user"),
        (format!("{context}/grants"), json!("{not json"), "authorizer.grants"),
        (format!("{context}/grants"), json!({"room:*": ["*"]}), "authorizer.grants"),
        (format!("{context}/expires_at"), json!("soon"), "authorizer.expires_at"),
        ("/requestContext/connectionId".to_owned(), json!("a#b"), "connectionId"),
        ("/requestContext/connectedAt".to_owned(), Value::Null, "connectedAt"),
    ] {
        assert_eq!(caller(&message_with(&pointer, value)).unwrap_err(), Incomplete(missing));
    }
}

#[test]
fn a_frame_is_read_from_text_and_from_base64_and_is_empty_if_it_is_neither() {
    for name in ["message", "message_base64"] {
        assert_eq!(event::<WebSocketEvent>(name).frame(), r#"{"action":"ping","id":7}"#);
    }
    let odd = |body: &str| json!({"body": body, "isBase64Encoded": true});
    for event in [odd("%"), odd("/w=="), json!({"body": null}), json!({})] {
        assert_eq!(serde_json::from_value::<WebSocketEvent>(event).unwrap().frame(), "");
    }
}

#[test]
fn the_protocol_is_selected_only_where_it_is_offered() {
    let opened = |name| serde_json::to_value(event::<WebSocketEvent>(name).opened()).unwrap();
    let selected = json!({"statusCode": 200, "headers": {"Sec-WebSocket-Protocol": "sorl.v1"}});
    assert_eq!(opened("connect"), selected);
    assert_eq!(opened("connect_without_sorl"), json!({"statusCode": 200}));
}

#[test]
fn a_reply_is_the_body_of_its_answer() {
    let answer = serde_json::to_value(WebSocketAnswer::frame("{}".to_owned())).unwrap();
    assert_eq!(answer, json!({"statusCode": 200, "body": "{}"}));
}

#[test]
fn each_record_is_taken_alone_and_knows_its_queue() {
    let (records, strangers) = event::<QueueEvent>("live").records();
    assert_eq!(records.len(), 2);
    assert!(records.iter().all(|record| record.source == RecordSource::Live));
    assert_eq!(records[1].body, "{ this is no JSON", "what it means is not asked here");
    assert_eq!(strangers, ["00000000-0000-4000-8000-000000000003"]);
    let (records, strangers) = event::<QueueEvent>("bulk").records();
    assert_eq!((records.len(), strangers.len()), (1, 0));
    assert_eq!(records[0].source, RecordSource::Bulk);
    assert!(sorl_core::envelope::Slice::parse(&records[0].body).is_ok());
}

#[test]
fn only_what_failed_stays_in_its_queue() {
    let answer = |ids: &[&str]| {
        serde_json::to_value(QueueAnswer::failed(ids.iter().map(|id| (*id).to_owned()))).unwrap()
    };
    assert_eq!(answer(&[]), json!({"batchItemFailures": []}));
    assert_eq!(answer(&["a"]), json!({"batchItemFailures": [{"itemIdentifier": "a"}]}));
}
