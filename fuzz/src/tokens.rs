//! Tokens and JWKS documents: whoever is let in was signed for, by the pinned algorithm, and says what the token says.
//!
//! The first byte says what the rest is: a whole `t`oken, `c`laims or a `h`eader that are signed here as they are, or
//! a `j`WKS.

use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures::executor::block_on;
use jsonwebtoken::crypto::sign;
use jsonwebtoken::{Algorithm as Signature, EncodingKey};
use serde_json::Value;
use sorl_core::authorize::{AuthorizeError, Handshake, Principal, VerifyKey, authorize, jwks};
use sorl_core::config::{Algorithm, Config, Site};
use sorl_core::limits::{GRANTS_LEN_MAX, TOKEN_LEN_MAX};
use sorl_core::ports::{Keys, Unavailable};
use sorl_core::region::Region;

use super::stubs::{NOW, Nothing};

const SECRET: &[u8] = b"a secret of at least thirty-two bytes";
const HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;
const CLAIMS: &str = r#"{"sub":"alice","exp":1764000060}"#;
/// The tests' own key: `x` is its public half.
const ED: &[u8] = include_bytes!("../../tests/fixtures/jwt/eddsa.pem");
const JWKS: &str = include_str!("../../tests/fixtures/jwt/jwks.json");

struct Fixed(Vec<VerifyKey>);

#[async_trait]
impl Keys for Fixed {
    async fn find(&self, _kid: Option<&str>) -> Result<Vec<VerifyKey>, Unavailable> {
        Ok(self.0.clone())
    }
}

/// Holds for everything that is taken for a token, or for keys.
pub fn hold(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Some(kind) = text.chars().next() else { return };
    let rest = text.get(kind.len_utf8()..).unwrap_or_default();
    match kind {
        't' => token(rest),
        'c' => signed(HEADER, rest),
        'h' => signed(rest, CLAIMS),
        'j' => keys(rest),
        _ => {}
    }
}

fn site(algorithm: &str) -> Site {
    let jwks = if algorithm == "HS256" { "" } else { "jwks = \"https://id.example/jwks\"\n" };
    let config =
        Config::parse(&format!("[auth]\nalgorithm = \"{algorithm}\"\n{jwks}")).expect("a configuration");
    Site { region: Region::parse("eu-north-1").expect("a region"), config: Arc::new(config) }
}

fn admit(token: &str, keys: Vec<VerifyKey>, algorithm: &str) -> Option<Principal> {
    let handshake = Handshake { query_token: Some(token), ..Handshake::default() };
    match block_on(authorize(&handshake, &Fixed(keys), &Nothing::default(), &site(algorithm))) {
        Ok(principal) => Some(principal),
        Err(AuthorizeError::Unauthorized(reason)) => {
            assert!(!reason.is_empty());
            None
        }
        Err(other) => panic!("neither let in nor refused: {other}"),
    }
}

fn token(token: &str) {
    let key = VerifyKey::secret(None, SECRET);
    if let Some(principal) = admit(token, vec![key], "HS256") {
        let (message, signature) = token.rsplit_once('.').expect("a signature");
        let expected = sign(message.as_bytes(), &EncodingKey::from_secret(SECRET), Signature::HS256);
        assert_eq!(expected.expect("HMAC"), signature, "nobody is let in who was not signed for");
        let (header, claims) = message.split_once('.').expect("a header");
        as_it_says(&decoded(header), &decoded(claims), &principal);
    }
    let forged = admit(token, vec![VerifyKey::secret(None, b"another secret of thirty-two bytes")], "HS256");
    assert_eq!(forged, None, "a key that nobody here has");
}

fn decoded(part: &str) -> String {
    let bytes = URL_SAFE_NO_PAD.decode(part).expect("base64");
    String::from_utf8(bytes).expect("JSON is UTF-8")
}

fn signed(header: &str, claims: &str) {
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let signature =
        sign(message.as_bytes(), &EncodingKey::from_secret(SECRET), Signature::HS256).expect("HMAC");
    let token = format!("{message}.{signature}");
    let Some(principal) = admit(&token, vec![VerifyKey::secret(None, SECRET)], "HS256") else { return };
    assert!(token.len() <= TOKEN_LEN_MAX);
    as_it_says(header, claims, &principal);
}

/// The principal against the token as another reader sees it.
fn as_it_says(header: &str, claims: &str, principal: &Principal) {
    let header: Value = serde_json::from_str(header).expect("a header is JSON");
    assert_eq!(header["alg"], "HS256", "the algorithm is pinned");
    assert!(header.get("crit").is_none_or(Value::is_null), "an extension that is not known");
    let claims: Value = serde_json::from_str(claims).expect("claims are JSON");
    assert_eq!(claims["sub"], principal.user.as_str());
    assert!(principal.expires_at > NOW);
    let seconds = claims["exp"].as_f64().expect("a number");
    assert!(seconds * 1_000.0 >= NOW.as_millis() as f64, "no leeway");
    if let Some(not_before) = claims["nbf"].as_f64() {
        assert!(not_before * 1_000.0 <= NOW.as_millis() as f64 + 1.0);
    }
    let grants = serde_json::to_value(&principal.grants).expect("grants are JSON");
    assert_eq!(claims.get("sorl").unwrap_or(&Value::Null), &grants, "no right that the token does not name");
    assert!(grants.to_string().len() <= GRANTS_LEN_MAX || grants.is_null());
}

fn keys(document: &str) {
    for algorithm in [Algorithm::Hs256, Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa] {
        let Ok(keys) = jwks(document, algorithm) else { continue };
        assert!(
            keys.is_empty() || algorithm != Algorithm::Hs256,
            "a shared secret never comes from a document"
        );
        if algorithm == Algorithm::EdDsa && admit(&ed_token(), keys, "EdDSA").is_some() {
            let real: Value = serde_json::from_str(JWKS).expect("the tests' own");
            let keys = real["keys"].as_array().expect("keys");
            let real = keys.iter().find(|key| key["kty"] == "OKP").expect("an Ed25519 key");
            let document: Value = serde_json::from_str(document).expect("it was read");
            let named = |key: &Value| key["x"] == real["x"];
            assert!(
                document["keys"].as_array().is_some_and(|keys| keys.iter().any(named)),
                "the very key is there"
            );
        }
    }
}

fn ed_token() -> String {
    let header = r#"{"alg":"EdDSA","typ":"JWT"}"#;
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(CLAIMS));
    let key = EncodingKey::from_ed_pem(ED).expect("the tests' own");
    format!("{message}.{}", sign(message.as_bytes(), &key, Signature::EdDSA).expect("a signature"))
}
