//! Verifying a JWT: algorithm and kind of key are pinned by the configuration, never by the token.
//!
//! Not where keys come from (`ports::Keys`). Time is core's own: no leeway on `exp`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{DecodingKey, Validation};
use serde::Deserialize;

use super::{AuthorizeError, Principal};
use crate::config::{Algorithm, Auth};
use crate::grants::Grants;
use crate::limits::{GRANTS_LEN_MAX, TOKEN_LEN_MAX};
use crate::names::UserName;
use crate::ports::Keys;
use crate::time::Timestamp;

/// A key that tokens may be verified with.
#[derive(Clone)]
pub struct VerifyKey {
    kid: Option<String>,
    key: DecodingKey,
}

impl VerifyKey {
    /// A shared secret.
    #[must_use]
    pub fn secret(kid: Option<String>, secret: &[u8]) -> Self {
        Self { kid, key: DecodingKey::from_secret(secret) }
    }

    /// The key's own name, by which a token may refer to it.
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }
}

impl std::fmt::Debug for VerifyKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VerifyKey").field("kid", &self.kid).finish_non_exhaustive()
    }
}

/// The keys of a JWKS that fit `algorithm`; others, and keys for encryption, are passed over.
///
/// # Errors
/// If the text is no JWKS.
pub fn jwks(text: &str, algorithm: Algorithm) -> Result<Vec<VerifyKey>, serde_json::Error> {
    #[derive(Deserialize)]
    struct Loose {
        keys: Vec<serde_json::Value>,
    }
    // A key of a kind that the library does not know must not cost the others.
    let loose: Loose = serde_json::from_str(text)?;
    let keys = loose.keys.into_iter().filter_map(|key| serde_json::from_value::<Jwk>(key).ok()).collect();
    let set = JwkSet { keys };
    Ok(set.keys.iter().filter(|jwk| fits(jwk, algorithm)).filter_map(verify_key).collect())
}

fn verify_key(jwk: &Jwk) -> Option<VerifyKey> {
    let key = DecodingKey::from_jwk(jwk).ok()?;
    Some(VerifyKey { kid: jwk.common.key_id.clone(), key })
}

fn fits(jwk: &Jwk, algorithm: Algorithm) -> bool {
    let for_signatures =
        jwk.common.public_key_use.as_ref().is_none_or(|usage| *usage == PublicKeyUse::Signature);
    let (named, kind) = match (algorithm, &jwk.algorithm) {
        (Algorithm::Rs256, AlgorithmParameters::RSA(_)) => (KeyAlgorithm::RS256, true),
        (Algorithm::Es256, AlgorithmParameters::EllipticCurve(ec)) => {
            (KeyAlgorithm::ES256, ec.curve == EllipticCurve::P256)
        }
        (Algorithm::EdDsa, AlgorithmParameters::OctetKeyPair(pair)) => {
            (KeyAlgorithm::EdDSA, pair.curve == EllipticCurve::Ed25519 && is_ed25519(&pair.x))
        }
        // A shared secret never comes from a public document.
        _ => return false,
    };
    for_signatures && kind && jwk.common.key_algorithm.is_none_or(|algorithm| algorithm == named)
}

/// The library takes 32 bytes of a key without a look, and panics if there are fewer.
fn is_ed25519(x: &str) -> bool {
    URL_SAFE_NO_PAD.decode(x).is_ok_and(|key| key.len() == 32)
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
    exp: serde_json::Number,
    nbf: Option<serde_json::Number>,
    sorl: Option<Grants>,
}

pub(super) async fn verify(
    token: &str,
    keys: &dyn Keys,
    now: Timestamp,
    auth: &Auth,
) -> Result<Principal, AuthorizeError> {
    if token.len() > TOKEN_LEN_MAX {
        return Err(AuthorizeError::Unauthorized("the token is too long"));
    }
    let header = jsonwebtoken::decode_header(token)
        .map_err(|_fault| AuthorizeError::Unauthorized("the token is no JWT of a known algorithm"))?;
    if header.alg != pinned(auth.algorithm) {
        return Err(AuthorizeError::Unauthorized("the token is signed with another algorithm"));
    }
    if header.crit.is_some() {
        return Err(AuthorizeError::Unauthorized("the token demands an extension that is not known"));
    }
    let candidates = keys.find(header.kid.as_deref()).await?;
    let validation = validation(auth);
    let claims = candidates
        .iter()
        .find_map(|candidate| jsonwebtoken::decode::<Claims>(token, &candidate.key, &validation).ok())
        .ok_or(AuthorizeError::Unauthorized("no key verifies the token, or a claim is missing or wrong"))?
        .claims;
    principal(claims, now)
}

fn principal(claims: Claims, now: Timestamp) -> Result<Principal, AuthorizeError> {
    let expires_at = timestamp(&claims.exp).ok_or(AuthorizeError::Unauthorized("exp is no time"))?;
    if expires_at <= now {
        return Err(AuthorizeError::Unauthorized("the token expired"));
    }
    let not_before = claims.nbf.as_ref().map_or(Some(Timestamp::ZERO), timestamp);
    if not_before.is_none_or(|not_before| not_before > now) {
        return Err(AuthorizeError::Unauthorized("the token is not valid yet"));
    }
    let user =
        UserName::parse(&claims.sub).map_err(|_fault| AuthorizeError::Unauthorized("sub is no user name"))?;
    if claims.sorl.as_ref().is_some_and(|grants| grants_len(grants) > GRANTS_LEN_MAX) {
        return Err(AuthorizeError::Unauthorized("the claim sorl is too large"));
    }
    Ok(Principal { user, grants: claims.sorl, expires_at })
}

fn grants_len(grants: &Grants) -> usize {
    serde_json::to_string(grants).map_or(usize::MAX, |text| text.len())
}

/// Seconds since the epoch, perhaps with a fraction, as `NumericDate` of RFC 7519 allows; rounded down.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the range is checked, and a fraction of a millisecond is dropped on purpose"
)]
fn timestamp(seconds: &serde_json::Number) -> Option<Timestamp> {
    if let Some(seconds) = seconds.as_u64() {
        return Some(Timestamp::from_millis(seconds.saturating_mul(1_000)));
    }
    let millis = seconds.as_f64()? * 1_000.0;
    (0.0..1e15).contains(&millis).then(|| Timestamp::from_millis(millis as u64))
}

const fn pinned(algorithm: Algorithm) -> jsonwebtoken::Algorithm {
    match algorithm {
        Algorithm::Hs256 => jsonwebtoken::Algorithm::HS256,
        Algorithm::Rs256 => jsonwebtoken::Algorithm::RS256,
        Algorithm::Es256 => jsonwebtoken::Algorithm::ES256,
        Algorithm::EdDsa => jsonwebtoken::Algorithm::EdDSA,
    }
}

fn validation(auth: &Auth) -> Validation {
    let mut validation = Validation::new(pinned(auth.algorithm));
    // Times are judged by core's clock, in `principal`.
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.required_spec_claims.clear();
    if let Some(issuer) = &auth.issuer {
        validation.set_issuer(&[issuer]);
        validation.required_spec_claims.insert("iss".to_owned());
    }
    match &auth.audience {
        Some(audience) => {
            validation.set_audience(&[audience]);
            validation.required_spec_claims.insert("aud".to_owned());
        }
        None => validation.validate_aud = false,
    }
    validation
}
