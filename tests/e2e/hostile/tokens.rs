//! Attacks on tokens through the real handshake: forged, confused, misled, and a provider of keys that fails in every
//! way it can. A refusal is a 401, keys that cannot be had are a 5xx, and no token decides where anybody asks.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::crypto::sign;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};
use sorl_tests::names::now;
use sorl_tests::provider::{Answer, JWKS, Provider};
use sorl_tests::server::{Launch, Server};

use crate::handshake::{bearer, knock};

const RSA: &[u8] = include_bytes!("../../fixtures/jwt/rs256.pem");
const SECRET: &str = "a secret of a test, longer than 32 bytes";

async fn with_secret() -> Server {
    Launch::plain().config(&format!("[auth]\nsecret = \"{SECRET}\"\n")).start().await
}

async fn with_provider(provider: &Provider) -> Server {
    let auth = format!("[auth]\nalgorithm = \"RS256\"\njwks = \"{}\"\n", provider.url);
    Launch::plain().config(&auth).start().await
}

fn claims() -> Value {
    json!({"sub": "alice", "exp": now().as_secs_ceil() + 60})
}

fn part(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

/// A token of these very texts.
fn signed(header: &str, claims: &str, algorithm: Algorithm, key: &EncodingKey) -> String {
    let message = format!("{}.{}", part(header), part(claims));
    let signature = sign(message.as_bytes(), key, algorithm).unwrap();
    format!("{message}.{signature}")
}

fn rs256(header: &Value) -> String {
    signed(
        &header.to_string(),
        &claims().to_string(),
        Algorithm::RS256,
        &EncodingKey::from_rsa_pem(RSA).unwrap(),
    )
}

fn hs256(header: &str, claims: &str) -> String {
    signed(header, claims, Algorithm::HS256, &EncodingKey::from_secret(SECRET.as_bytes()))
}

async fn status(server: &Server, token: &str) -> u16 {
    knock(&server.stage, "", &[bearer(token)]).await.status
}

const PLAIN: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

#[tokio::test]
async fn a_signed_token_with_a_fault_in_it_is_401() {
    let server = with_secret().await;
    let (good, exp) = (claims().to_string(), now().as_secs_ceil() + 60);
    assert_eq!(status(&server, &hs256(PLAIN, &good)).await, 101, "the token that all others are made of");
    for claims in [
        format!(r#"{{"sub":"mallory","sub":"alice","exp":{exp}}}"#),
        format!(r#"{{"sub":"alice","exp":1,"exp":{exp}}}"#),
        format!(r#"{{"sub":"alice","exp":{exp},"nbf":{exp}}}"#),
        format!(r#"{{"sub":"alice","exp":{exp},"sorl":{{"*":["*"]}},"sorl":{{}}}}"#),
        format!(r#"{{"sub":["alice"],"exp":{exp}}}"#),
        r#"{"sub":"alice","exp":1e400}"#.to_owned(),
        r#"{"sub":"alice","exp":-1}"#.to_owned(),
        "[]".to_owned(),
        "null".to_owned(),
        String::new(),
    ] {
        assert_eq!(status(&server, &hs256(PLAIN, &claims)).await, 401, "{claims}");
    }
    for header in [
        r#"{"alg":"HS256","crit":["b64"],"b64":false}"#,
        r#"{"alg":"HS256","crit":["exp"]}"#,
        r#"{"alg":"none"}"#,
        r#"{"alg":"None"}"#,
        r#"{"alg":"hs256"}"#,
        r#"{"alg":"HS384"}"#,
        r#"{"alg":"RS256"}"#,
        r#"{"alg":"none","alg":"HS256"}"#,
        r#"{"alg":["HS256"]}"#,
        r#"{"typ":"JWT"}"#,
        "{}",
        "",
    ] {
        assert_eq!(status(&server, &hs256(header, &good)).await, 401, "{header}");
    }
    let token = hs256(PLAIN, &good);
    let (message, signature) = token.rsplit_once('.').unwrap();
    for forged in [
        format!("{message}."),
        message.to_owned(),
        format!("{token}.{signature}"),
        format!("{token}=="),
        format!("{}.{}", part(r#"{"alg":"none"}"#), part(&good)),
        format!("{}.{}.", part(r#"{"alg":"none"}"#), part(&good)),
        format!("{}.{}.{signature}", part(PLAIN), part(&good.replace("alice", "mallory"))),
        format!("{message}.{}", "A".repeat(5_000)),
        format!("{}.{}", "A".repeat(9_000), token),
    ] {
        assert_eq!(status(&server, &forged).await, 401, "{forged}");
    }
}

#[tokio::test]
async fn a_public_key_is_no_shared_secret() {
    let provider = Provider::good().await;
    let server = with_provider(&provider).await;
    let header = json!({"alg": "RS256", "kid": "rsa-1"});
    assert_eq!(status(&server, &rs256(&header)).await, 101, "the key that all attacks are about");
    let keys: Value = serde_json::from_str(JWKS).unwrap();
    let public = keys["keys"].as_array().unwrap().iter().find(|key| key["kid"] == "rsa-1").unwrap();
    let modulus = URL_SAFE_NO_PAD.decode(public["n"].as_str().unwrap()).unwrap();
    let pem =
        format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(&modulus));
    // Everything that anybody knows of the key, each taken for a secret.
    for secret in
        [modulus, pem.into_bytes(), public.to_string().into_bytes(), JWKS.as_bytes().to_vec(), Vec::new()]
    {
        for alg in ["HS256", "RS256"] {
            let header = json!({"alg": alg, "kid": "rsa-1"}).to_string();
            let key = EncodingKey::from_secret(&secret);
            let forged = signed(&header, &claims().to_string(), Algorithm::HS256, &key);
            assert_eq!(status(&server, &forged).await, 401, "{alg} with {} bytes", secret.len());
        }
    }
}

#[tokio::test]
async fn a_token_never_says_where_keys_are_looked_for() {
    let (provider, mallory) = (Provider::good().await, Provider::good().await);
    let server = with_provider(&provider).await;
    let theirs = json!({"kty": "oct", "k": part(SECRET)});
    let forged_with = |header: &Value| hs256(&header.to_string(), &claims().to_string());
    for kid in [
        "../../../../etc/passwd",
        "/dev/null",
        "http://127.0.0.1/",
        "' OR 1=1 --",
        "rsa-1\0",
        "%2e%2e%2f",
        "",
    ] {
        assert_eq!(status(&server, &rs256(&json!({"alg": "RS256", "kid": kid}))).await, 401, "{kid:?}");
    }
    for (name, value) in [
        ("jku", json!(mallory.url)),
        ("x5u", json!(mallory.url)),
        ("jwk", theirs),
        ("x5c", json!([STANDARD.encode(SECRET)])),
    ] {
        let mut header = json!({"alg": "HS256", "kid": mallory.url});
        header[name] = value;
        assert_eq!(status(&server, &forged_with(&header)).await, 401, "{name}");
        header["alg"] = json!("RS256");
        assert_eq!(status(&server, &forged_with(&header)).await, 401, "{name} as RS256");
    }
    assert_eq!(mallory.asked(), [""; 0], "nobody asks where a token says");
    let asked = provider.asked();
    assert!(
        (1..=3).contains(&asked.len()),
        "kids that nobody knows cost a request in ten seconds: {asked:?}"
    );
    assert!(asked.iter().all(|line| line == "GET /keys/jwks.json HTTP/1.1"), "{asked:?}");
}

#[tokio::test]
async fn a_provider_that_fails_in_whatever_way_is_no_401_and_no_way_in() {
    let elsewhere = Provider::good().await;
    let moved = format!("302 Found\r\nLocation: {}", elsewhere.url);
    let says = |status, body: &str| Answer::Says(status, body.to_owned());
    let failures = [
        says("500 Internal Server Error", JWKS),
        says("404 Not Found", JWKS),
        says(moved.leak(), JWKS),
        says("200 OK", "<html>down for maintenance</html>"),
        says("200 OK", ""),
        says("200 OK", "{\"keys\": 7}"),
        Answer::Says("200 OK", format!("{{\"keys\":[],\"more\":\"{}\"}}", "x".repeat(1_000_000))),
        Answer::Silent,
    ];
    for failure in failures {
        let told: String = format!("{failure:?}").chars().take(80).collect();
        let server = with_provider(&Provider::answering(failure).await).await;
        let token = rs256(&json!({"alg": "RS256", "kid": "rsa-1"}));
        let knocking = status(&server, &token);
        let status =
            tokio::time::timeout(Duration::from_secs(29), knocking).await.expect("within a handshake's time");
        assert!((500..600).contains(&status), "{told}: {status}");
    }
    assert_eq!(elsewhere.asked(), [""; 0], "a redirect is not followed");
}

#[tokio::test]
async fn keys_that_fit_no_token_let_nobody_in() {
    for keys in [
        json!({"keys": []}),
        json!({"keys": [{"kty": "oct", "kid": "rsa-1", "alg": "RS256", "k": part(SECRET)}]}),
        json!({"keys": [{"kty": "RSA", "kid": "rsa-1", "n": "", "e": ""}]}),
        json!({"keys": [{"kty": "RSA", "kid": "rsa-1", "n": "AQ", "e": "AQ"}]}),
        json!({"keys": [null, 7, "rsa-1", {"kty": "weird"}]}),
    ] {
        let provider = Provider::answering(Answer::Says("200 OK", keys.to_string())).await;
        let server = with_provider(&provider).await;
        let header = json!({"alg": "RS256", "kid": "rsa-1"});
        assert_eq!(status(&server, &rs256(&header)).await, 401, "{keys}");
        assert_eq!(status(&server, &hs256(&header.to_string(), &claims().to_string())).await, 401, "{keys}");
    }
}
