//! What a token may do, right by right and pattern by pattern.

use serde_json::{Value, json};
use sorl_tests::names::{room, unique};

use crate::shared::stage;

const RIGHTS: [&str; 4] = ["subscribe", "publish", "history", "presence"];

/// The actions that a token with these grants may take on the channel; each is named as its right.
async fn allowed(grants: Option<Value>, channel: &str) -> Vec<&'static str> {
    let stage = stage().await;
    let user = unique("user");
    let token = stage.mint(&user, grants.as_ref(), 60).await;
    let region = &stage.regions[0];
    let mut socket = sorl_tests::socket::Socket::open(&user, &region.url, &token).await;
    let mut allowed = Vec::new();
    for right in RIGHTS {
        let answer = socket.ask(json!({"action": right, "channel": channel, "data": 1})).await;
        if answer["type"] == "reply" {
            allowed.push(right);
        } else {
            assert_eq!(sorl_tests::frame::code_of(&answer), "forbidden");
        }
    }
    allowed
}

#[tokio::test]
async fn each_right_is_granted_alone() {
    let channel = room();
    for right in RIGHTS {
        assert_eq!(allowed(Some(json!({ (channel.clone()): [right] })), &channel).await, [right]);
    }
    assert_eq!(
        allowed(Some(json!({ (channel.clone()): ["publish", "history"] })), &channel).await,
        ["publish", "history"]
    );
    assert_eq!(allowed(Some(json!({ (channel.clone()): ["*"] })), &channel).await, RIGHTS);
}

#[tokio::test]
async fn a_pattern_is_a_channel_a_prefix_or_a_star() {
    for (pattern, channel, matches) in [
        ("room:a", "room:a", true),
        ("room:a", "room:ab", false),
        ("room:a*", "room:ab", true),
        ("room:*", "room:a", true),
        ("room:*", "room", false),
        ("room:*", "lobby:room:a", false),
        ("*", "anything", true),
        ("*:a", "room:a", false),
        ("r*m:a", "room:a", false),
        ("", "room:a", false),
    ] {
        let expected: &[&str] = if matches { &["publish"] } else { &[] };
        assert_eq!(
            allowed(Some(json!({ (pattern): ["publish"] })), channel).await,
            expected,
            "{pattern} {channel}"
        );
    }
}

#[tokio::test]
async fn patterns_add_up() {
    let grants = json!({"room:*": ["subscribe"], "*": ["history"], "room:a": ["publish"], "room:b": ["*"]});
    assert_eq!(allowed(Some(grants), "room:a").await, ["subscribe", "publish", "history"]);
}

#[tokio::test]
async fn an_empty_claim_grants_nothing() {
    assert!(allowed(Some(json!({})), &room()).await.is_empty());
    assert!(allowed(Some(json!({ (room()): ["*"] })), &room()).await.is_empty());
}

#[tokio::test]
async fn without_a_claim_the_namespaces_defaults_hold() {
    assert_eq!(allowed(None, &room()).await, RIGHTS);
    assert_eq!(allowed(None, &unique("listen:test")).await, ["subscribe"]);
    assert!(allowed(None, &unique("unheard-of:test")).await.is_empty());
    assert!(allowed(None, &unique("no-namespace")).await.is_empty());
}

#[tokio::test]
async fn unknown_rights_grant_nothing() {
    assert_eq!(allowed(Some(json!({"*": ["fly", "PUBLISH", "history"]})), &room()).await, ["history"]);
}
