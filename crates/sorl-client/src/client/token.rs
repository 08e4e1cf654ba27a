//! Reads the user's name from a token, to know the personal channel's name.
//!
//! It verifies nothing: the service does that, and a forged name would only lead to a refusal.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use sorl_core::names::UserName;

#[derive(Deserialize)]
struct Claims {
    sub: UserName,
}

/// The `sub` of a JWT, if one can be read.
pub(super) fn user_of(token: &str) -> Option<UserName> {
    let claims = token.split('.').nth(1)?;
    let claims = URL_SAFE_NO_PAD.decode(claims).ok()?;
    serde_json::from_slice::<Claims>(&claims).ok().map(|claims| claims.sub)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_user_is_the_subject_of_the_token() {
        let token = format!("x.{}.y", URL_SAFE_NO_PAD.encode(r#"{"sub":"alice","exp":1}"#));
        assert_eq!(user_of(&token), UserName::parse("alice").ok());
    }

    #[test]
    fn a_text_that_is_no_token_has_no_user() {
        for text in ["", "a.b", "a.!.c", "a.e30.c"] {
            assert_eq!(user_of(text), None, "{text}");
        }
    }
}
