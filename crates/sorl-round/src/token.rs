//! The canary's own token: of a minute or two, and good for its own channels only.

use std::time::Duration;

use jsonwebtoken::errors::Error;
use jsonwebtoken::{EncodingKey, Header};
use serde::Serialize;
use serde_json::{Value, json};
use sorl_core::config::Auth;
use sorl_core::time::Timestamp;

/// Who the canary is.
pub const USER: &str = "canary";
/// What it may: to hear itself.
const CHANNELS: &str = "canary:*";
/// How long a token is good: longer than any round, too short to be worth stealing.
const LIFE: Duration = Duration::from_secs(120);

#[derive(Serialize)]
struct Claims<'a> {
    sub: &'static str,
    exp: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    iss: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<&'a str>,
    sorl: Value,
}

/// A token signed with the stage's shared secret (HS256).
///
/// # Errors
/// If the secret cannot sign.
pub fn sign(secret: &[u8], auth: &Auth, now: Timestamp) -> Result<String, Error> {
    let claims = Claims {
        sub: USER,
        exp: now.plus(LIFE).as_millis() / 1_000,
        iss: auth.issuer.as_deref(),
        aud: auth.audience.as_deref(),
        sorl: json!({ CHANNELS: ["subscribe", "publish"] }),
    };
    jsonwebtoken::encode(&Header::default(), &claims, &EncodingKey::from_secret(secret))
}
