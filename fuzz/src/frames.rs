//! Frames of clients: each is answered by one frame that says which it answers, and nothing reaches a port that is
//! not what the frame said.

use std::sync::{Arc, LazyLock};

use futures::executor::block_on;
use serde_json::Value;
use sorl_core::authorize::{Caller, Principal};
use sorl_core::command::{Ports, command};
use sorl_core::config::{Config, Site};
use sorl_core::envelope::Relayed;
use sorl_core::error::ErrorCode;
use sorl_core::ids::ConnectionId;
use sorl_core::limits::{DATA_DEPTH_MAX, MESSAGE_LEN_MAX, REQUEST_ID_MAX};
use sorl_core::names::{ChannelName, UserName};
use sorl_core::protocol::Request;
use sorl_core::region::Region;

use super::stubs::{NOW, Nothing};

static SITE: LazyLock<Site> = LazyLock::new(|| Site {
    region: Region::parse("eu-north-1").expect("a region"),
    config: Arc::new(Config::parse("[namespaces.default]\ngrants = [\"*\"]\n").expect("a configuration")),
});

static CALLER: LazyLock<Caller> = LazyLock::new(|| Caller {
    connection: ConnectionId::parse("L0SM9cOFvHcCIhw=").expect("an id"),
    region: SITE.region.clone(),
    connected_at: NOW,
    principal: Principal {
        user: UserName::parse("alice").expect("a name"),
        grants: None,
        expires_at: NOW.plus(std::time::Duration::from_secs(60)),
    },
});

/// Holds for every text frame.
pub fn hold(bytes: &[u8]) {
    let Ok(frame) = std::str::from_utf8(bytes) else { return };
    let request = Request::parse(frame);
    if let Ok(request) = &request {
        as_it_was_sent(frame, request);
    }
    let ports = Nothing::default();
    let all = Ports { registry: &ports, log: &ports, bus: &ports, clock: &ports, entropy: &ports };
    let answer = block_on(command(frame, &CALLER, all, &SITE));
    let told: Value = serde_json::from_str(&answer.frame).expect("an answer is JSON");
    assert_eq!(
        told["id"].as_u64(),
        request.as_ref().ok().map(|request| request.id),
        "it says what it answers"
    );
    match answer.error {
        None => assert!(told["type"] == "reply" && told["result"].is_object(), "{told}"),
        Some(code) => {
            assert_eq!((&told["type"], &told["error"]["code"]), (&"error".into(), &code.as_str().into()));
            assert!(
                told["error"]["message"].as_str().is_some_and(|text| (1..=400).contains(&text.len())),
                "{told}"
            );
            assert!(!matches!(code, ErrorCode::Internal | ErrorCode::Unavailable), "nothing failed: {told}");
        }
    }
    for relayed in ports.published.into_inner().expect("one thread") {
        published(frame, &relayed);
    }
}

/// The parsed request against the JSON as another reader sees it.
fn as_it_was_sent(frame: &str, request: &Request) {
    assert!(request.id <= REQUEST_ID_MAX);
    // The other reader gives up on deep nesting, of which a request may have more in fields that nobody reads.
    let Ok(sent) = serde_json::from_str::<Value>(frame) else { return };
    assert_eq!(sent["id"].as_u64(), Some(request.id));
    if let Ok(action) = request.action() {
        assert_eq!(sent["action"], action.as_str());
    }
    if let Ok(channel) = request.fields.channel() {
        assert_eq!(sent["channel"], channel.as_str());
        assert_eq!(ChannelName::parse(channel.as_str()), Ok(channel));
    }
    if let Ok(Some(cursor)) = request.fields.cursor("since") {
        assert_eq!(sent["since"], cursor.to_string(), "a cursor has one form");
    }
    if let Ok(Some(limit)) = request.fields.count("limit", 1..=500) {
        assert!((1..=500).contains(&limit) && sent["limit"] == limit);
    }
    if let Ok(data) = request.fields.raw("data") {
        assert!(frame.contains(data.get()), "data passes byte for byte");
    }
}

fn published(frame: &str, relayed: &Relayed) {
    let text = relayed.to_json();
    assert_eq!(Relayed::parse(&text).expect("what is relayed can be read").to_json(), text);
    let Relayed::Message { message, .. } = relayed else { return };
    assert!(frame.contains(message.data.get()), "data passes byte for byte");
    assert!(message.to_json().len() <= MESSAGE_LEN_MAX);
    let (user, verified) = (message.user.as_ref().map(UserName::as_str), message.verified);
    assert_eq!((user, verified), (Some("alice"), Some(true)), "the sender is who the token says");
    assert!(depth(message.data.get()) <= DATA_DEPTH_MAX);
}

/// How deep a JSON text nests, counted plainly.
fn depth(json: &str) -> usize {
    let (mut depth, mut deepest, mut quoted, mut escaped) = (0_usize, 0, false, false);
    for character in json.chars() {
        match character {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '[' | '{' if !quoted => depth += 1,
            ']' | '}' if !quoted => depth -= 1,
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}
