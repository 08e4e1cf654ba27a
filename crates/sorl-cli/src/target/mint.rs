//! Signing tokens with a stage's secret, as an application's own server would.
//!
//! Not `sorl dev`'s minting, which is asked by HTTP. The invariant: a secret is neither printed nor kept longer than
//! the command runs.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use jsonwebtoken::{Algorithm as Signature, EncodingKey, Header};
use serde::Serialize;
use serde_json::Value;
use sorl_core::config::{Algorithm, Auth};

use crate::exit::Misuse;

/// What a token says.
#[derive(Serialize)]
struct Claims<'a> {
    sub: &'a str,
    iat: u64,
    exp: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    iss: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sorl: Option<&'a Value>,
}

/// Whether tokens of this configuration can be minted with a secret.
///
/// # Errors
/// A [`Misuse`] that says who can.
pub(super) fn check(auth: &Auth) -> Result<(), Misuse> {
    let name = match auth.algorithm {
        Algorithm::Hs256 => return Ok(()),
        Algorithm::Rs256 => "RS256",
        Algorithm::Es256 => "ES256",
        Algorithm::EdDsa => "EdDSA",
    };
    Err(Misuse(format!(
        "the stage's tokens are signed with {name}, so only whoever holds the private key can mint them; \
         pass one with --token or SORL_TOKEN"
    )))
}

/// A token of `user`, with `grants` as its claim, if given.
pub(super) fn sign(
    secret: &str,
    auth: &Auth,
    user: &str,
    grants: Option<&Value>,
    ttl: Duration,
) -> anyhow::Result<String> {
    let iat = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let claims = Claims {
        sub: user,
        iat,
        exp: iat.saturating_add(ttl.as_secs().max(1)),
        iss: auth.issuer.as_deref(),
        aud: auth.audience.as_deref(),
        sorl: grants,
    };
    let key = EncodingKey::from_secret(secret.as_bytes());
    jsonwebtoken::encode(&Header::new(Signature::HS256), &claims, &key).context("the token cannot be signed")
}

#[cfg(test)]
mod tests {
    use sorl_core::config::Config;

    use super::*;

    #[test]
    fn a_token_signed_elsewhere_is_not_minted_here() {
        let text = "[auth]\nalgorithm = \"EdDSA\"\njwks = \"https://id.example/jwks\"\n";
        let config = Config::parse(text).unwrap();
        let fault = check(&config.auth).unwrap_err().to_string();
        assert!(fault.contains("EdDSA") && fault.contains("--token"), "{fault}");
        assert!(check(&Config::default().auth).is_ok());
    }
}
