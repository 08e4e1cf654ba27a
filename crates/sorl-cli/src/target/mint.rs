//! Whether tokens of a stage can be signed here at all, as an application's own server would sign them.
//!
//! Not the signing (`sorl_core::authorize`), and not `sorl dev`'s minting, which is asked by HTTP.

use sorl_core::config::{Algorithm, Auth};

use crate::exit::Misuse;

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
