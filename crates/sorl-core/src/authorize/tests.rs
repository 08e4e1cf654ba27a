//! Attacks on tokens, and the tokens that pass: every refusal is a 401, never a panic, never a way in.

use async_trait::async_trait;
use futures::executor::block_on;
use jsonwebtoken::{Algorithm as Alg, EncodingKey, Header, encode};
use serde_json::{Value, json};

use super::*;
use std::sync::Arc;

use crate::config::{Algorithm, Auth, Config};
use crate::limits::{GRANTS_LEN_MAX, TOKEN_LEN_MAX};

const SECRET: &[u8] = b"a secret of at least thirty-two bytes";
const NOW: u64 = 1_764_000_000;
const JWKS: &str = include_str!("../../../../tests/fixtures/jwt/jwks.json");
const RSA: &[u8] = include_bytes!("../../../../tests/fixtures/jwt/rs256.pem");
const EC: &[u8] = include_bytes!("../../../../tests/fixtures/jwt/es256.pem");
const ED: &[u8] = include_bytes!("../../../../tests/fixtures/jwt/eddsa.pem");

struct Fixed(Vec<VerifyKey>);

#[async_trait]
impl Keys for Fixed {
    async fn find(&self, kid: Option<&str>) -> Result<Vec<VerifyKey>, Unavailable> {
        let known = |key: &&VerifyKey| kid.is_none() || key.kid().is_none() || key.kid() == kid;
        Ok(self.0.iter().filter(known).cloned().collect())
    }
}

/// The clock stands still.
struct Noon;

impl Clock for Noon {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(NOW * 1_000)
    }
}

struct Down;

#[async_trait]
impl Keys for Down {
    async fn find(&self, _kid: Option<&str>) -> Result<Vec<VerifyKey>, Unavailable> {
        Err(Unavailable::new("keys", "no route"))
    }
}

fn auth(algorithm: Algorithm) -> Auth {
    Auth::of(algorithm)
}

fn secret() -> Fixed {
    Fixed(vec![VerifyKey::secret(None, SECRET)])
}

fn claims() -> Value {
    json!({"sub": "alice", "exp": NOW + 60})
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims
}

fn hs256(claims: &Value) -> String {
    encode(&Header::new(Alg::HS256), claims, &EncodingKey::from_secret(SECRET)).unwrap()
}

fn verify_with(token: &str, keys: &dyn Keys, auth: &Auth) -> Result<Principal, AuthorizeError> {
    block_on(token::verify(token, keys, Timestamp::from_millis(NOW * 1_000), auth))
}

fn verify(token: &str) -> Result<Principal, AuthorizeError> {
    verify_with(token, &secret(), &auth(Algorithm::Hs256))
}

fn assert_refused(result: &Result<Principal, AuthorizeError>, why: &str) {
    assert!(matches!(result, Err(AuthorizeError::Unauthorized(_))), "{why}: {result:?}");
}

#[test]
fn a_good_token_says_who_until_when_and_what() {
    let principal = verify(&hs256(&with("sorl", json!({"room:*": ["subscribe"]})))).unwrap();
    assert_eq!(principal.user.as_str(), "alice");
    assert_eq!(principal.expires_at, Timestamp::from_millis((NOW + 60) * 1_000));
    assert!(principal.grants.is_some());
    assert_eq!(verify(&hs256(&claims())).unwrap().grants, None);
}

#[test]
fn expiry_has_no_leeway_and_fractions_count() {
    assert_refused(&verify(&hs256(&with("exp", json!(NOW)))), "exp is now");
    assert!(verify(&hs256(&with("exp", json!(NOW + 1)))).is_ok());
    let principal = verify(&hs256(&with("exp", json!(NOW as f64 + 0.5)))).unwrap();
    assert_eq!(principal.expires_at, Timestamp::from_millis(NOW * 1_000 + 500));
}

#[test]
fn claims_that_are_missing_or_wrong_are_refused() {
    for (why, claims) in [
        ("no exp", json!({"sub": "alice"})),
        ("no sub", json!({"exp": NOW + 60})),
        ("exp is text", with("exp", json!("never"))),
        ("exp is negative", with("exp", json!(-1))),
        ("sub has a space", with("sub", json!("no body"))),
        ("sub is empty", with("sub", json!(""))),
        ("sub is too long", with("sub", json!("a".repeat(121)))),
        ("sub is a number", with("sub", json!(7))),
        ("not valid yet", with("nbf", json!(NOW + 10))),
        ("grants are a list", with("sorl", json!(["*"]))),
        ("rights are a text", with("sorl", json!({"*": "*"}))),
        ("grants are too large", with("sorl", json!({"room:x": vec!["subscribe"; 400]}))),
    ] {
        assert_refused(&verify(&hs256(&claims)), why);
    }
}

#[test]
fn the_algorithm_is_pinned_by_the_configuration_never_by_the_token() {
    let none = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJzdWIiOiJhbGljZSIsImV4cCI6OTk5OTk5OTk5OX0.";
    assert_refused(&verify(none), "alg none");
    let hs512 = encode(&Header::new(Alg::HS512), &claims(), &EncodingKey::from_secret(SECRET)).unwrap();
    assert_refused(&verify(&hs512), "another HMAC");
    // The classic confusion: the public key taken for a shared secret.
    let public = Fixed(jwks(JWKS, Algorithm::Rs256).unwrap());
    let forged = encode(&Header::new(Alg::HS256), &claims(), &EncodingKey::from_secret(RSA)).unwrap();
    assert_refused(&verify_with(&forged, &public, &auth(Algorithm::Rs256)), "HS256 with the public key");
}

#[test]
fn rubbish_is_refused() {
    let good = hs256(&claims());
    for token in ["", ".", "..", "a.b.c", &good[..good.len() - 2], &format!("{good}x"), &"x".repeat(100_000)]
    {
        assert_refused(&verify(token), "rubbish");
    }
    let other = encode(&Header::new(Alg::HS256), &claims(), &EncodingKey::from_secret(b"another")).unwrap();
    assert_refused(&verify(&other), "another secret");
}

#[test]
fn public_keys_verify_by_kid_and_kind() {
    let cases = [
        (Algorithm::Rs256, Alg::RS256, EncodingKey::from_rsa_pem(RSA).unwrap(), "rsa-1"),
        (Algorithm::Es256, Alg::ES256, EncodingKey::from_ec_pem(EC).unwrap(), "ec-1"),
        (Algorithm::EdDsa, Alg::EdDSA, EncodingKey::from_ed_pem(ED).unwrap(), "ed-1"),
    ];
    for (algorithm, alg, key, kid) in cases {
        let keys = Fixed(jwks(JWKS, algorithm).unwrap());
        assert_eq!(keys.0.len(), 1, "only keys of the pinned kind are taken");
        let sign = |kid: Option<&str>| {
            let header = Header { kid: kid.map(str::to_owned), ..Header::new(alg) };
            encode(&header, &claims(), &key).unwrap()
        };
        let (hs256_only, auth) = (super::tests::auth(Algorithm::Hs256), auth(algorithm));
        assert!(verify_with(&sign(Some(kid)), &keys, &auth).is_ok());
        assert!(verify_with(&sign(None), &keys, &auth).is_ok());
        assert_refused(&verify_with(&sign(Some("../../etc/passwd")), &keys, &auth), "unknown kid");
        assert_refused(&verify_with(&sign(Some(kid)), &keys, &hs256_only), "pinned HS256");
    }
}

#[test]
fn a_key_of_another_curve_or_for_another_use_is_passed_over() {
    let key = |more: Value| {
        let mut key = json!({"kty": "EC", "crv": "P-256", "x": "AAAA", "y": "AAAA"});
        key.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        jwks(&json!({"keys": [key]}).to_string(), Algorithm::Es256).unwrap().len()
    };
    assert_eq!((key(json!({})), key(json!({"use": "sig", "alg": "ES256"}))), (1, 1));
    assert_eq!(key(json!({"crv": "P-384"})), 0);
    assert_eq!(key(json!({"use": "enc"})), 0);
    assert_eq!(key(json!({"alg": "ES384"})), 0);
}

#[test]
fn a_public_key_that_is_too_short_is_passed_over() {
    let header = Header::new(Alg::EdDSA);
    let token = encode(&header, &claims(), &EncodingKey::from_ed_pem(ED).unwrap()).unwrap();
    for x in ["", "AAAA", "FdE8Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHg"] {
        let document = json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "x": x}]}).to_string();
        let keys = Fixed(jwks(&document, Algorithm::EdDsa).unwrap());
        assert_refused(&verify_with(&token, &keys, &auth(Algorithm::EdDsa)), x);
    }
}

#[test]
fn a_token_is_valid_from_its_nbf_on() {
    assert!(verify(&hs256(&with("nbf", json!(NOW)))).is_ok());
    assert_refused(&verify(&hs256(&with("nbf", json!(NOW + 1)))), "not yet");
}

#[test]
fn a_token_and_its_grants_may_be_as_long_as_the_bounds_and_no_longer() {
    let padded = |len: usize| hs256(&with("pad", json!("x".repeat(len))));
    let lengths = (0..TOKEN_LEN_MAX).rev().map(padded).filter(|token| token.len() <= TOKEN_LEN_MAX + 1);
    for token in lengths.take(3) {
        assert_eq!(verify(&token).is_ok(), token.len() <= TOKEN_LEN_MAX, "{} bytes", token.len());
    }
    let granted = |len: usize| {
        let around = json!({"": ["publish"]}).to_string().len();
        with("sorl", json!({"x".repeat(len - around): ["publish"]}))
    };
    assert!(verify(&hs256(&granted(GRANTS_LEN_MAX))).is_ok());
    assert_refused(&verify(&hs256(&granted(GRANTS_LEN_MAX + 1))), "a claim of more than 4 KB");
}

#[test]
fn issuer_and_audience_are_required_where_they_are_configured() {
    let auth = Auth {
        issuer: Some("https://id.example".to_owned()),
        audience: Some("chat".to_owned()),
        ..auth(Algorithm::Hs256)
    };
    let mut good = claims();
    good["iss"] = json!("https://id.example");
    good["aud"] = json!(["chat", "other"]);
    assert!(verify_with(&hs256(&good), &secret(), &auth).is_ok());
    for (name, value) in [("iss", json!("https://evil.example")), ("aud", json!("other"))] {
        let mut bad = good.clone();
        bad[name] = value;
        assert_refused(&verify_with(&hs256(&bad), &secret(), &auth), name);
        let mut missing = good.clone();
        missing.as_object_mut().unwrap().remove(name);
        assert_refused(&verify_with(&hs256(&missing), &secret(), &auth), name);
    }
    let unasked = with("aud", json!("anything"));
    assert!(verify(&hs256(&unasked)).is_ok());
}

#[test]
fn a_foreign_page_is_refused_before_any_key_is_asked_for() {
    let config = Config::parse("[auth]\norigins = [\"https://chat.example.com\"]\n").unwrap();
    let site = Site { region: Region::parse("eu-north-1").unwrap(), config: Arc::new(config) };
    let token = hs256(&claims());
    let knock = |origin, keys: &dyn Keys| {
        let handshake =
            Handshake { authorization: None, query_token: Some(&token), origin, subprotocols: None };
        block_on(authorize(&handshake, keys, &Noon, &site))
    };
    assert!(knock(Some("https://chat.example.com"), &secret()).is_ok());
    assert!(knock(None, &secret()).is_ok(), "what is no page sends no origin");
    for origin in ["https://evil.example", "null", "", "https://chat.example.com,https://evil.example"] {
        let refused = knock(Some(origin), &Down);
        assert!(matches!(refused, Err(AuthorizeError::ForeignOrigin(told)) if told == origin), "{origin:?}");
    }
    let long = format!("https://{}", "a".repeat(10_000));
    let refused = knock(Some(&long), &Down);
    assert!(
        matches!(refused, Err(AuthorizeError::ForeignOrigin(told)) if told.len() == 256),
        "told in short"
    );
}

#[test]
fn keys_that_cannot_be_had_are_not_the_clients_fault() {
    let result = verify_with(&hs256(&claims()), &Down, &auth(Algorithm::Hs256));
    assert!(matches!(result, Err(AuthorizeError::Unavailable(_))));
}
