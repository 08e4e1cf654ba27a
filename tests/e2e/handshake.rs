//! Who gets in, by which door, and how those are refused who do not.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{EncodingKey, Header};
use serde_json::{Value, json};
use sorl_tests::names::{now, unique};
use sorl_tests::server::Launch;
use sorl_tests::stage::Stage;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::shared::stage;

/// The head of an answer to a handshake: its status, and the subprotocol that was selected.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) status: u16,
    subprotocol: Option<String>,
}

pub(crate) const fn opened(subprotocol: Option<String>) -> Head {
    Head { status: 101, subprotocol }
}

pub(crate) fn sorl() -> Head {
    opened(Some("sorl.v1".to_owned()))
}

/// A handshake of RFC 6455 as bytes, so that no library adds or checks anything.
pub(crate) async fn knock(stage: &Stage, query: &str, headers: &[(&str, String)]) -> Head {
    knock_at(&stage.regions[0].url, query, headers).await
}

pub(crate) async fn knock_at(url: &str, query: &str, headers: &[(&str, String)]) -> Head {
    let (authority, path) = url.trim_start_matches("ws://").split_once('/').expect("an address has a path");
    let mut request = format!("GET /{path}{query} HTTP/1.1\r\nHost: {authority}\r\n");
    request += "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n";
    request += "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    for (name, value) in headers {
        request += &format!("{name}: {value}\r\n");
    }
    let mut stream = TcpStream::connect(authority).await.unwrap();
    stream.write_all(format!("{request}\r\n").as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(tokio::time::timeout(sorl_tests::DEADLINE, stream.read_u8()).await.unwrap().unwrap());
    }
    parse(&String::from_utf8(head).unwrap())
}

fn parse(head: &str) -> Head {
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status line");
    let header = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("sec-websocket-protocol").then(|| value.trim().to_owned())
    });
    Head { status, subprotocol: header }
}

pub(crate) fn protocols(offered: &str) -> (&'static str, String) {
    ("Sec-WebSocket-Protocol", offered.to_owned())
}

pub(crate) fn bearer(token: &str) -> (&'static str, String) {
    ("Authorization", format!("Bearer {token}"))
}

#[tokio::test]
async fn a_token_among_the_subprotocols_opens_and_sorl_is_selected() {
    let stage = stage().await;
    let token = stage.token("alice").await;
    let offered = format!("sorl.v1, sorl.token.{token}");
    assert_eq!(knock(&stage, "", &[protocols(&offered)]).await, sorl());
}

#[tokio::test]
async fn a_token_in_the_authorization_header_opens() {
    let stage = stage().await;
    let token = stage.token("alice").await;
    assert_eq!(knock(&stage, "", &[bearer(&token), protocols("sorl.v1")]).await, sorl());
}

#[tokio::test]
async fn a_token_in_the_query_opens() {
    let stage = stage().await;
    let token = stage.token("alice").await;
    assert_eq!(knock(&stage, &format!("?token={token}"), &[protocols("sorl.v1")]).await, sorl());
}

#[tokio::test]
async fn the_subprotocol_is_selected_only_if_it_is_offered() {
    let stage = stage().await;
    let token = stage.token("alice").await;
    let query = format!("?token={token}");
    assert_eq!(knock(&stage, &query, &[]).await, opened(None));
    assert_eq!(knock(&stage, &query, &[protocols("chat.v9")]).await, opened(None));
    assert_eq!(knock(&stage, &query, &[protocols("chat.v9, sorl.v1")]).await, sorl());
    // A token is never echoed.
    assert_eq!(knock(&stage, "", &[protocols(&format!("sorl.token.{token}"))]).await, opened(None));
}

#[tokio::test]
async fn the_first_token_found_counts() {
    let stage = stage().await;
    let token = stage.token("alice").await;
    let (good, bad) = (format!("sorl.v1, sorl.token.{token}"), "sorl.v1, sorl.token.bad".to_owned());
    let query = format!("?token={token}");
    let status = async |query: &str, headers: &[(&str, String)]| knock(&stage, query, headers).await.status;
    assert_eq!(status(&query, &[protocols(&bad), bearer(&token)]).await, 401);
    assert_eq!(status(&query, &[protocols("sorl.v1"), bearer("bad")]).await, 401);
    assert_eq!(status("?token=bad", &[protocols(&good), bearer("bad")]).await, 101);
    assert_eq!(status("?token=bad", &[protocols("sorl.v1"), bearer(&token)]).await, 101);
}

#[tokio::test]
async fn no_token_and_a_bad_token_are_401() {
    let stage = stage().await;
    let token = stage.token("alice").await;
    let [header, claims, signature]: [&str; 3] =
        token.split('.').collect::<Vec<_>>().try_into().expect("a JWT has three parts");
    let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT"}"#);
    let mallory = URL_SAFE_NO_PAD.encode(json!({"sub": "mallory", "exp": 99_999_999_999_u64}).to_string());
    let flipped: String = signature.chars().rev().collect();
    for bad in [
        String::new(),
        "rubbish".to_owned(),
        "a.b.c".to_owned(),
        format!("{header}.{claims}"),
        format!("{header}.{claims}.{flipped}"),
        format!("{header}.{mallory}.{signature}"),
        format!("{none}.{claims}."),
        "x".repeat(9_000),
    ] {
        assert_eq!(knock(&stage, "", &[bearer(&bad)]).await.status, 401, "{bad}");
    }
    assert_eq!(knock(&stage, "", &[]).await.status, 401);
    assert_eq!(knock(&stage, "", &[protocols("sorl.v1")]).await.status, 401);
}

#[tokio::test]
async fn an_expired_token_is_401_without_leeway() {
    let stage = stage().await;
    for ttl in [-3600, -1, 0] {
        let token = stage.mint("alice", None, ttl).await;
        assert_eq!(knock(&stage, "", &[bearer(&token)]).await.status, 401, "ttl {ttl}");
    }
}

#[tokio::test]
async fn a_subject_that_is_no_user_name_is_401() {
    let stage = stage().await;
    for user in ["", "no body", "a#b", "ålice", "a\u{0}", &"u".repeat(121)] {
        let token = stage.token(user).await;
        assert_eq!(knock(&stage, "", &[bearer(&token)]).await.status, 401, "{user:?}");
    }
    let token = stage.token(&"u".repeat(120)).await;
    assert_eq!(knock(&stage, "", &[bearer(&token)]).await.status, 101);
    let token = stage.token("aZ09_-.:@/=|+").await;
    assert_eq!(knock(&stage, "", &[bearer(&token)]).await.status, 101);
}

#[tokio::test]
async fn grants_above_4_kilobytes_are_401() {
    let stage = stage().await;
    let grants = |count: usize| -> Value {
        (0..count)
            .map(|n| (format!("channel:{n:08}"), json!(["subscribe"])))
            .collect::<serde_json::Map<_, _>>()
            .into()
    };
    let small = stage.mint("alice", Some(&grants(100)), 60).await;
    let large = stage.mint("alice", Some(&grants(140)), 60).await;
    assert_eq!(knock(&stage, "", &[bearer(&small)]).await.status, 101);
    assert_eq!(knock(&stage, "", &[bearer(&large)]).await.status, 401);
}

#[tokio::test]
async fn an_address_that_is_no_region_is_404() {
    let stage = stage().await;
    let token = stage.token("alice").await;
    let nowhere = stage.regions[0].url.replace(&stage.regions[0].region, "mars-north-1");
    assert_eq!(knock_at(&nowhere, "", &[bearer(&token)]).await.status, 404);
}

const SECRET: &str = "a secret of a test, longer than 32 bytes";

#[tokio::test]
async fn a_token_must_expire_and_be_signed_by_the_configured_algorithm() {
    let config = format!("[auth]\nalgorithm = \"HS256\"\nsecret = \"{SECRET}\"\n");
    let server = Launch::plain().config(&config).start().await;
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    let sign =
        |algorithm, claims: &Value| jsonwebtoken::encode(&Header::new(algorithm), claims, &key).unwrap();
    let exp = now().as_secs_ceil() + 60;
    for (claims, expected) in [
        (json!({"sub": "alice", "exp": exp}), 101),
        (json!({"sub": "alice"}), 401),
        (json!({"exp": exp}), 401),
        (json!({"sub": "alice", "exp": exp.to_string()}), 401),
        (json!({"sub": "alice", "exp": exp, "nbf": exp - 1}), 401),
        (json!({"sub": 7, "exp": exp}), 401),
        (json!({"sub": "alice", "exp": exp, "sorl": ["room:*"]}), 401),
    ] {
        let token = sign(jsonwebtoken::Algorithm::HS256, &claims);
        assert_eq!(knock(&server.stage, "", &[bearer(&token)]).await.status, expected, "{claims}");
    }
    let other = sign(jsonwebtoken::Algorithm::HS512, &json!({"sub": "alice", "exp": exp}));
    assert_eq!(knock(&server.stage, "", &[bearer(&other)]).await.status, 401);
}

#[tokio::test]
async fn keys_that_cannot_be_had_are_no_401() {
    // Nothing listens on port 1.
    let config = "[auth]\nalgorithm = \"ES256\"\njwks = \"http://127.0.0.1:1/jwks.json\"\n";
    let server = Launch::plain().config(config).start().await;
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let header = part(json!({"alg": "ES256", "typ": "JWT", "kid": unique("kid")}));
    let claims = part(json!({"sub": "alice", "exp": now().as_secs_ceil() + 60}));
    let token = format!("{header}.{claims}.{}", URL_SAFE_NO_PAD.encode([1; 64]));
    let status = knock(&server.stage, "", &[bearer(&token)]).await.status;
    assert!((500..600).contains(&status), "{status}");
}
