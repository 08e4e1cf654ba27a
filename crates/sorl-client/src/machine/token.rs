//! Reads from a token whose it is and until when: to know the personal channel's name, and when to ask for
//! the next token.
//!
//! It verifies nothing: the service does that, and a forged claim would only lead to a refusal.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use sorl_core::names::UserName;
use sorl_core::time::Timestamp;

#[derive(Deserialize)]
struct Subject {
    sub: UserName,
}

#[derive(Deserialize)]
struct Expiry {
    exp: u64,
}

/// The `sub` of a JWT, if one can be read.
pub(super) fn user_of(token: &str) -> Option<UserName> {
    claims::<Subject>(token).map(|claims| claims.sub)
}

/// The `exp` of a JWT, if one can be read.
pub(super) fn expiry_of(token: &str) -> Option<Timestamp> {
    claims::<Expiry>(token).map(|claims| Timestamp::from_millis(claims.exp.saturating_mul(1_000)))
}

fn claims<T: DeserializeOwned>(token: &str) -> Option<T> {
    let claims = token.split('.').nth(1)?;
    let claims = URL_SAFE_NO_PAD.decode(claims).ok()?;
    serde_json::from_slice(&claims).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_says_whose_it_is_and_until_when() {
        let token = format!("x.{}.y", URL_SAFE_NO_PAD.encode(r#"{"sub":"alice","exp":7}"#));
        assert_eq!(user_of(&token), UserName::parse("alice").ok());
        assert_eq!(expiry_of(&token), Some(Timestamp::from_millis(7_000)));
    }

    #[test]
    fn a_text_that_is_no_token_says_nothing() {
        for text in ["", "a.b", "a.!.c", "a.e30.c"] {
            assert_eq!((user_of(text), expiry_of(text)), (None, None), "{text}");
        }
    }
}
