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

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_asked_for_stands_in_the_token_and_nothing_else() {
        let now = Timestamp::from_millis(1_764_000_000_999);
        let claims = |auth: &Auth, wanted: Wanted<'_>| -> Value {
            let token = sign(&[7; 32], auth, &wanted, now).unwrap();
            let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
            serde_json::from_slice(&payload).unwrap()
        };
        let auth = Auth::of(crate::config::Algorithm::Hs256);
        assert_eq!(
            claims(&auth, Wanted { user: "alice", grants: None, ttl: 60 }),
            json!({"sub": "alice", "iat": 1_764_000_000, "exp": 1_764_000_060})
        );
        let (grants, whose) = (json!({"room:*": ["*"]}), Some("us".to_owned()));
        let auth = Auth { issuer: whose.clone(), audience: whose, ..auth };
        assert_eq!(
            claims(&auth, Wanted { user: "bob", grants: Some(&grants), ttl: -1 }),
            json!({
                "sub": "bob", "iat": 1_764_000_000, "exp": 1_763_999_999, "iss": "us", "aud": "us", "sorl": grants,
            })
        );
    }
}
