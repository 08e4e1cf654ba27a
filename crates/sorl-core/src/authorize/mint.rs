//! A token as an application's own server would sign it, for whoever stands in for one: `sorl dev`, the command line,
//! the canary.
//!
//! Not its verification (`token`). The invariant: whatever is asked for stands in it, valid or not; a secret is
//! neither kept nor told.

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Serialize;
use serde_json::Value;

use crate::config::Auth;
use crate::time::Timestamp;

/// What a token is to say.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// Whom it speaks for.
    pub user: &'a str,
    /// The claim `sorl`, if there is to be one.
    pub grants: Option<&'a Value>,
    /// Seconds until it expires; of one that has expired already, less than none.
    pub ttl: i64,
}

/// A token could not be signed.
#[derive(Debug, thiserror::Error)]
#[error("the token cannot be signed")]
pub struct Unsigned(#[source] jsonwebtoken::errors::Error);

#[derive(Serialize)]
struct Claims<'a> {
    sub: &'a str,
    iat: i64,
    exp: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    iss: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sorl: Option<&'a Value>,
}

/// Signs what is wanted, as of `now`, with the stage's shared secret (HS256).
///
/// # Errors
/// [`Unsigned`], of which no input is known.
pub fn sign(secret: &[u8], auth: &Auth, wanted: &Wanted<'_>, now: Timestamp) -> Result<String, Unsigned> {
    let iat = i64::try_from(now.as_millis() / 1_000).unwrap_or(i64::MAX);
    let claims = Claims {
        sub: wanted.user,
        iat,
        exp: iat.saturating_add(wanted.ttl).max(0),
        iss: auth.issuer.as_deref(),
        aud: auth.audience.as_deref(),
        sorl: wanted.grants,
    };
    let key = EncodingKey::from_secret(secret);
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key).map_err(Unsigned)
}
